"""What a sweep gives: a row for each cell, with its settings and figures, or why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nincost._result import Result, Tabular, plain

#: The figures of each command, in the order of the table's columns.
FIGURES: Mapping[str, tuple[str, ...]] = {
    "profile": ("params", "macs", "flops", "activation_bytes"),
    "memory": ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes", "fits"),
    "fit": ("largest_batch_size", "process_bytes", "next_process_bytes"),
    "time": ("step_seconds", "examples_per_second", "mfu", "bound_by"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SweepRow:
    """A cell of a sweep.

    Attributes:
        command: `profile`, `memory`, `fit` or `time`.
        gpu: empty where none was named, or where the command asks for none.
        settings: the options that the sweep gave to this cell, but for model and card.
        reason: why it failed; empty where it did not.
        figures: by the names in `FIGURES`; empty where it failed.
        uncounted: what the figures leave out, as the command names it.
        seconds: that the prediction took.
    """

    command: str
    model: str
    gpu: str
    settings: Mapping[str, Any]
    reason: str
    figures: Mapping[str, Any]
    uncounted: tuple[str, ...]
    seconds: float

    @property
    def failed(self) -> bool:
        return bool(self.reason)

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class SweepTotals:
    """How many cells there are, failed, and were in the journal from before."""

    cells: int
    failed: int
    resumed: int

    def to_dict(self) -> dict[str, int]:
        return plain(self)


@dataclass(frozen=True, slots=True, repr=False)
class Sweep(Result):
    """Many predictions in one table. `print` it, or take `rows` or `to_dataframe()`.

    Attributes:
        rows: a cell each, in the order of the sweep's models, settings and cards.
        journal: the file that the cells were kept in; empty where there was none.
    """

    renderers: ClassVar[str] = "sweep"

    rows: tuple[SweepRow, ...]
    totals: SweepTotals
    journal: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[SweepRow, ...]:
        """The cells that failed."""
        return tuple(row for row in self.rows if row.failed)

    @property
    def options(self) -> tuple[str, ...]:
        """The names of the options that the sweep gives, in the order that they are met."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.settings))

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures of the commands that were asked, each once."""
        asked = {row.command for row in self.rows}
        return tuple(
            dict.fromkeys(
                name for command, names in FIGURES.items() if command in asked for name in names
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "sweep",
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
            "journal": self.journal,
        }

    def tabular(self) -> Tabular:
        """A row for each cell: settings and figures that it has not are empty."""
        columns = (
            "command", "model", "gpu", *self.options, "reason", *self.figures, "uncounted",
            "seconds",
        )  # fmt: skip
        rows = tuple(
            (
                row.command, row.model, row.gpu,
                *(setting_text(row.settings.get(name)) for name in self.options),
                row.reason, *(row.figures.get(name) for name in self.figures),
                ";".join(row.uncounted), round(row.seconds, 3),
            )
            for row in self.rows
        )  # fmt: skip
        return Tabular(columns, rows)

    def headline(self) -> dict[str, Any]:
        return self.totals.to_dict()


def setting_text(value: Any) -> Any:
    """An option's value as a cell has it: numbers and texts as they are."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={inner}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ";".join(map(str, value))
    return value
