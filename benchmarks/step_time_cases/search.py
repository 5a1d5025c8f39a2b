"""A search for parameters that needs no derivative: one after another, by factors that shrink.

Tiles and "the fastest of all" make the loss kinked, and there are few parameters, so this is
enough, and it is the same each time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

Values = dict[str, Any]
Path = tuple[str, ...]


def get(values: Values, path: Path) -> float:
    """The number at a path such as ("memory", "copy")."""
    found: Any = values
    for name in path:
        found = found[name]
    return float(found)


def changed(values: Values, path: Path, value: float) -> Values:
    """A copy with another number there."""
    copied = copy.deepcopy(values)
    inner: Any = copied
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return copied


def search(
    values: Values,
    paths: Iterable[Path],
    loss: Callable[[Values], float],
    *,
    sweeps: int = 5,
    factor: float = 1.3,
    bounds: Callable[[Path], tuple[float, float]] = lambda _: (0.0, float("inf")),
) -> tuple[Values, float]:
    """The values that make the loss least, from where they are, and that loss."""
    paths = list(paths)
    best = loss(values)
    for _ in range(sweeps):
        for path in paths:
            low, high = bounds(path)
            for step in (factor, 1 / factor):
                while True:
                    value = get(values, path) * step
                    if not low <= value <= high:
                        break
                    tried = changed(values, path, value)
                    found = loss(tried)
                    if found >= best - 1e-7:
                        break
                    values, best = tried, found
        factor = 1 + (factor - 1) * 0.6
    return values, best
