"""A check as Markdown."""

from __future__ import annotations

from nincost._closed_form.check_results import Check
from nincost._render.check.text import statements
from nincost._render.markdown import escape, items, rows_of


def render(check: Check) -> str:
    """The rows as a table, then the verdict and what explains it."""
    title = escape(f"{check.model}: check")
    lines = [f"# {title}", "", *rows_of(check), "", *items(statements(check))]
    return "\n".join(lines) + "\n"
