"""Convolutions of one pixel that cuDNN hands to the copy of cuBLAS inside it: no copies are made.

MODELLED. With a card, cuDNN has a plan for a convolution of kernel 1 and stride 1 that multiplies
each image's channels by the weights where they lie; without one its heuristics leave it out, as it
asks cuBLAS, and propose plans that copy input and output into another memory format. Where the plan
is taken was read from the kernels of 42 training steps profiled on an H100 (torch 2.11, cuDNN
9.19; benchmarks/data/h100/step_kernels.csv.gz), and its workspace from the measured peaks of these
steps: none for an output or the input's gradient, and for the weight's gradient that of each image,
in float32, to be summed.

A plane of pixels that is a multiple of 16 bytes lets the fast kernels read each channel: forward
and data gradient then always took the plan. For other planes, and for the weight's gradient, cuDNN
weighs the times of plans against each other; the limits below stand for that, and are wrong for one
in thirty. They were read from an H100's float32 (TF32) and bfloat16; that an RTX 3060's published
peaks come nearer by them is all that is known of other cards.
"""

from __future__ import annotations

from math import prod

from nincost._devices.libraries.conv_descriptor import ELEMENT_BYTES, ConvDescriptor

#: How a plane must lie in memory for the fast kernels, in bytes.
_ALIGNED = 16

#: A plane of fewer pixels is small: 7x7 is, 13x13 is not.
_SMALL_PLANE = 100

#: Most input times output channels for which a plane that is not aligned is multiplied where it
#: lies, by kind and bytes of an element: of a small plane, and of another.
_MOST_CHANNELS = {
    ("forward", 4): (140_000, 2**40),
    ("forward", 2): (60_000, 400_000),
    ("data_gradient", 4): (190_000, 2**40),
    ("data_gradient", 2): (110_000, 600_000),
}

#: Most bytes of all images' gradients of the weight, by bytes of an element; and, where planes are
#: not aligned, in thousandths of the copies that another plan makes.
_MOST_PARTS = {4: 100 * 2**20, 2: 68 * 2**20}
_PARTS_OF_COPIES = 1120


def product_limits() -> tuple[int, ...]:
    """The limits, in the order of the emulated GPU's runtime/cudnn_products.c."""
    channels = (most for pair in _MOST_CHANNELS.values() for most in pair)
    return _ALIGNED, _SMALL_PLANE, *_MOST_PARTS.values(), _PARTS_OF_COPIES, *channels


def product_workspace(conv: ConvDescriptor) -> int | None:
    """Bytes of the plan's workspace where it is the one that is taken; None where it is not."""
    size = ELEMENT_BYTES[conv.dtype]
    if not _is_product(conv) or size > 4 or conv.channels_last:
        return None
    plane = prod(conv.input[2:])
    is_small = plane < _SMALL_PLANE
    aligned = plane * size % _ALIGNED == 0
    channels = conv.weight[0] * conv.weight[1]
    if conv.kind != "filter_gradient":
        small, other = _MOST_CHANNELS[conv.kind, size]
        most = small if is_small else other
        return 0 if aligned or plane == 1 or channels <= most else None
    parts = conv.input[0] * channels * 4
    if parts > _MOST_PARTS[size]:
        return None
    if aligned or (size == 4 and not is_small):
        return parts
    copies = size * (prod(conv.input) + prod(conv.output))
    return parts if not is_small and parts * 1000 <= copies * _PARTS_OF_COPIES else None


def _is_product(conv: ConvDescriptor) -> bool:
    """Whether each pixel of the output is a product of the weights and that pixel's channels."""
    return (
        set(conv.weight[2:]) == {1}
        and set(conv.stride) == {1}
        and set(conv.padding) == {0}
        and conv.groups == 1
    )
