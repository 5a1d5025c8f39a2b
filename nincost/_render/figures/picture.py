"""A figure that shows itself in a notebook, and becomes the same file each time it is saved."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from nincost._files import check_writable, write_file
from nincost._render.figures import lettering
from nincost._render.figures.style import Width, inches, looks
from nincost._result import pick_format

Format = Literal["svg", "png", "pdf"]
FORMATS: tuple[Format, ...] = ("svg", "png", "pdf")

#: The title: font size in points, most lines, inches of a line and below the last.
_TITLE_SIZE, _TITLE_LINES, _TITLE_LINE, _TITLE_GAP = 8.0, 2, 0.14, 0.1
_MARGIN = 0.1

#: A PNG's dots to the inch: for print, and in a notebook.
_PRINT_DPI, _SCREEN_DPI = 300, 192
_CSS_DPI = 96
_SCREEN_COLORS = 64
#: What would differ from one run or one matplotlib to the next.
_NO_METADATA: dict[Format, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class Picture(Figure):
    """A matplotlib figure that nincost drew; `savefig` and all else work on it as on any."""

    title: str = ""
    #: Inches from the upper edge to where the title ends; `place` and `write` count from there.
    top: float = 0.0

    @property
    def width(self) -> float:
        """In inches."""
        return float(self.get_size_inches()[0])

    @property
    def height(self) -> float:
        """In inches."""
        return float(self.get_size_inches()[1])

    def place(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes so many inches from the picture's left edge and below its title."""
        share = (
            left / self.width,
            1 - (self.top + top + height) / self.height,
            width / self.width,
            height / self.height,
        )
        return self.add_axes(share)

    def write(self, text: str, left: float, top: float, **how: Any) -> Text:
        """Text so many inches from the picture's left edge and below its title."""
        how = {"va": "top", "ha": "left"} | how
        return self.text(left / self.width, 1 - (self.top + top) / self.height, text, **how)

    def texts_within(self) -> list[Text]:
        """Every text of the picture: title, ticks, legend and the rest."""
        return [text for text in self.findobj(Text) if isinstance(text, Text)]

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """For notebooks: sharp on a fine screen, as wide as in print on a coarse one."""
        size = {
            "width": round(self.width * _CSS_DPI),
            "height": round(self.height * _CSS_DPI),
        }
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(render(self, "png", dpi=_SCREEN_DPI))) as image:
            # A notebook keeps its pictures: with as many colours as are used it stays small.
            image.convert("RGB").quantize(_SCREEN_COLORS).save(buffer, "png", optimize=True)
        return buffer.getvalue(), size


def new_picture(title: str, width: Width, height: float) -> Picture:
    """A picture with nothing but its title, below which there are `height` inches."""
    wide = inches(width)
    lines = lettering.wrap(title, wide - 2 * _MARGIN, _TITLE_SIZE, _TITLE_LINES)
    top = _MARGIN + len(lines) * _TITLE_LINE + _TITLE_GAP
    picture = Picture(figsize=(wide, top + height), facecolor="white")
    picture.title = lettering.visible(title)
    for number, line in enumerate(lines):
        picture.write(line, _MARGIN, _MARGIN + number * _TITLE_LINE, fontsize=_TITLE_SIZE)
    picture.top = top
    return picture


def render(picture: Picture, format: Format, *, dpi: int = _PRINT_DPI) -> bytes:
    """The picture as a file's content: the same bytes for the same picture.

    An SVG has its text as text, for the reader's fonts to show. In PNG and PDF a character that no
    installed font has is written as its escape, `\\u4e2d`.
    """
    metadata = {"Title": picture.title} | _NO_METADATA[format]
    buffer = io.BytesIO()
    with looks(), _lettered(picture, escape=format != "svg"), warnings.catch_warnings():
        if format == "svg":  # it is the reader's fonts that count, not those here
            warnings.filterwarnings("ignore", message=".*[Gg]lyph")
        picture.savefig(buffer, format=format, dpi=dpi, metadata=metadata)
    content = buffer.getvalue()
    # Without the document type, which names a page on the web, an SVG can stand in another page.
    return content[content.index(b"<svg") :] if format == "svg" else content


@contextmanager
def _lettered(picture: Picture, *, escape: bool) -> Iterator[None]:
    """Each text in the fonts that it needs, as escapes where there is none, then as it was."""
    before = [(t, t.get_text(), t.get_fontfamily()) for t in picture.texts_within()]
    fonts = lettering.families(words for _, words, _ in before)
    try:
        for text, words, _ in before:
            text.set_fontfamily(fonts)
            if escape:
                text.set_text(lettering.without_missing(words))
        yield
    finally:
        for text, words, family in before:
            text.set_text(words)
            text.set_fontfamily(family)


def save(picture: Picture, path: str | Path, *, force: bool = False) -> None:
    """Write the picture, whole or not at all; the ending names the format."""
    write_file(path, render(picture, picture_format(path)), force=force)


def plot(
    draw: Callable[[], Picture], path: str | Path | None = None, *, force: bool = False
) -> Picture:
    """Draw, and write the picture to `path` where one is given.

    What is given back has characters that no installed font has as escapes, since its owner may
    show or save it in any way.
    """
    if path is not None:
        picture_format(path)
        check_writable(path, force=force)
    picture = draw()
    if path is not None:
        save(picture, path, force=force)
    texts = picture.texts_within()
    with looks():
        fonts = lettering.families(text.get_text() for text in texts)
        for text in texts:
            text.set_fontfamily(fonts)
            text.set_text(lettering.without_missing(text.get_text()))
    return picture


def picture_format(path: str | Path) -> Format:
    """The format that a file's ending names.

    Raises:
        OutputError: none of the three.
    """
    found = pick_format(None, path, FORMATS)
    return next(name for name in FORMATS if name == found)
