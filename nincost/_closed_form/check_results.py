"""The result of checking: each layer by hand and by trace, and the sums by every tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from nincost._chinese.translate import Lang
from nincost._result import Result, Tabular
from nincost._trace.records import Shape

CheckVerdict = Literal["agrees", "differs", "trace only"]


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A layer by hand and by trace.

    Attributes:
        layer, type, calls: as in a profile; a layer here is a module that has a hand formula, or
            an operator outside any such module.
        output_shape: of its first call, in the trace.
        hand_params, hand_macs: elements and MACs by the formula, all calls together; None where
            there is no hand formula.
        trace_params, trace_macs: the same from the trace.
        fvcore_macs: what fvcore counts in it (element-wise work included); None where fvcore was
            not run, or has no such module.
        verdict: `agrees`, `differs`, or `trace only` where there is no hand formula.
        note: what differs.
    """

    layer: str
    type: str
    calls: int
    output_shape: Shape
    hand_params: int | None
    trace_params: int
    hand_macs: int | None
    trace_macs: int
    fvcore_macs: int | None
    verdict: CheckVerdict
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in CHECK_COLUMNS}
        row["output_shape"] = str(self.output_shape)
        return row


CHECK_COLUMNS = tuple(CheckRow.__slots__)


@dataclass(frozen=True, slots=True)
class CheckTotals:
    """Sums: by hand (with the operators that only the trace has), by trace, and by each tool."""

    hand_params: int
    trace_params: int
    hand_macs: int
    trace_macs: int
    trace_only_macs: int
    fvcore_macs: int | None
    flop_counter_macs: int | None

    def to_dict(self) -> dict[str, int | None]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, repr=False)
class Check(Result):
    """The comparison: `ok` where every hand formula agrees with the trace."""

    renderers: ClassVar[str] = "check"

    model: str
    input: tuple[str, ...]
    batch_size: int
    mode: str
    rows: tuple[CheckRow, ...]
    totals: CheckTotals
    notes: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    lang: Lang | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        return not any(row.verdict == "differs" for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "command": "check",
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "mode": self.mode,
            "ok": self.ok,
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "layers": [row.to_dict() for row in self.rows],
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """The layers by hand and by trace; None where there is no hand formula or no figure."""
        return Tabular.of(CHECK_COLUMNS, (row.to_dict() for row in self.rows))

    def headline(self) -> dict[str, Any]:
        """The model, the verdict and the totals by trace."""
        return {
            "model": self.model,
            "input": ", ".join(self.input),
            "ok": self.ok,
            "trace_params": self.totals.trace_params,
            "trace_macs": self.totals.trace_macs,
        }
