"""Any result's rows as a Markdown table, and what all Markdown is written with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nincost import _units as units
from nincost._chinese.translate import say
from nincost._result import Result


def render(result: Result) -> str:
    """The result's own rows with whole numbers; an empty cell where nothing is known."""
    return "\n".join(rows_of(result)) + "\n"


def rows_of(result: Result) -> list[str]:
    """The lines of the table of a result's own rows; columns of numbers are aligned right."""
    values = result.tabular()
    right = [
        not any(isinstance(row[place], str) for row in values.rows)
        for place in range(len(values.columns))
    ]
    return table(values.columns, ([cell(value) for value in row] for row in values.rows), right)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]
) -> list[str]:
    """The lines of a Markdown table; `right` says which columns are aligned to the right."""
    lines = [
        "| " + " | ".join(map(say, columns)) + " |",
        "| " + " | ".join("---:" if flag else "---" for flag in right) + " |",
    ]
    lines += ["| " + " | ".join(map(say, row)) + " |" for row in rows]
    return lines


def items(lines: Iterable[tuple[str, str]]) -> list[str]:
    """A list of statements that each have a name."""
    return [f"- {say(name)}: {escape(text)}" for name, text in lines]


def cell(value: Any) -> str:
    """A value as a cell: a whole number with commas, text escaped, nothing for None."""
    if value is None:
        return ""
    return units.exact(value) if isinstance(value, int) else escape(str(value))


def escape(text: str) -> str:
    """Text that Markdown and the HTML in it show as it stands, in the language that is spoken."""
    text = " ".join(say(text).split())
    for character in "\\&<>`*_|[]~$":  # & before the entities that it begins
        text = text.replace(character, _ENTITIES.get(character, f"\\{character}"))
    return text


_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
