"""A verification as Markdown."""

from __future__ import annotations

from nincost import _units as units
from nincost._emulator.verification.results import Verification
from nincost._render.markdown import escape, items, table
from nincost._render.verify.text import rows, statements, title, verdict


def render(result: Verification) -> str:
    """The table with whole numbers, and the words."""
    cells = [
        [name, units.exact(mine), units.exact(real), between]
        for name, mine, real, between in rows(result)
    ]
    lines = [f"# {escape(title(result))}", "", f"**{escape(verdict(result))}**", ""]
    lines += table(
        ["bytes", "predicted", "emulated", "difference"], cells, [False, True, True, True]
    )
    lines += ["", *items(statements(result))]
    return "\n".join(lines) + "\n"
