"""From a trace to a `Profile`: which row each operator, activation and parameter belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nincost._devices.tables import meta_operators
from nincost._environment import environment
from nincost._isolation import collection_paused, in_own_mode
from nincost._models.nin import DEFAULT_MODEL
from nincost._models.sources import resolve
from nincost._profile import OpCost, op_cost
from nincost._profile.results import LayerCost, ModuleNode, Profile, Totals, Uncounted
from nincost._trace.records import (
    ModuleCall,
    ParameterInfo,
    Shape,
    Signature,
    TensorMeta,
    Trace,
)
from nincost._trace.trace import Mode, trace
from nincost._trace.values.assumptions import Balance
from nincost.errors import UncountedError


@in_own_mode
def profile(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    mode: Mode = "eval",
    strict: bool = False,
    assume: Balance = "balanced",
    on_cpu: bool = False,
) -> Profile:
    """Count what a model costs, layer by layer, without running it on real data.

    Args:
        model: a name (`two-1x1`, `torchvision:resnet50`, `timm:NAME`, `hf:PATH`,
            `package.module:factory`, `file.py:Class`) or an `nn.Module` on any device, which is
            left as it is.
        input: a spec such as `"3x224x224"` (without the batch), several of them, or example
            tensors (with it); what the model's source says where None.
        batch_size: put in front of each spec.
        arg: keyword arguments for the model's factory.
        mode: `eval` or `train`: which of the two the model runs in.
        strict: raise `UncountedError` where an operator has no formula.
        assume: what is taken of values that depend on weights and that the model looks at:
            `balanced` (each expert is chosen equally often, half of a mask is set) or `worst` (all
            choose the same, all of a mask is set).
        on_cpu: run a model on the CPU, on random input, where it cannot be run without values.

    Returns:
        A `Profile`: rows in order of execution, and totals.

    Raises:
        NincostError: a name, argument or input that does not fit; its message says what to try.

    Examples:
        >>> nincost.profile("two-1x1").totals.macs
        762297352
    """
    with collection_paused():
        found = resolve(model, arg)
        known = meta_operators()
        traced = trace(
            found, input, batch_size=batch_size, mode=mode, operators=known, assume=assume,
            on_cpu=on_cpu,
        )  # fmt: skip
        result = profile_trace(traced)
    if strict and result.uncounted:
        names = ", ".join(item.operator for item in result.uncounted)
        raise UncountedError(
            f"{result.model} uses operators without a formula: {names}; "
            "leave --strict out to count the rest"
        )
    return result


def profile_trace(trace: Trace) -> Profile:
    """Add up a trace: the part of `profile` that needs no model."""
    builder = _RowBuilder(trace)
    rows = builder.build()
    layers = tuple(_layer(trace, row) for row in rows)
    called = {call.module for call in trace.calls}
    parameters = trace.parameters
    macs = sum(row.macs for row in rows)
    totals = Totals(
        params=sum(p.elements for p in parameters),
        trainable_params=sum(p.elements for p in parameters if p.trainable),
        frozen_params=sum(p.elements for p in parameters if not p.trainable),
        buffers=trace.buffer_elements,
        macs=macs,
        flops=2 * macs,
        activation_elements=sum(row.activation_elements for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
        elementwise_flops=sum(row.elementwise_flops for row in rows),
        param_bytes=sum(p.bytes for p in parameters),
        buffer_bytes=trace.buffer_bytes,
    )
    return Profile(
        model=trace.model,
        input=trace.input,
        batch_size=trace.batch_size,
        mode=trace.mode,
        device=trace.device,
        layers=layers,
        totals=totals,
        uncounted=tuple(
            Uncounted(operator, calls, tuple(modules))
            for operator, (calls, modules) in builder.uncounted.items()
        ),
        never_called=tuple(
            info.path
            for index, info in enumerate(trace.modules)
            if info.is_leaf and index not in called and info.kind not in _CONTAINERS
        ),
        modules=_nodes(trace),
        notes=trace.notes,
        assumptions=trace.assumptions,
        details=trace.details,
        environment=environment(),
    )


#: Holders of modules that nobody calls; empty ones are no forgotten layers.
_CONTAINERS = frozenset({"ModuleList", "ModuleDict", "Sequential", "ParameterList"})


@dataclass(slots=True, eq=False)
class _Row:
    """A row while it is being added up."""

    module: int
    operator: str
    kind: str
    depth: int
    inputs: tuple[TensorMeta, ...]
    outputs: tuple[TensorMeta, ...]
    calls: int = 0
    params: int = 0
    trainable_params: int = 0
    macs: int = 0
    elementwise_flops: int = 0
    activation_elements: int = 0
    activation_bytes: int = 0

    def add_cost(self, cost: OpCost) -> None:
        self.macs += cost.macs
        self.elementwise_flops += cost.elementwise_flops

    def add_activations(self, metas: tuple[TensorMeta, ...], made: tuple[bool, ...]) -> None:
        for meta, is_new in zip(metas, made, strict=False):
            if is_new:
                self.activation_elements += meta.elements
                self.activation_bytes += meta.bytes

    def add_parameter(self, parameter: ParameterInfo) -> None:
        self.params += parameter.elements
        self.trainable_params += parameter.elements * parameter.trainable


class _RowBuilder:
    """Makes the rows of one trace in order of execution."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.uncounted: dict[str, tuple[int, dict[str, None]]] = {}
        self._rows: dict[Any, _Row] = {}
        self._operator_rows: dict[tuple[int, Signature], _Row] = {}
        self._first_leaf_row: dict[int, tuple[int, _Row]] = {}  # module: place in order, row
        self._leaf_row_of_call: list[_Row | None] = []
        self._row_of_op: list[_Row | None] = []
        self._costs: dict[Signature, OpCost] = {}

    def build(self) -> list[_Row]:
        calls = self.trace.calls
        started = 0
        for index, op in enumerate(self.trace.ops):
            while started < len(calls) and calls[started].first_op <= index:
                self._add_call(calls[started])
                started += 1
            self._add_op(op.signature, op.call)
        for call in calls[started:]:
            self._add_call(call)
        for parameter in self.trace.parameters:
            self._row_of_parameter(parameter).add_parameter(parameter)
        return list(self._rows.values())

    def _add_call(self, call: ModuleCall) -> None:
        info = self.trace.modules[call.module]
        if not info.is_leaf:
            self._leaf_row_of_call.append(None)
            return
        key = (call.module, call.inputs, call.outputs)
        row = self._rows.get(key)
        if row is None:
            row = _Row(call.module, "", info.kind, call.depth, call.inputs, call.outputs)
            self._first_leaf_row.setdefault(call.module, (len(self._rows), row))
            self._rows[key] = row
        row.calls += 1
        row.add_activations(call.outputs, call.made)
        self._leaf_row_of_call.append(row)

    def _add_op(self, signature: Signature, call: int) -> None:
        cost = self._costs.get(signature)
        if cost is None:
            cost = self._costs[signature] = op_cost(signature)
        leaf = self._leaf_row_of_call[call]
        row: _Row | None = leaf
        if leaf is None and signature.outputs and not signature.is_view:
            row = self._operator_row(signature, call, signature.name)
            row.add_activations(signature.outputs, signature.fresh)
        if not cost.counted:
            # Its own row also within a leaf, so that no format can pass over it.
            named = row if leaf is None and row else self._operator_row(signature, call, "")
            named.kind = "uncounted"
            module = self.trace.modules[self.trace.calls[call].module].path
            times, modules = self.uncounted.get(signature.name, (0, {}))
            self.uncounted[signature.name] = (times + 1, {**modules, module: None})
        if row is not None:
            row.add_cost(cost)
        self._row_of_op.append(row)

    def _operator_row(self, signature: Signature, call: int, kind: str) -> _Row:
        module, depth = self.trace.calls[call].module, self.trace.calls[call].depth
        row = self._operator_rows.get((module, signature))
        if row is None:
            inputs = tuple(_metas((*signature.args, *signature.kwargs.values())))
            # One row for all calls that look the same, whatever their strides and options.
            key = (
                module,
                signature.name,
                tuple(meta.shape for meta in inputs),
                tuple(meta.shape for meta in signature.outputs),
            )
            row = self._rows.get(key)
            if row is None:
                row = self._rows[key] = _Row(
                    module, signature.name, kind, depth + 1, inputs, signature.outputs
                )
            self._operator_rows[module, signature] = row
        row.calls += 1
        return row

    def _row_of_parameter(self, parameter: ParameterInfo) -> _Row:
        """The first row of a leaf that holds it, else of the operator that first used it."""
        held = [self._first_leaf_row[o] for o in parameter.owners if o in self._first_leaf_row]
        if held:
            return min(held)[1]
        if parameter.used_by >= 0:
            module = self.trace.calls[self.trace.ops[parameter.used_by].call].module
            # Its first use may be a view, which has no row; what uses the view comes after it.
            for index in range(parameter.used_by, len(self._row_of_op)):
                row_after = self._row_of_op[index]
                if row_after is not None and row_after.module == module:
                    return row_after
        owner = parameter.owners[0]
        unused = self._rows.get(("never called", owner))
        if unused is None:
            info = self.trace.modules[owner]
            depth = info.path.count(".") + (owner > 0)
            unused = self._rows["never called", owner] = _Row(owner, "", info.kind, depth, (), ())
        return unused


def _metas(value: Any) -> Iterator[TensorMeta]:
    for item in value:
        if isinstance(item, TensorMeta):
            yield item
        elif isinstance(item, tuple):
            yield from _metas(item)


def _shapes(metas: tuple[TensorMeta, ...]) -> tuple[Shape, ...]:
    return tuple([Shape(meta.shape) for meta in metas])


def _layer(trace: Trace, row: _Row) -> LayerCost:
    return LayerCost(
        module=trace.modules[row.module].path,
        operator=row.operator,
        type=row.kind,
        depth=row.depth,
        calls=row.calls,
        input_shapes=_shapes(row.inputs),
        output_shapes=_shapes(row.outputs),
        params=row.params,
        trainable_params=row.trainable_params,
        macs=row.macs,
        elementwise_flops=row.elementwise_flops,
        activation_elements=row.activation_elements,
        activation_bytes=row.activation_bytes,
    )


def _nodes(trace: Trace) -> tuple[ModuleNode, ...]:
    """Each module that is no leaf and was called, once, in order of its first call."""
    first: dict[int, ModuleCall] = {}
    calls: Counter[int] = Counter()
    for call in trace.calls:
        if not trace.modules[call.module].is_leaf:
            first.setdefault(call.module, call)
            calls[call.module] += 1
    return tuple(
        ModuleNode(
            path=trace.modules[module].path,
            type=trace.modules[module].kind,
            depth=call.depth,
            calls=calls[module],
            input_shapes=_shapes(call.inputs),
            output_shapes=_shapes(call.outputs),
        )
        for module, call in first.items()
    )
