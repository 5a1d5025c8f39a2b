"""The built-in variants as a table, CSV, JSON and Markdown."""

from __future__ import annotations

from rich.text import Text

from nincost._environment import environment
from nincost._profile.variants import VariantSummary
from nincost._render import csv, json, markdown, units
from nincost._render.terminal import draw, new_table

_COLUMNS = tuple(VariantSummary.__slots__)


def render(
    rows: tuple[VariantSummary, ...], *, width: int | None = None, color: bool = False
) -> str:
    """A table for a terminal."""
    table = new_table()
    table.add_column("Variant", no_wrap=True)
    table.add_column("Input", no_wrap=True)
    table.add_column("Params", justify="right", no_wrap=True)
    table.add_column("MACs", justify="right", no_wrap=True)
    table.add_column("Source", overflow="fold")
    for row in rows:
        figures = (units.exact(row.params), units.exact(row.macs))
        table.add_row(Text(row.variant, style="bold"), row.input, *figures, Text(row.source))
    return draw([table], width=width, color=color)


def render_csv(rows: tuple[VariantSummary, ...]) -> str:
    """One row for each variant."""
    return csv.write(_COLUMNS, ([row.to_dict()[name] for name in _COLUMNS] for row in rows))


def render_json(rows: tuple[VariantSummary, ...]) -> str:
    """The variants with the versions that counted them."""
    return json.text({
        "schema": 1,
        "command": "variants",
        "environment": environment(),
        "variants": [row.to_dict() for row in rows],
    })  # fmt: skip


def render_markdown(rows: tuple[VariantSummary, ...]) -> str:
    """A Markdown table."""
    cells = [
        [
            row.variant,
            markdown.escape(row.source),
            row.input,
            units.exact(row.params),
            units.exact(row.macs),
        ]
        for row in rows
    ]
    right = [name in ("params", "macs") for name in _COLUMNS]
    return "\n".join(markdown.table(_COLUMNS, cells, right)) + "\n"
