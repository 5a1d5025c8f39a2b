"""How values go through an operator, by its schema and its tags."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nincost._torch.operators import OpOverload, argument_names, operator_name, written_arguments
from nincost._trace.values.assumed_outputs import ASSUMED, CONSTANTS, Assume, Constant

#: Operators that give a tensor new content throughout, whatever it held.
_OVERWRITE = frozenset({"aten.zero_", "aten.fill_", "aten.copy_"})


class Flow(NamedTuple):
    """How values go through an operator.

    `writes` are the positions of the arguments that it changes, `named` their names. `pure`:
    its results follow from its arguments. `constant` makes the results where they follow from the
    shapes alone, and `assumed` where the arguments are unknown.
    """

    writes: tuple[int, ...]
    named: tuple[str, ...]
    pure: bool
    overwrites: bool
    constant: Constant | None
    assumed: Assume | None


def how_followed(func: OpOverload, outputs: Sequence[Tensor]) -> int:
    """Whether values go through an operator: 0 never, 1 in forward only, 2 also in backward.

    In backward, outside of a layer that is computed again, only what is written is of interest, and
    what are no gradients.
    """
    flow = flow_of(func)
    if flow.writes or flow.named:
        return 2
    if not (flow.pure or flow.constant or flow.assumed):
        return 0
    return 1 if all(one.is_floating_point() for one in outputs) else 2


@functools.cache
def flow_of(func: OpOverload) -> Flow:
    """How values go through an operator, by its schema and tags."""
    names = argument_names(func)
    written = written_arguments(func)
    name = operator_name(func)
    pure = func.namespace == "aten" and torch.Tag.nondeterministic_seeded not in func.tags
    return Flow(
        writes=tuple(names.index(one) for one in written),
        named=written,
        pure=pure,
        overwrites=name in _OVERWRITE,
        constant=CONSTANTS.get(name),
        assumed=ASSUMED.get(name),
    )
