"""An explanation as Markdown."""

from __future__ import annotations

from nincost._explain.receptive_field import ReceptiveFields
from nincost._explain.results import Explained
from nincost._render.explain import text as words
from nincost._render.markdown import escape


def render(explained: Explained) -> str:
    """A heading for each layer, its working as a list, then the totals."""
    lines = [f"# {escape(words.title(explained))}", ""]
    said: set[tuple[str, str]] = set()
    before: ReceptiveFields = ()
    for layer in explained.layers:
        lines += [f"## {escape(words.heading(layer))}", ""]
        lines += [_item(*line) for line in words.layer_lines(layer, explained.lang, said, before)]
        lines.append("")
        before = layer.field
    lines += [_item(*line) for line in words.closing(explained)]
    return "\n".join(lines) + "\n"


def _item(name: str, text: str) -> str:
    return f"- **{escape(name)}** {escape(text)}" if name else f"- {escape(text)}"
