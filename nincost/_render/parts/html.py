"""What a notebook shows of a result, in pieces: a table, statements, a picture."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from nincost._chinese.translate import say
from nincost.errors import OutputError

if TYPE_CHECKING:
    from nincost._render.figures.picture import Picture

#: Inches; the picture is shown larger.
PICTURE_WIDTH = 4.6


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures; cells are escaped."""
    first = ' style="text-align:left"'
    lines = [
        "<tr>"
        + "".join(
            f"<{tag}{'' if place else first}>{escape(say(cell))}</{tag}>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for tag, row in (("th", headings), *(("td", row) for row in rows))
    ]
    return f"<table><thead>{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody></table>"


def statements(title: str, lines: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The heading, and lines that each begin with a bold word, as paragraphs."""
    said = "<br>".join(f"<b>{escape(say(name))}</b>: {escape(say(text))}" for name, text in lines)
    return f"<p><b>{escape(say(title))}</b></p>", f"<p>{said}</p>"


def paragraph(text: str) -> str:
    """A text on its own."""
    return f"<p>{escape(say(text))}</p>"


def inline_picture(draw: Callable[[], Picture], words: str) -> str:
    """A picture as an image within the page; nothing where matplotlib is not there.

    An SVG as an image runs no script and loads nothing, whatever a layer's name is.
    """
    try:
        from nincost._render.figures import picture
    except OutputError:
        return ""
    data = b64encode(picture.render(draw(), "svg")).decode()
    return (
        f'<img alt="{escape(words)}" style="width:40em;max-width:100%" '
        f'src="data:image/svg+xml;base64,{data}">'
    )
