"""Where Inductor and Triton choose among kernels; nothing here imports them, or torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: The module of Inductor that chooses an algorithm, in its class `AlgorithmSelectorCache`.
ALGORITHM_SELECTION = "torch._inductor.select_algorithm"


def bench_of(autotuner: Any) -> Callable[..., Any]:
    """`triton.runtime.autotuner.Autotuner._bench`, which times one configuration."""
    found: Callable[..., Any] = autotuner._bench
    return found


def replace_bench(autotuner: Any, bench: Callable[..., Any]) -> None:
    """Have all configurations timed by `bench`."""
    autotuner._bench = bench
