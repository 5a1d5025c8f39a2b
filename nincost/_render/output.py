"""Which format a result is written in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nincost.errors import OutputError, did_you_mean

FORMATS = ("table", "csv", "json", "markdown")

_SUFFIXES = {
    ".csv": "csv", ".json": "json", ".md": "markdown", ".txt": "table",
    ".html": "html", ".svg": "svg", ".png": "png", ".pdf": "pdf",
}  # fmt: skip


def pick_format(
    chosen: str | None, output: str | Path | None, formats: Sequence[str] = FORMATS
) -> str:
    """The format asked for, else the one that the file's ending names, else a table.

    `formats` are those that the command has.
    """
    if chosen is not None:
        return chosen
    if output is None:
        return "table"
    suffix = Path(output).suffix.lower()
    endings = {ending: name for ending, name in _SUFFIXES.items() if name in formats}
    if suffix in endings:
        return endings[suffix]
    raise OutputError(
        f"the ending of {str(output)!r} names no format: end it in {', '.join(endings)}, or "
        f"give --format{did_you_mean(suffix, endings)}"
    )
