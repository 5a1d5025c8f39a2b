"""The largest batch as Markdown: the memory at it and at one more."""

from __future__ import annotations

from nincost import _units as units
from nincost._memory.fit_results import Fit
from nincost._render.fit.text import rows, statements, title
from nincost._render.markdown import escape, items, table


def render(result: Fit) -> str:
    """The table with whole numbers, and the words."""
    batch = result.totals.batch_size
    cells = [[name, units.exact(at), units.exact(more)] for name, at, more in rows(result)]
    columns = ["at the peak", f"batch {batch}", f"batch {result.totals.next_batch_size}"]
    lines = [f"# {escape(title(result))}", ""]
    lines += table(columns, cells, [False, True, True])
    lines += ["", *items(statements(result))]
    return "\n".join(lines) + "\n"
