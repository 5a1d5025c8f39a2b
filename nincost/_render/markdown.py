"""A profile as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nincost._profile.results import Profile
from nincost._profile.view import View, flat_rows, total_row
from nincost._render import units
from nincost._render.profile.text import notes, summary

_COLUMNS = ("layer", "type", "output_shape", "params", "macs", "activation_bytes")
_TEXT = frozenset({"layer", "type", "input_shape", "output_shape"})


def render(profile: Profile, view: View | None = None) -> str:
    """A heading, the rows with whole numbers, and the totals in words."""
    view = view or View()
    columns = view.pick_columns(_COLUMNS)
    rows = [*flat_rows(profile, view), total_row(profile)]
    cells = []
    for row in rows:
        values = row.to_dict()
        cells.append([_cell(values[name]) for name in columns])
    lines = [f"# {escape(profile.model)}", ""]
    lines += table(columns, cells, right=[name not in _TEXT for name in columns])
    lines.append("")
    lines += [f"- {escape(name)}: {escape(text)}" for name, text in summary(profile)]
    lines += [f"- {escape(text)}" for text in notes(profile)]
    return "\n".join(lines) + "\n"


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]
) -> list[str]:
    """The lines of a Markdown table; `right` tells which columns are aligned to the right."""
    lines = [
        "| " + " | ".join(columns) + " |",
        "| " + " | ".join("---:" if flag else "---" for flag in right) + " |",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return lines


def escape(text: str) -> str:
    """Text that Markdown and the HTML in it show as it stands."""
    text = " ".join(text.split())
    for character in "\\&<>`*_|[]~$":  # & before the entities that it begins
        text = text.replace(character, _ENTITIES.get(character, f"\\{character}"))
    return text


_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def _cell(value: str | int) -> str:
    return units.exact(value) if isinstance(value, int) else escape(value)
