"""What all pages share: one file with its style, its scripts and a policy that allows no other."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from nincost import _units as units
from nincost._chinese.translate import spoken
from nincost._render.page.spoken import chart_in_chinese, in_chinese
from nincost._render.page.vega import Spec, compiled, library, needs_extra, vl_convert
from nincost._trace.recording import GENERATION_CATEGORIES

#: Levels of indentation in a layer table; what lies deeper is indented as much as the last.
DEEPEST = 14

#: Without scripts nothing can be unfolded, so nothing is folded.
_UNFOLDED = "tr[hidden]{display:table-row}"


def render(template: str, charts: Mapping[str, Spec], **context: Any) -> str:
    """A page from one of the templates.

    Text is escaped by Jinja; charts go into a data block as JSON without any `<`. The page's policy
    names the hash of each script and of the style sheet, so nothing else can run or load.
    """
    zh = spoken() == "zh"
    if zh:
        charts = {name: chart_in_chinese(chart) for name, chart in charts.items()}
    scripts = [_static("layers.js")]
    if charts:
        scripts += [library(), _static("charts.js")]
    style = _style()
    page: str = _environment().get_template(template).render(
        style=_markup(style),
        unfolded=_markup(_UNFOLDED),
        scripts=[_markup(_closed(script)) for script in scripts],
        data=_markup(_json(compiled(charts))) if charts else "",
        charts=list(charts),
        policy="; ".join((
            "default-src 'none'",
            f"script-src {' '.join(_hash(_closed(script)) for script in scripts)}",
            f"style-src {_hash(style)} {_hash(_UNFOLDED)}",
            "base-uri 'none'",
            "form-action 'none'",
        )),
        **context,
    )  # fmt: skip
    return in_chinese(page) if zh else page


def check_libraries() -> None:
    """Raise `OutputError` where a library of the extra `report` is not installed."""
    vl_convert()
    _environment()


@functools.cache
def _environment() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise needs_extra(error) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nincost._render.page", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "exact": units.exact, "size": units.size, "count": units.count, "signed": _signed,
    }  # fmt: skip
    return environment


def _signed(value: int, how: str = "exact") -> str:
    """A difference with its sign, as a whole number or a size."""
    written = {"size": units.size, "count": units.count, "exact": units.exact}[how]
    words = written(abs(value))
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{words}"


def _markup(text: str) -> Any:
    from markupsafe import Markup

    # The page's own style and scripts, and JSON that _json escaped.
    return Markup(text)  # nosec B704


@functools.cache
def _static(name: str) -> str:
    return (
        resources.files("nincost._render.page").joinpath("static", name).read_text(encoding="utf-8")
    )


@functools.cache
def _style() -> str:
    indents = "".join(
        f".layers [data-d='{depth}'] > :first-child{{padding-left:{0.7 + 1.1 * depth:.1f}em}}"
        for depth in range(1, DEEPEST + 1)
    )
    swatches = "".join(f".s-{name}{{background:var(--{name})}}" for name in GENERATION_CATEGORIES)
    text = _static("page.css").replace("INDENTS", indents).replace("SWATCHES", swatches)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _closed(script: str) -> str:
    """A script without a sequence that would end it in HTML."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _json(value: Any) -> str:
    """JSON that cannot end its data block, whatever the names in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
