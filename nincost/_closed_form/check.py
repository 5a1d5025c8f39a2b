"""Compares hand formulas, the trace and other tools, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from nincost._closed_form.check_results import Check, CheckRow, CheckTotals, Verdict
from nincost._closed_form.modules import Unit, units_of
from nincost._closed_form.other_tools import OtherTool, count_by_flop_counter, count_by_fvcore
from nincost._environment import environment
from nincost._isolation import unchanged
from nincost._models.build import Model
from nincost._models.copies import copy_structure
from nincost._models.inputs import make_input
from nincost._models.nin import DEFAULT_MODEL
from nincost._models.sources import resolve
from nincost._profile import op_cost
from nincost._trace.records import ModuleCall, Shape, Trace
from nincost._trace.run import Mode, float_dtype, trace


def check(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    mode: Mode = "eval",
    other_tools: bool = True,
) -> Check:
    """Compare the hand formulas with the trace, and both with fvcore and FlopCounterMode.

    Args:
        model, input, batch_size, arg, mode: as in `nincost.profile`.
        other_tools: run fvcore (which runs the model on the CPU with zeros for weights) and
            FlopCounterMode too; their counts are None without it.

    Returns:
        A `Check`: a row for each module that has a hand formula and each operator outside any,
        counts in elements and MACs, all calls together. Its `ok` is False where a hand formula and
        the trace disagree on a layer's parameters, MACs or output shape. Where the other tools
        differ from the trace, `notes` say why; that does not change `ok`.

    Raises:
        ModelError, InputError: as `nincost.profile` does.

    Example:
        >>> nincost.check("two-1x1", other_tools=False).ok
        True
    """
    found = resolve(model, arg)
    traced = trace(found, input, batch_size=batch_size, mode=mode)
    units = list(units_of(traced))
    fvcore = flop_counter = None
    by_operator = _macs_by_operator(traced)
    if other_tools:
        fvcore, flop_counter = _run_other_tools(found, traced, input, batch_size, by_operator)
    rows = [_row(traced, unit, fvcore) for unit in units]
    rows += _operator_rows(traced, units)
    rows.sort(key=lambda pair: pair[0])
    shared = _shared(traced)
    notes = [*traced.notes]
    for tool in (fvcore, flop_counter):
        notes += tool.notes if tool else ()
    if shared:
        notes.append(f"{shared:,} parameters are shared between layers and count once in the total")
    result = tuple(row for _, row in rows)
    totals = _totals(traced, result, shared, fvcore, flop_counter)
    return Check(
        model=traced.model,
        input=traced.input,
        batch_size=traced.batch_size,
        mode=traced.mode,
        rows=result,
        totals=totals,
        notes=tuple(notes),
        environment=environment(),
    )


def _row(traced: Trace, unit: Unit, fvcore: OtherTool | None) -> tuple[int, CheckRow]:
    info = traced.modules[unit.module]
    trace_macs = sum(_macs(traced, call) for call in unit.calls)
    trace_params = _params_below(traced, info.path)
    first = unit.calls[0]
    shape = Shape(first.outputs[0].shape) if first.outputs else Shape()
    hand_params: int | None = None
    hand_macs: int | None = None
    verdict: Verdict = "trace only"
    note = unit.failure
    if not unit.failure:
        hand_params = unit.workings[0].param_count
        hand_macs = sum(working.mac_count for working in unit.workings)
        wrong = []
        if hand_params != trace_params:
            wrong.append(f"parameters by {hand_params - trace_params:+,}")
        if hand_macs != trace_macs:
            wrong.append(f"MACs by {hand_macs - trace_macs:+,}")
        for call, working in zip(unit.calls, unit.workings, strict=True):
            if call.outputs and tuple(call.outputs[0].shape) != working.output_shape:
                wrong.append(f"output shape {Shape(working.output_shape)} by hand")
                break
        verdict = "differs" if wrong else "agrees"
        note = "; ".join(wrong)
    theirs = fvcore.by_module.get(info.path if unit.module else "") if fvcore else None
    return first.first_op, CheckRow(
        layer=info.path,
        type=info.kind,
        calls=len(unit.calls),
        output_shape=shape,
        hand_params=hand_params,
        trace_params=trace_params,
        hand_macs=hand_macs,
        trace_macs=trace_macs,
        fvcore_macs=theirs,
        verdict=verdict,
        note=note,
    )


def _operator_rows(traced: Trace, units: list[Unit]) -> list[tuple[int, CheckRow]]:
    """Contractions that ran outside every module with a hand formula."""
    inside = bytearray(len(traced.ops))
    for unit in units:
        for call in unit.calls:
            inside[call.first_op : call.last_op] = b"\1" * (call.last_op - call.first_op)
    found: dict[tuple[int, str], list[int]] = {}
    for index, op in enumerate(traced.ops):
        if not inside[index] and op_cost(op.signature).macs:
            module = traced.calls[op.call].module
            found.setdefault((module, op.signature.name), []).append(index)
    rows = []
    for (module, name), indices in found.items():
        signature = traced.ops[indices[0]].signature
        rows.append(
            (
                indices[0],
                CheckRow(
                    layer=f"{traced.modules[module].path} [{name}]",
                    type=name,
                    calls=len(indices),
                    output_shape=Shape(signature.outputs[0].shape),
                    hand_params=None,
                    trace_params=0,
                    hand_macs=None,
                    trace_macs=sum(op_cost(traced.ops[i].signature).macs for i in indices),
                    fvcore_macs=None,
                    verdict="trace only",
                    note="a function, not a layer with hyper-parameters",
                ),
            )
        )
    return rows


def _macs(traced: Trace, call: ModuleCall) -> int:
    return sum(op_cost(op.signature).macs for op in traced.ops[call.first_op : call.last_op])


def _macs_by_operator(traced: Trace) -> Counter[str]:
    count: Counter[str] = Counter()
    for op in traced.ops:
        macs = op_cost(op.signature).macs
        if macs:
            count[op.signature.name] += macs
    return count


def _params_below(traced: Trace, path: str) -> int:
    """Elements of the parameters that a module or one inside it holds, shared ones too."""
    below = {
        index
        for index, info in enumerate(traced.modules)
        if info.path == path or info.path.startswith(f"{path}.")
    }
    if path == traced.modules[0].path:
        below = set(range(len(traced.modules)))
    return sum(p.elements for p in traced.parameters if below.intersection(p.owners))


def _shared(traced: Trace) -> int:
    """Elements that a sum over the layers counts more than once."""
    return sum(p.elements * (len(p.owners) - 1) for p in traced.parameters)


def _run_other_tools(
    found: Model, traced: Trace, given: Any, batch_size: int, ours: Counter[str]
) -> tuple[OtherTool, OtherTool]:
    module = copy_structure(found.module)
    module.train(traced.mode == "train")
    specs = found.default_input if given is None else given
    inputs = make_input(specs, batch_size, float_dtype(found.module))
    with unchanged():
        return count_by_fvcore(module, inputs), count_by_flop_counter(module, inputs, ours)


def _totals(
    traced: Trace,
    rows: tuple[CheckRow, ...],
    shared: int,
    fvcore: OtherTool | None,
    flop_counter: OtherTool | None,
) -> CheckTotals:
    trace_only = [row for row in rows if row.hand_macs is None]
    trace_params = sum(p.elements for p in traced.parameters)
    in_rows = sum(row.trace_params for row in rows)
    by_hand = sum(row.hand_params or 0 for row in rows)
    outside = trace_params - (in_rows - shared)  # held by modules without a hand formula
    return CheckTotals(
        hand_params=by_hand - shared + outside + sum(row.trace_params for row in trace_only),
        trace_params=trace_params,
        hand_macs=sum(row.trace_macs if row.hand_macs is None else row.hand_macs for row in rows),
        trace_macs=sum(row.trace_macs for row in rows),
        trace_only_macs=sum(row.trace_macs for row in trace_only),
        fvcore_macs=fvcore.macs if fvcore else None,
        flop_counter_macs=flop_counter.macs if flop_counter else None,
    )
