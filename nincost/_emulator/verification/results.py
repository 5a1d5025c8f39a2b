"""A prediction beside PyTorch's own CUDA code: plain values, all sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from nincost._result import Result, Tabular

#: The columns of a verification's CSV.
VERIFY_COLUMNS = ("figure", "predicted_bytes", "emulated_bytes", "difference_bytes")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first allocation or free that is not the same, in order.

    Attributes:
        number: how many were the same before it.
        step, phase, layer, operator, category: what was predicted there; where a free was, the last
            three are empty.
        predicted_bytes, emulated_bytes: bytes allocated, or freed, as a negative number; None where
            there was nothing more.
        line: the line of Python, not torch's own, that PyTorch allocated it in; empty in backward.
    """

    number: int
    step: int
    phase: str
    layer: str
    operator: str
    category: str
    predicted_bytes: int | None
    emulated_bytes: int | None
    line: str


@dataclass(frozen=True, slots=True)
class VerificationTotals:
    """Both peaks of both, and how many allocations and frees PyTorch made.

    `agrees` where both peaks are the same to the byte.
    """

    predicted_allocated_bytes: int
    emulated_allocated_bytes: int
    predicted_reserved_bytes: int
    emulated_reserved_bytes: int
    changes: int
    agrees: bool


@dataclass(frozen=True, slots=True, repr=False)
class Verification(Result):
    """A predicted step beside the same step in PyTorch's own CUDA code. `print` it.

    Attributes:
        model, input, batch_size, gpu, settings: what was predicted, as in `Memory`.
        totals: the peaks; difference: where single allocations part first, None where in none.
        notes: what a careful reader should know; environment: versions.
    """

    renderers: ClassVar[str] = "verify"

    model: str
    input: tuple[str, ...]
    batch_size: int
    gpu: str
    settings: Mapping[str, Any]
    totals: VerificationTotals
    difference: Difference | None
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """The command's: 1 where a peak differs."""
        return 0 if self.totals.agrees else 1

    @property
    def rows(self) -> tuple[tuple[str, int, int], ...]:
        """Each peak's name, as predicted and as emulated."""
        t = self.totals
        return (
            ("peak_allocated", t.predicted_allocated_bytes, t.emulated_allocated_bytes),
            ("peak_reserved", t.predicted_reserved_bytes, t.emulated_reserved_bytes),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "verify",
            "kind": "emulated",
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "gpu": self.gpu,
            "settings": dict(self.settings),
            "environment": dict(self.environment),
            "totals": asdict(self.totals),
            "difference": asdict(self.difference) if self.difference else None,
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """A row for each peak."""
        rows = tuple((name, mine, real, mine - real) for name, mine, real in self.rows)
        return Tabular(VERIFY_COLUMNS, rows)

    def headline(self) -> dict[str, Any]:
        return {"model": self.model, "gpu": self.gpu, "agrees": self.totals.agrees}
