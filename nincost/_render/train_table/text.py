"""What trainings side by side say: their rows, ours and the published ones, and words."""

from __future__ import annotations

from nincost._train.compare_runs import RunComparison, TrainTable
from nincost._train.run_list import PublishedFigures

#: The columns of the table.
COLUMNS = ("Training", "By", "Train loss", "Train acc.", "Test acc.", "Examples/s")
TEXT_COLUMNS = frozenset({"Training", "By"})
_FIGURES = ("train_loss", "train_accuracy", "test_accuracy", "examples_per_second")


def here(row: RunComparison) -> list[str]:
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


def published(one: PublishedFigures) -> list[str]:
    """A published figure's row under `COLUMNS`."""
    values = (getattr(one, name) for name in _FIGURES)
    return ["", one.by, *("-" if v is None else f"{v:,}" for v in values)]


def statements(result: TrainTable) -> list[tuple[str, str]]:
    """All that is said below the table: failures, the devices, the notes."""
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
