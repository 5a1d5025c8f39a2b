"""A network's figures from sources that nincost has no part in, and where nincost's differ.

The truths: a run of the real module on the CPU, watched with torch's own hooks and a dispatch mode;
`FlopCounterMode`; PyTorch's parameters and buffers; the textbook's formulas (`nincost.check`).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._prims_common import suggest_memory_format
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules import module as hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

import nincost
from nincost._devices.tables import meta_operators
from nincost._models.build import Model
from nincost._profile.profile import profile_trace
from nincost._trace.records import Trace
from nincost._trace.trace import trace
from nincost.errors import NincostError
from reliability.networks import Network, call

aten = torch.ops.aten


@dataclass(frozen=True)
class Difference:
    """A figure of nincost's that is not the other source's."""

    check: str
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: {self.detail}"


def _mv(shape: Any, _other: Any, *_: Any, **__: Any) -> int:
    return 2 * int(torch.Size(shape).numel())


def _addmv(_bias: Any, shape: Any, *_: Any, **__: Any) -> int:
    return 2 * int(torch.Size(shape).numel())


def _addbmm(_bias: Any, left: Any, right: Any, *_: Any, **__: Any) -> int:
    batch, rows, inner = left
    return 2 * int(batch * rows * inner * right[2])


def _trilinear(first: Any, weight: Any, _second: Any, *_: Any, **__: Any) -> int:
    """As `nn.Bilinear` asks for it: rows x in1, and a weight of out x in1 x in2."""
    rows = torch.Size(first[:-1]).numel()
    return 2 * int(rows * torch.Size(weight).numel())


def _affine_grid(theta: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """Each point (1 and its coordinates) meets each row of theta."""
    points = torch.Size(out_shape[:-1]).numel()
    return 2 * int(points * theta[1] * theta[2])


#: Contractions that FlopCounterMode leaves out (torch 2.14), worked out here.
OMITTED_BY_FLOP_COUNTER = {
    aten.mv: _mv,
    aten.dot: _mv,
    aten.vdot: _mv,
    aten.addmv: _addmv,
    aten.addbmm: _addbmm,
    aten._trilinear: _trilinear,
    aten.affine_grid_generator: _affine_grid,
}


@contextlib.contextmanager
def plain_kernels() -> Iterator[None]:
    """Composite operators in their written-out form, as meta tensors run them: no fused kernels."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.random.fork_rng(devices=[]),
            torch.no_grad(),
            torch.backends.mkldnn.flags(enabled=False),
            sdpa_kernel(SDPBackend.MATH),
        ):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@dataclass
class Observed:
    """What a real run did: calls in order of beginning, and new memory for each module."""

    calls: list[tuple[str, Any]] = field(default_factory=list)  # path, output shapes and types
    elements: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)


class _Watch(TorchDispatchMode):
    """New memory outside leaf modules, by the module that runs."""

    def __init__(self, observed: Observed, *, on_cuda: bool) -> None:
        super().__init__()
        self.on_cuda = on_cuda
        self.observed = observed
        self.stack: list[tuple[str, bool]] = []
        self.alive: list[Tensor] = []  # so that no address comes twice

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        old = {_storage(t) for t in _tensors((args, kwargs))}
        result = func(*args, **kwargs)
        if self.on_cuda:
            result = _as_on_cuda(func, args, result)
        made = _tensors(result)
        self.alive += made
        path, in_leaf = self.stack[-1]
        if not in_leaf:
            for tensor in made:
                if _storage(tensor) not in old:
                    self.count(path, tensor)
        return result

    def count(self, path: str, tensor: Tensor) -> None:
        self.observed.elements[path] += tensor.numel()
        self.observed.bytes[path] += tensor.numel() * tensor.element_size()


def _as_on_cuda(func: Any, args: Any, result: Any) -> Any:
    """The CPU's result in the layout that CUDA (and nincost) gives it, which decides on copies.

    A batch norm and a log-sigmoid keep the order of dimensions on CUDA; on the CPU they give
    row-major or channels-last (aten/src/ATen/native/Normalization.cpp, Activation.cpp). cuDNN runs
    no channels-last convolution of float64, and 3-d ones of other types; without oneDNN, the CPU
    the other way about (aten/src/ATen/native/ConvUtils.h).
    """
    if func in (aten.native_batch_norm.default, aten.log_sigmoid_forward.default):
        return (torch.empty_like(args[0]).copy_(result[0]), *result[1:])
    if func is aten.convolution.default:
        if result.dtype is torch.float64:
            return result.contiguous()
        if result.dim() == 5:
            forms = {suggest_memory_format(tensor) for tensor in args[:2]}
            if torch.channels_last_3d in forms:
                return result.contiguous(memory_format=torch.channels_last_3d)
    return result


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)


def _tensors(value: Any) -> list[Tensor]:
    if hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _look(tensors: list[Tensor]) -> tuple[tuple[tuple[int, ...], torch.dtype], ...]:
    return tuple((tuple(t.shape), t.dtype) for t in tensors)


def observe(net: nn.Module, inputs: Any, *, on_cuda: bool) -> Observed:
    """Run `net` on the CPU and note each module call and each new tensor.

    `on_cuda` lays tensors out as CUDA would, as nincost does in all but a run on the CPU.
    """
    names = {module: name or type(net).__name__ for name, module in net.named_modules()}
    observed = Observed()
    watch = _Watch(observed, on_cuda=on_cuda)
    places: list[int] = []

    def before(module: nn.Module, _args: Any) -> None:
        watch.stack.append((names[module], not module._modules))
        places.append(len(observed.calls))
        observed.calls.append((names[module], None))

    def after(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        path, is_leaf = watch.stack.pop()
        given = _tensors(output)
        observed.calls[places.pop()] = (path, _look(given))
        if is_leaf:
            own = (*module.parameters(), *module.buffers())
            old = {_storage(t) for t in (*_tensors((args, kwargs)), *own)}
            for tensor in given:
                if _storage(tensor) not in old:
                    watch.count(path, tensor)
                    old.add(_storage(tensor))

    handles = [
        hooks.register_module_forward_pre_hook(before),
        hooks.register_module_forward_hook(after, with_kwargs=True),
    ]
    try:
        with plain_kernels(), watch:
            call(net, inputs)
    finally:
        for handle in handles:
            handle.remove()
    return observed


def flop_counter(net: nn.Module, inputs: Any) -> dict[str, int]:
    """FlopCounterMode's FLOPs by module path, on a real run on the CPU."""
    with (
        plain_kernels(),
        FlopCounterMode(display=False, custom_mapping=OMITTED_BY_FLOP_COUNTER) as counter,
    ):
        call(net, inputs)
    root = type(net).__name__
    found = {
        name.removeprefix(f"{root}."): sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
    }
    found[root] = counter.get_total_flops()
    return found


def state_of(net: nn.Module) -> dict[str, Any]:
    """What of a module a profile could change, cheap to take and to compare."""
    return {
        "tensors": {k: (id(v), v._version, v.sum().item()) for k, v in _held(net)},
        "training": [module.training for module in net.modules()],
        "keys": [sorted(module.__dict__) for module in net.modules()],
        "hooks": [len(module._forward_hooks) for module in net.modules()],
        "rng": torch.get_rng_state().tolist(),
    }


def _held(net: nn.Module) -> list[tuple[str, Tensor]]:
    from torch.nn.parameter import is_lazy

    held = [*net.named_parameters(), *net.named_buffers()]
    return [(name, tensor) for name, tensor in held if not is_lazy(tensor)]


def differences(network: Network) -> list[Difference]:
    """Every figure of nincost's for `network` that another source contradicts."""
    net, inputs = network.build(), network.inputs()
    before = state_of(net)
    try:
        traced = trace(
            Model("Net", net), inputs, mode=network.mode, operators=meta_operators(), on_cpu=True
        )
        checked = nincost.check(net, input=inputs, mode=network.mode, other_tools=False)
    except NincostError as error:
        return [Difference("error", str(error))]
    except Exception as error:
        return [Difference("crash", f"{type(error).__name__}: {error}")]
    found = [] if state_of(net) == before else [Difference("state", "the module was changed")]
    found += [
        Difference("by hand", f"{row.layer} ({row.type}): {row.note}")
        for row in checked.rows
        if row.verdict == "differs" or "does not fit" in row.note
    ]
    with plain_kernels():
        call(net, inputs)  # lazy modules learn their shapes
    found += _sizes(traced, net)
    found += _against_run(traced, observe(net, inputs, on_cuda=traced.device == "meta"))
    return found + _against_flop_counter(traced, flop_counter(net, inputs))


def _sizes(traced: Trace, net: nn.Module) -> list[Difference]:
    profile = profile_trace(traced)
    totals = profile.totals
    parameters, buffers = list(net.parameters()), list(net.buffers())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    truth = {
        "params": sum(p.numel() for p in parameters),
        "trainable_params": trained,
        "frozen_params": sum(p.numel() for p in parameters) - trained,
        "param_bytes": sum(p.nbytes for p in parameters),
        "buffers": sum(b.numel() for b in buffers),
        "buffer_bytes": sum(b.nbytes for b in buffers),
    }
    summed = ("params", "trainable_params", "macs", "activation_elements", "activation_bytes")
    for name in summed:
        truth.setdefault(name, sum(getattr(row, name) for row in profile.layers))
        if sum(getattr(row, name) for row in profile.layers) != getattr(totals, name):
            return [Difference("rows", f"{name}'s rows do not add up to the total")]
    found = [
        Difference("parameters", f"{name} {getattr(totals, name):,}, PyTorch has {value:,}")
        for name, value in truth.items()
        if getattr(totals, name) != value
    ]
    if profile.uncounted:
        names = ", ".join(item.operator for item in profile.uncounted)
        found.append(Difference("uncounted", names))
    return found


def _against_run(traced: Trace, real: Observed) -> list[Difference]:
    told = [
        (
            traced.modules[c.module].path,
            tuple((tuple(meta.shape), meta.dtype) for meta in c.outputs),
        )
        for c in traced.calls
    ]
    found = []
    for ours, theirs in zip(told, real.calls, strict=False):
        if ours != theirs:
            found.append(Difference("outputs", f"{ours} where the CPU has {theirs}"))
            break
    if len(told) != len(real.calls):
        found.append(Difference("calls", f"{len(told)} where the CPU has {len(real.calls)}"))
    elements: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for row in profile_trace(traced).layers:
        elements[row.module] += row.activation_elements
        size[row.module] += row.activation_bytes
    for name, ours, theirs in (
        ("activation elements", elements, real.elements),
        ("activation bytes", size, real.bytes),
    ):
        for path in sorted({*ours, *theirs}):
            if ours[path] != theirs[path]:
                found.append(
                    Difference(name, f"{path}: {ours[path]:,}, the CPU has {theirs[path]:,}")
                )
    return found


def _against_flop_counter(traced: Trace, theirs: dict[str, int]) -> list[Difference]:
    root = traced.modules[0].path
    ours: Counter[str] = Counter()
    for row in profile_trace(traced).layers:
        path = row.module
        ours[root] += row.flops
        while path != root:
            ours[path] += row.flops
            path = path.rpartition(".")[0] or root
    called = {call.module for call in traced.calls}  # FlopCounterMode leaves a ModuleList out
    paths = {info.path for index, info in enumerate(traced.modules) if index in called}
    compared = sorted({*ours, *theirs} & paths)
    return [
        Difference(
            "MACs", f"{path}: {ours[path] // 2:,}, FlopCounterMode {theirs.get(path, 0) // 2:,}"
        )
        for path in compared
        if ours[path] != theirs.get(path, 0)
    ]
