"""Batch and layer norm."""

from __future__ import annotations

import math

from nincost._devices.declare import rule
from nincost._devices.memory_format import dense_copy, is_in_form
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._trace.records import TensorMeta


@rule(
    "aten.native_layer_norm_backward",
    source="aten/src/ATen/native/cpu/layer_norm_kernel.cpp LayerNormBackwardKernelImplInternal",
)
def layer_norm_backward(call: Call) -> list[Action]:
    """Gradients of weight and bias are summed for each thread: 2 x threads x N elements."""
    grad, x, shape = call.args[:3]
    wanted = call.args[7]
    width = 1
    for size in shape:
        width *= size
    partial = 2 * call.target.settings.threads * width * x.dtype.itemsize
    return [
        alloc("contiguous x", dense_copy(x)),
        out(0),
        out(1),
        out(2),
        alloc("contiguous grad", dense_copy(grad)),
        alloc("partial sums", partial if any(wanted[1:]) else 0),
        free("partial sums"),
        free("contiguous grad"),
    ]


@rule(
    "aten.native_batch_norm",
    "aten._native_batch_norm_legit",
    "aten._native_batch_norm_legit_no_training",
    source="aten/src/ATen/native/Normalization.cpp; cpu/batch_norm_kernel.cpp",
)
def batch_norm(call: Call) -> list[Action]:
    """Two factors for each channel; in training, two sums for each before that.

    Where rows of channels outnumber the threads, each thread has a sum of its own.
    """
    x = call.args[0]
    training = call.signature.name == "aten.native_batch_norm" and call.args[5]
    size, threads = x.shape[1] * x.dtype.itemsize, call.target.settings.threads
    pair: list[Action] = [alloc("a", size), alloc("b", size), free("b"), free("a")]
    if training:
        sums = pair
        if _is_rows(x) and x.elements > threads * x.shape[1]:
            sums = [*pair[:2], alloc("of threads", threads * size), free("of threads"), *pair[2:]]
        return [out(0), out(1), out(2), *sums, *pair]
    return [out(0), out(1, bytes=0), out(2, bytes=0), *pair]  # meta gives C values here


def _is_rows(x: TensorMeta) -> bool:
    """Whether the kernel goes through rows of channels: channels-last, or one pixel an image."""
    return math.prod(x.shape[2:]) == 1 or (len(x.shape) > 2 and is_in_form(x, channels_last=True))


@rule("aten.native_batch_norm_backward", source="aten/src/ATen/native/Normalization.cpp")
def batch_norm_backward(call: Call) -> list[Action] | None:
    """In training a second tensor of the input's size; of rows, sums for each thread."""
    x, train, wanted = call.args[1], call.args[7], call.args[9]
    actions: list[Action] = [out(0, bytes=None if wanted[0] else 0), out(1), out(2)]
    if train and wanted[0]:
        actions += [alloc("centred", x.bytes), free("centred")]
    if _is_rows(x):
        actions += [alloc("sums", 2 * call.target.settings.threads * x.shape[1] * x.dtype.itemsize)]
    return actions


@rule(
    "aten.native_layer_norm",
    source="aten/src/ATen/native/layer_norm.cpp layer_norm_cpu",
)
def layer_norm(call: Call) -> list[Action] | None:
    return [alloc("contiguous x", dense_copy(call.args[0])), out(0), out(1), out(2)]
