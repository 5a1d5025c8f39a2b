"""What `fit` gives: the batch, and the memory at it and at one more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nincost._memory.results import Memory
from nincost._result import Result, Tabular
from nincost._trace.recording import CATEGORIES

#: The columns of a fit's CSV: a row for the largest batch, and one for one more.
FIT_COLUMNS = (
    "batch_size", "fits", "process_bytes", "budget_bytes", "peak_allocated_bytes",
    "peak_reserved_bytes", *CATEGORIES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FitTotals:
    """The answer, in examples and bytes.

    Attributes:
        batch_size: the largest batch that fits.
        process_bytes: what the process takes at it, context included.
        next_process_bytes: what it would take at one more.
        budget_bytes: the card's memory, or the size that was given.
        next_batch_size: the next larger batch that was tried: one more, or of a pipeline so many
            more that its micro-batches divide it; the answer itself where no larger one divides
            the global batch.
        global_batch: examples of an optimizer step over all ranks, where that was asked for;
            grad_accumulation: backward passes that make it up.
        examples_per_second: as `nincost.time` predicts them at the answer; fastest_batch_size: the
            batch that fits with the most of them, of those that were tried, and
            fastest_examples_per_second. None where no card was named.
    """

    batch_size: int
    process_bytes: int
    next_process_bytes: int
    budget_bytes: int
    next_batch_size: int
    global_batch: int | None = None
    grad_accumulation: int = 1
    examples_per_second: float | None = None
    fastest_batch_size: int | None = None
    fastest_examples_per_second: float | None = None

    def to_dict(self) -> dict[str, int | float | None]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class FitPoint:
    """What a step takes at a batch, predicted in full; sizes in bytes."""

    batch_size: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int

    def to_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, repr=False)
class Fit(Result):
    """The largest batch for a budget. `print` it, or take `totals`.

    Attributes:
        model, settings: what was asked about; `input` as at the answer.
        gpu: the card whose rules and context were taken.
        totals: the answer.
        memory, next_memory: the whole prediction at the answer, and at one more.
        points: the batches at which the step was recorded and predicted in full, with the memory
            of each.
        notes: what a careful reader should know.
        environment: versions.
    """

    renderers: ClassVar[str] = "fit"

    model: str
    input: tuple[str, ...]
    settings: Mapping[str, Any]
    gpu: str
    totals: FitTotals
    memory: Memory
    next_memory: Memory
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    points: tuple[FitPoint, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content; `layers` are those of the peak at the answer."""
        return {
            "schema": 1,
            "command": "fit",
            "model": self.model,
            "input": list(self.input),
            "settings": dict(self.settings),
            "gpu": self.gpu,
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "memory": self.memory.totals.to_dict(),
            "next_memory": self.next_memory.totals.to_dict(),
            "layers": [layer.to_dict() for layer in self.memory.layers],
            "uncounted": list(self.memory.uncounted),
            "points": [point.to_dict() for point in self.points],
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """A row for the answer and a row for one more, in bytes."""
        batch, more = self.totals.batch_size, self.totals.next_batch_size
        columns = (*FIT_COLUMNS[: -len(CATEGORIES)], *self.memory.totals.categories_at_peak)
        rows = [self._row(batch, self.memory, fits=1)]
        if more != batch:
            rows.append(self._row(more, self.next_memory, fits=0))
        return Tabular.of(columns, rows)

    def _row(self, batch: int, memory: Memory, *, fits: int) -> dict[str, int]:
        totals = memory.totals
        return {
            "batch_size": batch,
            "fits": fits,
            "process_bytes": totals.process_bytes,
            "budget_bytes": self.totals.budget_bytes,
            "peak_allocated_bytes": totals.peak_allocated_bytes,
            "peak_reserved_bytes": totals.peak_reserved_bytes,
            **totals.categories_at_peak,
        }

    def headline(self) -> dict[str, Any]:
        """The model, the card and the answer."""
        return {"model": self.model, "gpu": self.gpu, **self.totals.to_dict()}
