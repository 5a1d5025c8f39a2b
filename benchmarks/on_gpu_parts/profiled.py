"""The kernels of a profiled step, from the profiler's trace: which operator launched each."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What runs on the card.
_ON_CARD = {"kernel", "gpu_memcpy", "gpu_memset"}


@dataclass(frozen=True, slots=True)
class Kernel:
    """Equal launches of a step.

    Attributes:
        op: the aten operator that launched it, empty where none did.
        shapes, types, values: of its arguments, as the profiler writes them.
        kernel: the kernel's name, without its arguments.
        launches: how many there were.
        microseconds: of all of them.
        grid, block: of one.
    """

    op: str
    shapes: str
    types: str
    values: str
    kernel: str
    launches: int
    microseconds: float
    grid: str
    block: str

    def row(self) -> list[Any]:
        return [getattr(self, name) for name in self.__slots__]


def kernels_of(trace: Path) -> list[Kernel]:
    """The kernels in a trace that torch.profiler exported, equal ones together."""
    events = json.loads(trace.read_text())["traceEvents"]
    operators = {
        event["args"]["External id"]: event
        for event in events
        if event.get("cat") == "cpu_op" and "External id" in event.get("args", {})
    }
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") not in _ON_CARD:
            continue
        own = event["args"]
        operator = operators.get(own.get("External id"), {})
        arguments = operator.get("args", {})
        key = (
            operator.get("name", ""),
            _text(arguments.get("Input Dims")),
            _text(arguments.get("Input type")),
            _text(arguments.get("Concrete Inputs")),
            _short(event["name"]),
            _text(own.get("grid")),
            _text(own.get("block")),
        )
        found[key].append(float(event["dur"]))
    return [
        Kernel(*key[:5], len(times), round(sum(times), 3), *key[5:]) for key, times in found.items()
    ]


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, separators=(",", ":"))


def _short(name: str) -> str:
    """`void at::native::vectorized_elementwise_kernel<4, ...>(...)` without what is in brackets."""
    name = name.removeprefix("void ")
    return name[:120] if "<" not in name else name[: name.index("<")] + _functor(name)


def _functor(name: str) -> str:
    """Which function an element-wise kernel applies."""
    for part in name.replace("<", " ").replace(",", " ").replace("(", " ").split():
        if part.endswith(("Functor", "_functor", "Ops")) or "Functor" in part:
            return f" {part[-60:]}"
    return ""
