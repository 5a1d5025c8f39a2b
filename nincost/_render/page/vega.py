"""Vega for a page: the library as one script, and Vega-Lite charts compiled to what it draws.

Both come from the installed package vl-convert, so no JavaScript of others is kept here, and a page
needs neither Vega-Lite nor a network.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from nincost.errors import OutputError

Spec = dict[str, Any]

#: Modules under the names that vl-convert keeps them by. They are inside the package, without which
#: this fails; nothing is fetched. With the interpreter a page needs no `eval`.
_MODULE = "https://cdn.jsdelivr.net/npm/{name}@{version}/+esm"
_INTERPRETER_VERSIONS = ("2.0.0", "2.1.0", "2.2.0", "2.2.1", "2.3.0")


def needs_extra(error: ImportError) -> OutputError:
    """What to say where one of the page's libraries is not installed."""
    return OutputError(
        f"a page needs {error.name or 'a library'}, which is not installed: "
        "pip install jinja2 'vl-convert-python<2'"
    )


def vl_convert() -> Any:
    """The package; without it an error says how to install it."""
    try:
        import vl_convert
    except ImportError as error:
        raise needs_extra(error) from error
    return vl_convert


@functools.cache
def library() -> str:
    """Vega's runtime as a classic script that sets `window.nincostVega`."""
    package = vl_convert()
    vega = _MODULE.format(name="vega", version=package.get_vega_version())
    for version in _INTERPRETER_VERSIONS:
        interpreter = _MODULE.format(name="vega-interpreter", version=version)
        snippet = (
            f"import {{View,parse,expressionFunction}} from '{vega}';"
            f"import {{expressionInterpreter}} from '{interpreter}';"
            "window.nincostVega={View,parse,expressionFunction,expressionInterpreter};"
        )
        try:
            script: str = package.javascript_bundle(snippet)
        except ValueError:  # another vl-convert has another version inside
            continue
        credit = (
            f"/* Vega {package.get_vega_version()}, University of Washington Interactive Data Lab, "
            "BSD-3-Clause (github.com/vega/vega), with D3 by Mike Bostock, ISC (d3js.org) */\n"
        )
        return f"{credit}(()=>{{{script}}})();"
    raise OutputError(
        f"vl-convert {package.__version__} has no vega-interpreter that nincost knows: "
        "pip install jinja2 'vl-convert-python<2' in a fresh environment"
    )


def compiled(charts: Mapping[str, Spec]) -> dict[str, Any]:
    """Vega specifications of Vega-Lite charts, with the look that all of them share."""
    package = vl_convert()
    return {name: package.vegalite_to_vega({**_LOOK, **chart}) for name, chart in charts.items()}


_FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

#: Colours are the page's own variables, so that they follow its scheme.
_LOOK: Spec = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "background": None,
    "width": "container",
    "padding": {"left": 2, "right": 6, "top": 4, "bottom": 2},
    "autosize": {"type": "fit", "contains": "padding"},
    "config": {
        "customFormatTypes": True,
        "font": _FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": "var(--soft)", "titleColor": "var(--soft)", "titleFontWeight": "normal",
            "gridColor": "var(--line)", "gridOpacity": 0.7, "domainColor": "var(--soft)",
            "tickColor": "var(--soft)", "labelFontSize": 11, "titleFontSize": 12,
        },
        "text": {"color": "var(--ink)", "font": _FONT, "fontSize": 12},
    },
}  # fmt: skip
