"""A training as table, CSV, Markdown and HTML: a row for each epoch, and words."""

from __future__ import annotations

from html import escape as escape_html

from rich.console import RenderableType
from rich.text import Text

from nincost._render import csv, markdown
from nincost._render.terminal import draw, new_table, statements
from nincost._render.train.text import summary, title
from nincost._train.results import EPOCH_COLUMNS, Epoch, Training

_COLUMNS = ("Epoch", "Train loss", "Train acc.", "Test loss", "Test acc.", "Examples/s", "Seconds")


def _cells(row: Epoch) -> list[str]:
    return [
        str(row.epoch), f"{row.train_loss:.4f}", f"{row.train_accuracy:.4f}",
        f"{row.test_loss:.4f}", f"{row.test_accuracy:.4f}", f"{row.examples_per_second:,.1f}",
        f"{row.seconds:,.1f}",
    ]  # fmt: skip


def _words(result: Training) -> list[tuple[str, str]]:
    return [*summary(result), *(("Note", text) for text in result.notes)]


def render(result: Training, *, width: int | None = None, color: bool = False) -> str:
    """The epochs, and what was measured beside what was predicted."""
    table = new_table()
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in result.epochs:
        table.add_row(*map(Text, _cells(row)))
    parts: list[RenderableType] = [
        Text(title(result), style="bold"), Text(), table, Text(), statements(_words(result)),
    ]  # fmt: skip
    return draw(parts, width=width, color=color)


def render_csv(result: Training) -> str:
    """A row for each epoch, all digits."""
    rows = (row.to_dict() for row in result.epochs)
    return csv.write(EPOCH_COLUMNS, ([row[name] for name in EPOCH_COLUMNS] for row in rows))


def render_markdown(result: Training) -> str:
    """The table and the words."""
    lines = [f"# {markdown.escape(title(result))}", ""]
    lines += markdown.table(
        [name.lower() for name in _COLUMNS], map(_cells, result.epochs), [True] * len(_COLUMNS)
    )
    lines.append("")
    lines += [f"- {name}: {markdown.escape(text)}" for name, text in _words(result)]
    return "\n".join(lines) + "\n"


def render_html(result: Training) -> str:
    """A plain HTML table, for notebooks."""
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in _cells(row)) + "</tr>"
        for row in result.epochs
    )
    said = "<br>".join(
        f"<b>{escape_html(name)}</b>: {escape_html(text)}" for name, text in _words(result)
    )
    return (
        f"<p><b>{escape_html(title(result))}</b></p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table><p>{said}</p>"
    )
