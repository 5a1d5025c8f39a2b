"""A profile's rows added up to as many as a picture can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nincost.cost.results import LayerCost, Profile
from nincost.cost.view import View, flat_rows

_SUMMED = (
    "calls", "params", "trainable_params", "macs", "elementwise_flops", "activation_elements",
    "activation_bytes",
)  # fmt: skip


def bars(profile: Profile, most: int = 40) -> tuple[LayerCost, ...]:
    """At most `most` rows in order of execution that add up to the profile's totals.

    Modules are opened as deep as their number allows; where even the first level has more,
    neighbours are taken together, named after the first and the last.
    """
    rows = flat_rows(profile, View(depth=1))
    deepest = max((row.depth for row in profile.layers), default=1)
    for depth in range(2, deepest + 1):
        deeper = flat_rows(profile, View(depth=depth))
        if len(deeper) > most:
            break
        rows = deeper
    if len(profile.layers) <= most:
        rows = list(profile.layers)
    if len(rows) > most:
        size = -(-len(rows) // most)
        rows = [_together(rows[i : i + size]) for i in range(0, len(rows), size)]
    return tuple(rows)


def _together(rows: Sequence[LayerCost]) -> LayerCost:
    first, last = rows[0], rows[-1]
    if len(rows) == 1:
        return first
    return replace(
        first,
        module=f"{first.layer} … {last.layer}",
        operator="",
        type=f"{len(rows)} layers",
        output_shapes=last.output_shapes,
        **{name: sum(getattr(row, name) for row in rows) for name in _SUMMED},
    )
