"""A page in the language that is spoken: its words and its charts', sentence by sentence.

Templates and charts are written in English; what stands between two tags, in an attribute that is
read to people, or in a chart's titles is one sentence of a catalog of `nincost._chinese`.
"""

from __future__ import annotations

import functools
import html
import re
from typing import Any

from nincost._chinese.translate import chinese

_SKIPPED = r"<(?:script|style|code|tbody data-own)\b.*?</(?:script|style|code|tbody)>"
_PIECE = re.compile(
    rf"(?P<skipped>{_SKIPPED})|>(?P<text>[^<>]*[A-Za-z][^<>]*)(?=<)"
    r"|(?P<name>\s(?:title|aria-label|placeholder)=)\"(?P<value>[^\"]*[A-Za-z][^\"]*)\"",
    re.DOTALL,
)
#: Keys of a Vega-Lite chart whose text is read.
_TITLES = frozenset({"title", "description"})
#: Fields of a chart's rows that are read, beside those of tooltips.
_READ = frozenset({"word", "words", "answer", "phase", "bound"})


def in_chinese(page: str) -> str:
    """The page with its words in Chinese; names of layers, types and units stay."""
    page = page.replace('<html lang="en">', '<html lang="zh">', 1)
    return _PIECE.sub(_said, page)


def _said(match: re.Match[str]) -> str:
    if match["skipped"]:
        return match[0]
    if match["text"] is not None:
        return ">" + _sentence(match["text"])
    return f'{match["name"]}"{_sentence(match["value"])}"'


@functools.lru_cache(maxsize=20_000)
def _sentence(text: str) -> str:
    """A sentence between spaces, which stay."""
    bare = text.strip()
    said = chinese(html.unescape(" ".join(bare.split())))
    lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{lead}{html.escape(said)}{tail}"


def chart_in_chinese(spec: Any, key: str = "") -> Any:
    """A chart's description, its titles and the words that its rows show, in Chinese."""
    if isinstance(spec, dict):
        return {name: chart_in_chinese(value, name) for name, value in spec.items()}
    if isinstance(spec, list):
        return [chart_in_chinese(one, key) for one in spec]
    if isinstance(spec, str) and (key in _TITLES or key in _READ):
        return chinese(spec)
    if isinstance(spec, str) and key == "domain" and spec.endswith("-bound"):
        return chinese(spec)  # of the field `bound`; a category's is a name
    return spec
