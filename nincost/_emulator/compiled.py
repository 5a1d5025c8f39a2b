"""torch.compile and Triton without their timings: autotuning takes the first choice that compiles.

On a card each choice is compiled and timed. Here kernels do nothing, so that one is as good as the
other; which one was assumed is counted. What autotuning itself would allocate on the card, example
inputs of a kernel's size, is not allocated.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from typing import Any

from nincost._emulator.imports import when_imported
from nincost._emulator.values.assumption_counts import assume
from nincost._torch.tuning import (
    ALGORITHM_SELECTION,
    GENERATED_KERNELS,
    bench_of,
    inductor_counters,
    replace_bench,
)

#: What marks a choice among Inductor's counters, which its cache keeps with a compiled graph.
_CHOSEN = "nincost assumed "
_assumed_here: Counter[str] = Counter()


def install() -> None:
    """Act on Inductor's and Triton's autotuners when they are imported."""
    when_imported(ALGORITHM_SELECTION, _first_algorithm)
    when_imported(GENERATED_KERNELS, _first_launcher)
    when_imported("triton.runtime.autotuner", _first_config)


def _first_algorithm(module: Any) -> None:
    """Matrix products, convolutions and attention under `max_autotune`."""
    cache = module.AlgorithmSelectorCache
    own = cache.__call__

    @functools.wraps(own)
    def call(self: Any, name: str, choices: list[Any], *arguments: Any, **options: Any) -> Any:
        possible = [choice for choice in choices if choice is not None]
        if len(possible) > 1:
            chosen = f"{possible[0].name}, the first of {len(possible)}"
            assume("choice", name, chosen)
            inductor_counters()[f"{_CHOSEN}{name}: {chosen}"] += 1
            _assumed_here[f"{_CHOSEN}{name}: {chosen}"] += 1
        return own(self, name, possible[:1], *arguments, **options)

    cache.__call__ = call


def assume_cached_choices() -> None:
    """Count the choices of graphs that were compiled in an earlier run, too: once, at the end."""
    for key, count in inductor_counters().items():
        if key.startswith(_CHOSEN) and count > _assumed_here[key]:
            name, _, chosen = key.removeprefix(_CHOSEN).partition(": ")
            assume("choice", name, chosen)


def _first_launcher(module: Any) -> None:
    """Kernels that Inductor has written, in a run that does not find the choice in its cache.

    Timing them would allocate a buffer as large as the card's L2 cache. The search around the best
    (`coordinate_descent_tuning`, of max-autotune) stays where it begins.
    """
    autotuner = getattr(module, "CachingAutotuner", None)
    if autotuner is None:
        return
    own = autotuner.benchmark_all_configs

    @functools.wraps(own)
    def benchmark_all_configs(self: Any, *arguments: Any, **options: Any) -> Any:
        times = itertools.chain([0.0], itertools.repeat(math.inf))
        self.bench = lambda *_, **__: next(times)
        try:
            return own(self, *arguments, **options)
        finally:
            del self.bench

    def coordinate_descent_tuning(_self: Any, launcher: Any, *_args: Any, **_options: Any) -> Any:
        launcher.config.found_by_coordesc = True  # so that it is not searched for again
        return launcher

    autotuner.benchmark_all_configs = benchmark_all_configs
    if hasattr(autotuner, "coordinate_descent_tuning"):
        autotuner.coordinate_descent_tuning = coordinate_descent_tuning


def _first_config(module: Any) -> None:
    """Kernels under `@triton.autotune`."""
    autotuner = module.Autotuner
    own_bench, own_prune = bench_of(autotuner), autotuner.prune_configs

    @functools.wraps(own_prune)
    def prune_configs(self: Any, *arguments: Any, **options: Any) -> Any:
        self._nincost_found = False
        found = own_prune(self, *arguments, **options)
        if len(found) > 1:
            assume(
                "choice", str(self.base_fn.__name__), f"the first of {len(found)} configurations"
            )
        return found

    @functools.wraps(own_bench)
    def bench(self: Any, *arguments: Any, **options: Any) -> Any:
        if getattr(self, "_nincost_found", False):
            return [math.inf] * 3
        times = own_bench(self, *arguments, **options)
        self._nincost_found = math.isfinite(times[0] if isinstance(times, (list, tuple)) else times)
        return times

    autotuner.prune_configs = prune_configs
    replace_bench(autotuner, bench)
