"""The two loops of the scripts: one that times calls, one that reads the memory of each call."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import triton

#: As in the scripts.
MEASURED_CALLS = 10
#: Seconds between two calls, in which autograd's thread lets go of the last one's blocks: it may be
#: slow to do so on a busy machine, and the next call would begin with them.
REST = 0.005
#: What triton's timing loop overwrites between two calls, so that nothing is in the card's cache.
CACHE_BYTES = 256_000_000 if triton.__version__ < "3.2" else 256 << 20


@dataclass(frozen=True)
class Case:
    """One point of a script's sweep."""

    provider: str
    mode: str
    x: int
    config: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.config[name]

    @property
    def dtype(self) -> torch.dtype:
        """The one that the configuration names, such as `torch.bfloat16`."""
        found: torch.dtype = getattr(torch, self.config["dtype"].removeprefix("torch."))
        return found


def _time(call: Callable[[], Any], grads: Sequence[torch.Tensor]) -> None:
    """The calls of triton's `do_bench`, fewer of them: from the third on they leave nothing new."""
    call()
    cache = torch.empty(CACHE_BYTES // 4, dtype=torch.int, device="cuda")
    call()
    for tensor in grads:
        tensor.grad = None
    cache.zero_()
    call()


@dataclass
class Loop:
    """Calls what a mode runs; where it `measures`, notes the peak of each call."""

    mode: str
    measures: bool
    peaks: list[float] = field(default_factory=list)

    def __call__(
        self,
        forward: Callable[[], Any],
        full: Callable[[], Any],
        backward: Callable[[Any], Any] | None = None,
        grads: Sequence[torch.Tensor] = (),
    ) -> None:
        """Run the mode's function; `backward` is given what `forward` returned.

        While it times, the scripts' loop drops the gradients of `grads` before each call; while it
        measures, they stay.
        """
        call = full
        if self.mode == "forward":
            call = forward
        elif self.mode == "backward":
            assert backward is not None
            made = forward()

            def call() -> Any:
                return backward(made)

        if not self.measures:
            _time(call, grads)
            return
        for _ in range(MEASURED_CALLS):
            time.sleep(REST)
            torch.cuda.memory.reset_peak_memory_stats()
            call()
            self.peaks.append(torch.cuda.max_memory_allocated() / 2**20)

    def median(self) -> float:
        """MiB, by way of float32 as in the scripts."""
        peaks = torch.tensor(self.peaks, dtype=torch.float)
        found: float = torch.quantile(peaks, torch.tensor([0.5], dtype=torch.float)).tolist()[0]
        return found


#: Those of Liger's own that were found.
siblings: set[str] = set()


def liger(module: str, name: str, otherwise: Any = None) -> Any:
    """A sibling of Liger's own, where `liger-kernel` is installed beside this torch."""
    try:
        found = getattr(importlib.import_module(f"liger_kernel.{module}"), name)
    except ImportError:
        return otherwise
    siblings.add(name)
    return found


#: What the reference losses of the scripts import with them. It matters for when Python's cycle
#: collector runs, and so for what torch.compile has left behind.
_IMPORTED_BY_TESTS = (
    "pytest", "numpy", "tokenizers.models", "tokenizers.pre_tokenizers", "tokenizers.trainers",
    "transformers.configuration_utils", "transformers.modeling_utils",
    "transformers.tokenization_utils_base",
)  # fmt: skip


def import_as_tests_do() -> None:
    """Import what is there of those, as a script does when it makes its first reference loss."""
    for name in _IMPORTED_BY_TESTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


Bench = Callable[[Case, Loop], None]


@dataclass(frozen=True)
class Script:
    """What a script runs, in its order.

    Attributes:
        bench: sets a case up and hands what it runs to the loop.
        providers: those whose cases leave something on the card, and the one that is measured.
        timed: the modes that are timed; memory_first: after memory was measured.
        before: what the script does first, with the configuration and the numbers of experts.
    """

    bench: Bench
    providers: tuple[str, ...]
    timed: tuple[str, ...] = ("forward", "full")
    memory_first: bool = False
    before: Callable[[dict[str, Any], list[int]], None] | None = None
