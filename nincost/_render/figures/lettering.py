"""How names are written in a picture: as they are, as wide as there is room, never as boxes."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from matplotlib import font_manager, ft2font

from nincost.errors import printable

#: The font of every picture; it comes with matplotlib.
BASE = "DejaVu Sans"
#: Tried first where `BASE` lacks a character, in this order; then every font there is, by name.
_PREFERRED = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "SimHei", "Noto Emoji", "Symbola", "Segoe UI Emoji",
)  # fmt: skip
#: A font that has a box for every character there is; matplotlib brings it along.
_BOXES = "Last Resort"
#: Sources of models that a name may have in front.
_SOURCE = re.compile(r"\b(?:torchvision|timm):(?=\w)")
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    """Text on one line, with what cannot be seen (control characters and such) as escapes.

    XML has no control characters, and one that turns the writing's direction would let a name
    pose as another. A model's name stands without its source: `resnet50`.
    """
    text = _SOURCE.sub("", text)
    return "".join([c if c in _JOINERS else printable(c) for c in text.replace("\t", " ")])


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def shorten(
    text: str, inches: float, size: float, *, keep: Literal["start", "end"] = "start"
) -> str:
    """Visible text that is at most so wide at a font size in points.

    Whole parts go (`…conv2 [aten.cat]`), single characters where no part would be left.
    """
    text = visible(text)
    if text_width(text, size) <= inches:
        return text
    parts = [match.start() for match in re.finditer(r"(?<=[\w\])])[ ./_\[>-]", text)]
    cuts = parts if keep == "end" else parts[::-1]
    for places in (cuts, range(len(text)) if keep == "end" else range(len(text), -1, -1)):
        for place in places:
            kept = text[place:].lstrip(" ./_>-") if keep == "end" else text[:place].rstrip(" ./_>-")
            short = f"…{kept}" if keep == "end" else f"{kept}…"
            if kept and text_width(short, size) <= inches:
                return short
    return "…"


def wrap(text: str, inches: float, size: float, most: int) -> list[str]:
    """Visible text in at most so many lines, broken between words; the last one is shortened."""
    lines: list[str] = []
    words = visible(text).split(" ")
    while words and len(lines) < most - 1:
        count = len(words)
        while count > 1 and text_width(" ".join(words[:count]), size) > inches:
            count -= 1
        lines.append(shorten(" ".join(words[:count]), inches, size))
        words = words[count:]
    return [*lines, shorten(" ".join(words), inches, size)] if words else lines


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Inches that a text takes at a font size in points; one wide character is a square."""
    return sum(_advance(c, bold) for c in text) * size / 72


@functools.cache
def _advance(character: str, bold: bool) -> float:
    if unicodedata.combining(character) or character in _JOINERS:
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    font = _font(BASE, bold)
    if not font.get_char_index(ord(character)):
        return 0.8
    glyph = font.load_char(ord(character), flags=ft2font.LoadFlags.NO_SCALE)
    return float(glyph.horiAdvance) / font.units_per_EM


@functools.cache
def _font(family: str, bold: bool = False) -> ft2font.FT2Font:
    properties = font_manager.FontProperties(family=[family], weight="bold" if bold else "normal")
    path = font_manager.findfont(properties, fallback_to_default=False)
    return font_manager.get_font(path)


def families(texts: Iterable[str]) -> list[str]:
    """The fonts that the texts need between them, `BASE` first."""
    found = [BASE]
    for character in sorted(set("".join(texts))):
        if (family := _family_of(character)) and family not in found:
            found.append(family)
    return found


def without_missing(text: str) -> str:
    """The text with each character that no installed font has as its escape, `\\u4e2d`."""
    return "".join(c if _family_of(c) else _escape(c) for c in text)


@functools.cache
def _family_of(character: str) -> str | None:
    """The font that draws a character; None where no installed font can."""
    if character in _JOINERS or unicodedata.combining(character):
        return BASE
    if _font(BASE).get_char_index(ord(character)):
        return BASE
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    known = {name for name in known if not name.startswith(_BOXES)}
    for family in (*(name for name in _PREFERRED if name in known), *sorted(known)):
        try:
            font = _font(family)
        except (OSError, RuntimeError, ValueError):
            continue  # listed, but gone or broken
        # A font of coloured bitmaps has no outline that a PNG or PDF could be drawn from.
        if font.scalable and font.get_char_index(ord(character)):
            return family
    return None
