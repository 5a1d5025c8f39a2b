"""A profile's rows summed up to as many as a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nincost._profile.results import LayerCost, Profile
from nincost._profile.view import View, flat_rows

_SUMMED = (
    "calls", "params", "trainable_params", "macs", "elementwise_flops", "activation_elements",
    "activation_bytes",
)  # fmt: skip
#: With fewer bars, merged neighbours of the next level show more.
_FEW = 8


def bars(profile: Profile, most: int = 40) -> tuple[LayerCost, ...]:
    """At most `most` rows in order of execution that sum to the profile's totals.

    Modules are opened as deep as their number allows. Where even the first level has more rows, or
    the deepest that fits has only a few, neighbours of the next level are merged.
    """
    if len(profile.layers) <= most:
        return profile.layers
    rows = flat_rows(profile, View(depth=1))
    deepest = max((row.depth for row in profile.layers), default=1)
    for depth in range(2, deepest + 1):
        deeper = flat_rows(profile, View(depth=depth))
        if len(deeper) > most:
            return merge_to(deeper if len(rows) < min(_FEW, most // 2) else rows, most)
        rows = deeper
    return merge_to(rows, most)


def merge_to(rows: Sequence[LayerCost], most: int) -> tuple[LayerCost, ...]:
    """The rows, or where there are more than `most`, equal numbers of neighbours merged."""
    if len(rows) <= most:
        return tuple(rows)
    size = -(-len(rows) // most)
    return tuple(merge(rows[i : i + size]) for i in range(0, len(rows), size))


def merge(rows: Sequence[LayerCost]) -> LayerCost:
    """The sum of neighbouring rows, named after the first and the last: `layer1.0 … 2`."""
    first, last = rows[0], rows[-1]
    if len(rows) == 1:
        return first
    parent = first.layer.rpartition(".")[0]
    shared = f"{parent}." if parent and last.layer.startswith(f"{parent}.") else ""
    return replace(
        first,
        module=f"{first.layer} … {last.layer.removeprefix(shared)}",
        operator="",
        type=f"{len(rows)} layers",
        output_shapes=last.output_shapes,
        **{name: sum(getattr(row, name) for row in rows) for name in _SUMMED},
    )
