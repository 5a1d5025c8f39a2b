"""Convolutions: cuDNN's with its workspace, and ATen's own depthwise kernels."""

from __future__ import annotations

from typing import Any

from nincost._devices.cuda import unfolded_conv as slow_convolution
from nincost._devices.cuda.reductions import scratch
from nincost._devices.declare import rule
from nincost._devices.deterministic import filling
from nincost._devices.libraries.conv_backend import is_depthwise, uses_cudnn
from nincost._devices.libraries.conv_descriptor import (
    ConvDescriptor,
    ConvKind,
    describe_conv,
)
from nincost._devices.libraries.cudnn_plans import ConvWorkspace, plans_on
from nincost._devices.memory_format import (
    as_image,
    convolves_channels_last,
    copy_bytes,
    dense_copy,
    suggests_channels_last,
)
from nincost._devices.rules import Action, Call, alloc, free, out, timing_workspace
from nincost._devices.strides import dense_strides
from nincost._trace.records import TensorMeta
from nincost.errors import InputError


class _Convolution:
    """What forward and backward have in common: the backend, the form, the workspaces."""

    def __init__(self, call: Call, x: TensorMeta, weight: TensorMeta, rest: tuple[Any, ...]):
        stride, padding, dilation, transposed, output_padding, groups = rest
        dims = len(x.shape) - 2
        self.last = convolves_channels_last(x, weight)
        # "Avoid NHWC for a permuted 3d input": a 1-d convolution works on a row-major one.
        self.row_copy = dense_copy(x) if dims == 1 else 0
        if self.row_copy:
            x = x._replace(stride=dense_strides(x.shape))
        self.call, self.x, self.weight = call, x, weight
        self.stride, self.padding, self.dilation = (
            list(value) * dims if len(value) == 1 else list(value)
            for value in (stride, padding, dilation)
        )
        self.transposed = transposed
        self.dtype = str(x.dtype).removeprefix("torch.")
        self.in_cudnn = uses_cudnn(
            x.shape,
            weight.shape,
            self.dtype,
            stride=self.stride,
            dilation=self.dilation,
            groups=groups,
            transposed=transposed,
            output_padding=output_padding,
            channels_last=self.last,
            cudnn_enabled=call.target.settings.cudnn,
            capability=call.target.capability,
        )
        self.unfolds = not self.in_cudnn and not is_depthwise(
            x.shape, weight.shape, groups, transposed
        )

    def filling(self) -> list[Action]:
        """What filling an output takes that ATen's kernel of two dimensions gives its size."""
        sized_later = not self.in_cudnn and len(self.x.shape) <= 4
        return filling(self.call.target, self.x.dtype) if sized_later else []

    def copy(self, tensor: TensorMeta) -> int:
        """Bytes of a tensor's copy in the form that the backend works in."""
        return copy_bytes(as_image(tensor), channels_last=self.last and self.in_cudnn)

    def run(self, kind: ConvKind, output: TensorMeta) -> list[Action]:
        """What cuDNN allocates for one computation, and frees. `Target.workspace` says how much.

        With benchmark on, the first time that a problem comes, the largest workspace of all plans
        is taken for timing them, and then the allocator's cache is emptied (Conv_v8.cpp,
        run_single_conv).
        """
        target = self.call.target
        problem = self._problem(kind, output) if self.in_cudnn else None
        if problem is None or target.workspace == "none":
            return []
        plans, settings = plans_on(target.gpu), target.settings
        deterministic = settings.deterministic_convolutions
        found = plans.workspace(problem, allow_tf32=settings.tf32, deterministic=deterministic)
        actions: list[Action] = []
        if settings.cudnn_benchmark:
            most = plans.interval(problem, allow_tf32=settings.tf32, deterministic=deterministic)[1]
            actions.append(timing_workspace(problem, most))
        name = f"workspace {kind}"
        size = self._size(found, problem)
        return [*actions, alloc(name, size, "workspace"), free(name)]

    def _size(self, found: ConvWorkspace, problem: ConvDescriptor) -> int:
        """Where no cuDNN can be asked, row-major tensors are taken to be copied into channels-last
        form, as most plans with tensor cores do, and channels-last ones to need nothing.
        """
        if self.call.target.workspace == "cap":
            return max(found.high, problem.model_interval()[1])
        if found.bytes is None:
            return 0 if self.last else found.high
        return found.bytes

    def _problem(self, kind: ConvKind, output: TensorMeta) -> ConvDescriptor | None:
        try:
            return describe_conv(
                kind,
                self.dtype,
                self.x.shape,
                self.weight.shape,
                output.shape,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                transposed=self.transposed,
                channels_last=self.last,
            )
        except InputError:  # a shape or type that is none of cuDNN's
            return None


@rule(
    "aten.convolution",
    source="aten/src/ATen/native/Convolution.cpp _convolution; cudnn/ConvShared.cpp "
    "cudnn_convolution; cuDNN's heuristics (Conv_v8.cpp)",
    kind="modelled",
)
def convolution(call: Call) -> list[Action]:
    """The input in one form, the output, the weight in that form, the workspace.

    The bias is added in place.
    """
    x, weight = call.args[:2]
    found = _Convolution(call, x, weight, call.args[3:9])
    if found.unfolds:
        return slow_convolution.forward(call)
    return [
        alloc("rows", found.row_copy),
        alloc("input copy", found.copy(found.x)),
        out(0),
        *found.filling(),
        alloc("weight copy", found.copy(weight)),
        *found.run("forward", call.outputs[0]),
    ]


@rule(
    "aten.convolution_backward",
    source="aten/src/ATen/native/Convolution.cpp convolution_backward; cudnn/ConvShared.cpp "
    "cudnn_convolution_backward; cuda/DepthwiseConv2d.cu, DepthwiseConv3d.cu; cuDNN's heuristics "
    "(Conv_v8.cpp)",
    kind="modelled",
)
def convolution_backward(call: Call) -> list[Action]:
    """The gradients of input, weight and bias, with the copies that the backend works on."""
    grad, x, weight = call.args[:3]
    wanted = call.args[10]
    found = _Convolution(call, x, weight, call.args[4:10])
    if found.unfolds:
        return slow_convolution.backward(call)
    bias: list[Action] = []
    if wanted[2]:
        dims = (0, *range(2, len(grad.shape)))
        bias = [out(2), *scratch(call.target, grad, dims)]
    if found.in_cudnn:
        return [alloc("rows", found.row_copy), *_in_cudnn(found, grad, wanted), *bias, free("rows")]
    if len(grad.shape) == 5:
        return _depthwise_3d(found, grad, wanted, bias)
    return [alloc("rows", found.row_copy), *_depthwise_2d(found, grad, wanted), *bias, free("rows")]


def _in_cudnn(found: _Convolution, grad: TensorMeta, wanted: list[bool]) -> list[Action]:
    """cudnn_convolution_backward.

    The gradient is brought into the input's memory format for both; one that has it, and is not
    dense, is copied for each, but for a transposed convolution's. The weight's copy is there for
    the input's gradient alone.
    """
    last = found.last if wanted[1] else suggests_channels_last(as_image(found.x))
    copy = copy_bytes(as_image(grad), channels_last=last)
    once = found.transposed or suggests_channels_last(as_image(grad)) is not last
    actions: list[Action] = [
        alloc("input copy", found.copy(found.x) if wanted[1] else 0),
        alloc("gradient copy", copy if once else 0),
    ]
    each = 0 if once else copy
    if wanted[0]:
        actions += [
            out(0),
            alloc("weight copy", found.copy(found.weight)),
            alloc("first copy", each),
            *found.run("data_gradient", grad),
            free("first copy"),
            free("weight copy"),
        ]
    if wanted[1]:
        actions += [
            alloc("second copy", each),
            out(1),
            *found.run("filter_gradient", grad),
            free("second copy"),
        ]
    return [*actions, free("gradient copy"), free("input copy")]


def _depthwise_2d(found: _Convolution, grad: TensorMeta, wanted: list[bool]) -> list[Action]:
    """DepthwiseConv2d.cu conv_depthwise2d_backward_cuda_out: the weight's gradient first."""
    actions: list[Action] = [alloc("gradient copy", dense_copy(grad))]
    if wanted[1]:
        copy = dense_copy(found.x)
        actions += [alloc("input copy", copy), out(1), *found.filling(), free("input copy")]
    if wanted[0]:
        copy = dense_copy(found.weight)
        actions += [out(0), *found.filling(), alloc("weight copy", copy), free("weight copy")]
    return [*actions, free("gradient copy")]


def _depthwise_3d(
    found: _Convolution, grad: TensorMeta, wanted: list[bool], bias: list[Action]
) -> list[Action]:
    """DepthwiseConv3d.cu conv_depthwise3d_backward_cuda: both gradients, then the copies."""
    gradients = [out(index) for index in (0, 1) if wanted[index]]
    return [
        *gradients,
        alloc("gradient copy", dense_copy(grad)),
        alloc("input copy", dense_copy(found.x)),
        alloc("weight copy", dense_copy(found.weight)),
        free("weight copy"),
        free("input copy"),
        *bias,
        free("gradient copy"),
    ]
