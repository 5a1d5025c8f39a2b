"""Compares hand formulas, the trace and other tools, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from nincost._chinese.translate import Lang, check_language
from nincost._closed_form.check_results import Check, CheckRow, CheckTotals, CheckVerdict
from nincost._closed_form.other_tools import OtherTool, count_by_flop_counter, count_by_fvcore
from nincost._closed_form.worked_modules import (
    WorkedModule,
    call_macs,
    operators_outside,
    worked_modules,
)
from nincost._devices.tables import meta_operators
from nincost._environment import environment
from nincost._isolation import in_own_mode, unchanged
from nincost._models.build import Model
from nincost._models.copies import copy_structure, set_mode
from nincost._models.inputs import float_dtype, make_input
from nincost._models.nin import DEFAULT_MODEL
from nincost._models.sources import resolve
from nincost._profile import op_cost
from nincost._trace.records import Shape, Trace
from nincost._trace.trace import Mode, trace


@in_own_mode
def check(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    mode: Mode = "eval",
    other_tools: bool = True,
    lang: Lang | None = None,
) -> Check:
    """Compare the hand formulas with the trace, and both with fvcore and FlopCounterMode.

    Args:
        model, input, batch_size, arg, mode: as in `nincost.profile`.
        other_tools: run fvcore (which runs the model on the CPU with zeros for weights) and
            FlopCounterMode too; their counts are None without it.
        lang: the language of the words, `en` or `zh`; that of LANG if None.

    Returns:
        A `Check`: a row for each module that has a hand formula and each operator outside any,
        counts in elements and MACs, all calls together. Its `ok` is False where a hand formula and
        the trace disagree on a layer's parameters, MACs or output shape. Where the other tools
        differ from the trace, `notes` say why; that does not change `ok`.

    Raises:
        ModelError, InputError: as `nincost.profile` does.

    Examples:
        >>> nincost.check("two-1x1", other_tools=False).ok
        True
    """
    check_language(lang)
    found = resolve(model, arg)
    traced = trace(
        found, input, batch_size=batch_size, mode=mode, operators=meta_operators(), on_cpu=True
    )
    worked = list(worked_modules(traced))
    fvcore = flop_counter = None
    by_operator = _macs_by_operator(traced)
    if other_tools:
        fvcore, flop_counter = _run_other_tools(found, traced, input, batch_size, by_operator)
    rows = [_row(traced, one, fvcore) for one in worked]
    rows += _operator_rows(traced, worked)
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
        lang=lang,
    )


def _row(traced: Trace, worked: WorkedModule, fvcore: OtherTool | None) -> tuple[int, CheckRow]:
    info = traced.modules[worked.module]
    trace_macs = sum(call_macs(traced, call) for call in worked.calls)
    trace_params = _params_below(traced, info.path)
    first = worked.calls[0]
    shape = Shape(first.outputs[0].shape) if first.outputs else Shape()
    hand_params: int | None = None
    hand_macs: int | None = None
    verdict: CheckVerdict = "trace only"
    note = worked.failure
    if not worked.failure:
        hand_params = worked.workings[0].param_count
        hand_macs = sum(working.mac_count for working in worked.workings)
        wrong = []
        if hand_params != trace_params:
            wrong.append(f"parameters by {hand_params - trace_params:+,}")
        if hand_macs != trace_macs:
            wrong.append(f"MACs by {hand_macs - trace_macs:+,}")
        for call, working in zip(worked.calls, worked.workings, strict=True):
            if call.outputs and tuple(call.outputs[0].shape) != working.output_shape:
                wrong.append(f"output shape {Shape(working.output_shape)} by hand")
                break
        verdict = "differs" if wrong else "agrees"
        note = "; ".join(wrong)
    theirs = fvcore.by_module.get(info.path if worked.module else "") if fvcore else None
    return first.first_op, CheckRow(
        layer=info.path,
        type=info.kind,
        calls=len(worked.calls),
        output_shape=shape,
        hand_params=hand_params,
        trace_params=trace_params,
        hand_macs=hand_macs,
        trace_macs=trace_macs,
        fvcore_macs=theirs,
        verdict=verdict,
        note=note,
    )


def _operator_rows(traced: Trace, worked: list[WorkedModule]) -> list[tuple[int, CheckRow]]:
    """A row for each contraction that ran outside every module with a hand formula."""
    rows = []
    for operator in operators_outside(traced, worked):
        first = operator.places[0]
        row = CheckRow(
            layer=f"{traced.modules[operator.module].path} [{operator.name}]",
            type=operator.name,
            calls=len(operator.places),
            output_shape=Shape(traced.ops[first].signature.outputs[0].shape),
            hand_params=None,
            trace_params=0,
            hand_macs=None,
            trace_macs=operator.macs,
            fvcore_macs=None,
            verdict="trace only",
            note="a function, not a layer with hyper-parameters",
        )
        rows.append((first, row))
    return rows


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
    set_mode(module, training=traced.mode == "train")
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
