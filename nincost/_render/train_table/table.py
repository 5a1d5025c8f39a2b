"""Trainings side by side, with published figures: table, CSV and Markdown."""

from __future__ import annotations

from typing import Literal

from rich.console import RenderableType
from rich.text import Text

from nincost._render import csv, markdown
from nincost._render.terminal import draw, new_table, statements
from nincost._train.compare_runs import TABLE_COLUMNS, RunComparison, TrainTable
from nincost._train.run_list import PublishedFigures

_COLUMNS = ("Training", "By", "Train loss", "Train acc.", "Test acc.", "Examples/s")
_FIGURES = ("train_loss", "train_accuracy", "test_accuracy", "examples_per_second")


def _here(row: RunComparison) -> list[str]:
    """Our runs: the mean, and with several seeds how far they go to each side at most."""
    failed = sum(run.training is None for run in row.runs)
    guessing = sum(one.not_learning for one in row.trained)
    plural = "s" if len(row.runs) > 1 else ""
    who = f"here, {len(row.runs)} seed{plural}"
    who += f", {failed} failed" if failed else ""
    who += f", {guessing} not learning" if guessing else ""
    return [row.entry.name, who, *(_spread(row.values(name), name) for name in _FIGURES)]


def _spread(values: list[float], name: str) -> str:
    if not values:
        return "-"
    middle = sum(values) / len(values)
    if len(values) == 1:
        return _figure(middle, name)
    away = max(abs(value - middle) for value in values)
    return f"{_figure(middle, name)} ±{_figure(away, name)}"


def _figure(value: float, name: str) -> str:
    return f"{value:,.1f}" if name == "examples_per_second" else f"{value:.3f}"


def _theirs(one: PublishedFigures) -> list[str]:
    values = (getattr(one, name) for name in _FIGURES)
    return ["", one.by, *("-" if v is None else f"{v:,}" for v in values)]


def _words(result: TrainTable) -> list[tuple[str, str]]:
    words = []
    for row in result.rows:
        for run in row.runs:
            if run.failure:
                words.append(("Failed", f"{row.entry.name}, seed {run.seed}: {run.failure}"))
    devices = {one.speed.device for row in result.rows for one in row.trained}
    shares = [one.speed.loading_share for row in result.rows for one in row.trained]
    if devices:
        words.insert(0, ("Device", ", ".join(sorted(devices))))
    if shares:
        words.insert(1, ("Loader", f"making batches took at most {max(shares):.1%} of the time"))
    return [*words, *(("Note", text) for text in result.notes)]


def render(result: TrainTable, *, width: int | None = None, color: bool = False) -> str:
    """Each training's own figures, and the published ones below."""
    table = new_table()
    for name in _COLUMNS:
        text = name in ("Training", "By")
        side: Literal["left", "right"] = "left" if text else "right"
        table.add_column(name, justify=side, no_wrap=not text, overflow="fold")
    for row in result.rows:
        table.add_row(*map(Text, _here(row)))
        for one in row.entry.published:
            table.add_row(*map(Text, _theirs(one)), style="dim")
    parts: list[RenderableType] = [table, Text(), statements(_words(result))]
    return draw(parts, width=width, color=color)


def render_csv(result: TrainTable) -> str:
    """A row for each run and each published figure, all digits."""
    return csv.write(TABLE_COLUMNS, result.flat())


def render_markdown(result: TrainTable) -> str:
    """The same as the terminal's table."""
    rows = []
    for row in result.rows:
        rows.append(_here(row))
        rows += [_theirs(one) for one in row.entry.published]
    cells = [[markdown.escape(cell) for cell in row] for row in rows]
    right = [name not in ("Training", "By") for name in _COLUMNS]
    lines = markdown.table([name.lower() for name in _COLUMNS], cells, right)
    lines.append("")
    lines += [f"- {name}: {markdown.escape(text)}" for name, text in _words(result)]
    return "\n".join(lines) + "\n"
