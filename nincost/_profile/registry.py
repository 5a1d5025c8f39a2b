"""Which formula counts which operator.

Each formula stands beside its operators: `@macs("aten.mm")` over a function of a `Signature`. An
operator is one of four: a contraction (has a MACs formula), element-wise work (has a FLOPs
formula), movement (does no arithmetic), or uncounted (none of these: named in every result).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from nincost._trace.records import Signature

Formula = Callable[[Signature], int]

_MACS: dict[str, Formula] = {}
_ELEMENTWISE: dict[str, Formula] = {}
_MOVEMENT: set[str] = set()


@dataclass(frozen=True, slots=True)
class OpCost:
    """What one call of an operator costs; `counted` is False where nobody knows."""

    macs: int
    elementwise_flops: int
    counted: bool


_FREE = OpCost(0, 0, counted=True)
_UNKNOWN = OpCost(0, 0, counted=False)


def macs(*operators: str) -> Callable[[Formula], Formula]:
    """Register a function that gives an operator's multiply-accumulates."""
    return _register(_MACS, operators)


def elementwise(*operators: str) -> Callable[[Formula], Formula]:
    """Register a function that gives an operator's FLOPs outside contractions."""
    return _register(_ELEMENTWISE, operators)


def movement(*operators: str) -> None:
    """Declare operators that create, copy or rearrange values and compute none."""
    _MOVEMENT.update(operators)


def _register(
    table: dict[str, Formula], operators: tuple[str, ...]
) -> Callable[[Formula], Formula]:
    def keep(formula: Formula) -> Formula:
        for operator in operators:
            if operator in table:
                raise ValueError(f"{operator} has a formula already")
            table[operator] = formula
        return formula

    return keep


def op_cost(signature: Signature) -> OpCost:
    """What one call with this signature costs.

    In-place forms (`aten.add_`) take the formula of the plain operator. An operator that torch
    tags as pointwise counts one FLOP for each output element unless it has a formula.
    """
    if signature.is_view:
        return _FREE
    for name in (signature.name, signature.name.removesuffix("_")):
        count, work = _MACS.get(name), _ELEMENTWISE.get(name)
        if count is not None or work is not None:
            return OpCost(
                count(signature) if count else 0, work(signature) if work else 0, counted=True
            )
        if name in _MOVEMENT:
            return _FREE
    tags = signature.func.tags
    if torch.Tag.pointwise in tags:
        return OpCost(0, sum(meta.elements for meta in signature.outputs[:1]), counted=True)
    if torch.Tag.reduction in tags:
        return OpCost(0, _first_input_elements(signature), counted=True)
    if not signature.outputs or torch.Tag.view_copy in tags:
        return _FREE
    return _UNKNOWN


def _first_input_elements(signature: Signature) -> int:
    first = signature.args[0]
    if isinstance(first, tuple) and first and not hasattr(first, "elements"):
        return sum(meta.elements for meta in first)  # a list of tensors
    return int(first.elements)
