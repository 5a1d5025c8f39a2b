"""Where Inductor and Triton choose among kernels; nothing here imports them, or torch."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

#: The module of Inductor that chooses an algorithm, in its class `AlgorithmSelectorCache`.
ALGORITHM_SELECTION = "torch._inductor.select_algorithm"
#: The module of Inductor that chooses a generated kernel's configuration, in `CachingAutotuner`.
GENERATED_KERNELS = "torch._inductor.runtime.triton_heuristics"


def inductor_counters() -> Counter[str]:
    """`torch._dynamo.utils.counters["inductor"]`; empty where nothing was compiled.

    Inductor keeps with a compiled graph what compiling it has added here, and adds it again when
    the graph comes from its cache.
    """
    utils: Any = sys.modules.get("torch._dynamo.utils")
    found: Counter[str] = utils.counters["inductor"] if utils is not None else Counter()
    return found


def bench_of(autotuner: Any) -> Callable[..., Any]:
    """`triton.runtime.autotuner.Autotuner._bench`, which times one configuration."""
    found: Callable[..., Any] = autotuner._bench
    return found


def replace_bench(autotuner: Any, bench: Callable[..., Any]) -> None:
    """Have all configurations timed by `bench`."""
    autotuner._bench = bench
