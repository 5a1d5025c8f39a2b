"""What a plan gives: the ways to train a model that fit, least memory first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nincost._result import Result, Tabular, plain

#: The columns of a plan's CSV.
PLAN_COLUMNS = (
    "parallel", "activation_checkpointing", "precision", "optimizer_impl", "compile",
    "batch_size", "grad_accumulation", "process_bytes", "peak_reserved_bytes",
    "peak_allocated_bytes", "on_front", "examples_per_second", "command",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A way to train the model that fits, at its largest batch.

    Attributes:
        parallel: how the ranks share the model; empty on one.
        precision: `float32`, `amp bfloat16`, `bfloat16`, or FSDP's `mixed bfloat16`.
        compile: whether torch.compile compiles the model.
        batch_size: examples of a rank in one pass; grad_accumulation: passes of an optimizer step.
        on_front: whether nothing else is as fast in less memory; where times are not known, has
            as large a batch in less memory.
        examples_per_second: as `nincost.time` predicts them; None where that is not known.
        command: what predicts it with all its layers and ranks.
    """

    parallel: str
    activation_checkpointing: str
    precision: str
    optimizer_impl: str
    compile: bool
    batch_size: int
    grad_accumulation: int
    process_bytes: int
    peak_reserved_bytes: int
    peak_allocated_bytes: int
    on_front: bool
    command: str
    examples_per_second: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """How much was looked at.

    Attributes:
        ways: combinations of options; tried: of them, those of which at least one step was run;
            fitting: those that fit.
        steps: steps that were run or recorded.
        budget_bytes: what a rank may take.
    """

    ways: int
    tried: int
    fitting: int
    steps: int
    budget_bytes: int

    def to_dict(self) -> dict[str, int]:
        return plain(self)


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Result):
    """Ways to train a model on a number of cards. `print` it, or take `rows`.

    Attributes:
        model, input, gpu, ranks: what was asked about; settings: the options that all ways share.
        global_batch: examples of an optimizer step over all ranks; None where that is free.
        rows: the ways that fit, those with the most examples a second first, where that is known
            of all, else those with the least memory; totals: how many were tried.
        dropped: why others were not tried further, and how many: by reason.
        engine: what the figures are of, as in `Memory`; of compiled ways they are emulated.
    """

    renderers: ClassVar[str] = "plan"

    model: str
    input: tuple[str, ...]
    gpu: str
    ranks: int
    global_batch: int | None
    settings: Mapping[str, Any]
    rows: tuple[PlanRow, ...]
    totals: PlanTotals
    dropped: Mapping[str, int]
    engine: str
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def front(self) -> tuple[PlanRow, ...]:
        """The rows that no other one beats in memory and in speed (in batch, without times)."""
        return tuple(row for row in self.rows if row.on_front)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "plan",
            "model": self.model,
            "input": list(self.input),
            "gpu": self.gpu,
            "ranks": self.ranks,
            "global_batch": self.global_batch,
            "settings": dict(self.settings),
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
            "dropped": dict(self.dropped),
            "engine": self.engine,
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """A row for each way that fits."""
        return Tabular.of(PLAN_COLUMNS, (row.to_dict() for row in self.rows))

    def headline(self) -> dict[str, Any]:
        return {"model": self.model, "gpu": self.gpu, "ranks": self.ranks, **self.totals.to_dict()}
