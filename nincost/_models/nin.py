"""The Network-in-Network variants, as rows of one table.

Sources: M. Lin, Q. Chen, S. Yan, "Network In Network" (arXiv 1312.4400), its Caffe definitions, and
section 7.3 of "Dive into Deep Learning" (D2L).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nincost.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class MlpconvBlock:
    """One mlpconv block: a k x k convolution, then 1x1 convolutions, a ReLU after each.

    `channels` has the k x k convolution's output channels first, then one entry for each 1x1
    convolution; 0 stands for the number of classes. `pool` follows the block.
    """

    kernel: int
    stride: int
    padding: int
    channels: tuple[int, ...]
    pool: Literal["", "max", "avg"] = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """A built-in network: its blocks, and what its source says of input and classes."""

    name: str
    source: str
    blocks: tuple[MlpconvBlock, ...]
    in_channels: int
    image_size: int
    num_classes: int
    dropout_after_pools: tuple[int, ...]  # 1-based numbers of the pools that a dropout follows
    ceil_pools: bool = False  # Caffe rounds a pool's output size up, PyTorch down
    fc_head: tuple[int, ...] = ()  # widths of fully-connected layers in place of the global pool


def _d2l(name: str, ones: int, source: str, fc_head: tuple[int, ...] = ()) -> Variant:
    """D2L's network with `ones` 1x1 convolutions in each block."""
    rows = [(11, 4, 0, 96, "max"), (5, 1, 2, 256, "max"), (3, 1, 1, 384, "max"), (3, 1, 1, 0, "")]
    blocks = tuple(MlpconvBlock(k, s, p, (c,) * (1 + ones), pool) for k, s, p, c, pool in rows)  # type: ignore[arg-type]
    if fc_head:
        blocks = blocks[:-1]
    return Variant(name, source, blocks, 1, 224, 10, (3,), fc_head=fc_head)


_CAFFE_CIFAR10 = (
    MlpconvBlock(5, 1, 2, (192, 160, 96), "max"),
    MlpconvBlock(5, 1, 2, (192, 192, 192), "avg"),
    MlpconvBlock(3, 1, 1, (192, 192, 0)),
)
_CAFFE_IMAGENET = (
    MlpconvBlock(11, 4, 0, (96, 96, 96), "max"),
    MlpconvBlock(5, 1, 2, (256, 256, 256), "max"),
    MlpconvBlock(3, 1, 1, (384, 384, 384), "max"),
    MlpconvBlock(3, 1, 1, (1024, 1024, 0)),
)

#: What every command profiles where no model is named.
DEFAULT_MODEL = "two-1x1"

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        _d2l("two-1x1", 2, "D2L 7.3: two 1x1 convolutions in each block"),
        _d2l("one-1x1", 1, "D2L 7.3, exercise: one 1x1 convolution in each block"),
        _d2l("zero-1x1", 0, "D2L 7.3 without any 1x1 convolution"),
        _d2l(
            "fc-head",
            2,
            "D2L 7.3 with fully-connected layers in place of the last block and the global pool",
            fc_head=(4096, 4096),
        ),
        Variant(
            "cifar10",
            "Lin, Chen, Yan 2013, CIFAR-10, in its Caffe form",
            _CAFFE_CIFAR10,
            3,
            32,
            10,
            (1, 2),
            ceil_pools=True,
        ),
        Variant(
            "imagenet",
            "Lin, Chen, Yan 2013, ImageNet, in its Caffe form",
            _CAFFE_IMAGENET,
            3,
            224,
            1000,
            (3,),
            ceil_pools=True,
        ),
    )
}


def get_variant(name: str) -> Variant:
    """The table's row called `name`; `InputError` with the nearest name where there is none."""
    try:
        return VARIANTS[name]
    except KeyError:
        known = ", ".join(VARIANTS)
        raise InputError(
            f"unknown variant {name!r}: choose {known}{did_you_mean(name, VARIANTS)}"
        ) from None


def build_variant(
    variant: Variant,
    *,
    in_channels: int | None = None,
    num_classes: int | None = None,
    dropout: float = 0.5,
) -> nn.Sequential:
    """Build a variant on torch's current default device.

    Args:
        variant: a row of `VARIANTS`.
        in_channels: channels of the input image; the source's by default.
        num_classes: outputs; the source's by default.
        dropout: probability of each dropout, from 0 up to, but not including, 1.

    Raises:
        InputError: an argument out of its range.
    """
    from torch import nn

    in_channels = _positive("in_channels", in_channels, variant.in_channels)
    num_classes = _positive("num_classes", num_classes, variant.num_classes)
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise InputError(f"dropout is {dropout!r}: expected a number from 0 up to 1, such as 0.5")

    net: OrderedDict[str, nn.Module] = OrderedDict()
    channels = in_channels
    for number, block in enumerate(variant.blocks, start=1):
        net[f"block{number}"], channels = _mlpconv(block, channels, num_classes)
        if block.pool:
            pool = nn.MaxPool2d if block.pool == "max" else nn.AvgPool2d
            net[f"pool{number}"] = pool(3, stride=2, ceil_mode=variant.ceil_pools)
        if number in variant.dropout_after_pools:
            net[f"dropout{number}"] = nn.Dropout(dropout)
    if variant.fc_head:
        net["flatten"] = nn.Flatten()
        for number, width in enumerate(variant.fc_head, start=1):
            # Lazy, so that the first width follows from the input's size.
            net[f"fc{number}"] = nn.LazyLinear(width) if number == 1 else nn.Linear(channels, width)
            net[f"fc{number}_relu"] = nn.ReLU()
            net[f"fc{number}_dropout"] = nn.Dropout(dropout)
            channels = width
        net["classifier"] = nn.Linear(channels, num_classes)
    else:
        net["global_pool"] = nn.AdaptiveAvgPool2d(1)
        net["flatten"] = nn.Flatten()
    return nn.Sequential(net)


def _mlpconv(block: MlpconvBlock, channels: int, num_classes: int) -> tuple[nn.Sequential, int]:
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, declared in enumerate(block.channels):
        width = declared or num_classes
        if number == 0:
            layers["conv"] = nn.Conv2d(channels, width, block.kernel, block.stride, block.padding)
            layers["relu"] = nn.ReLU()
        else:
            layers[f"conv1x1_{number}"] = nn.Conv2d(channels, width, 1)
            layers[f"relu_{number}"] = nn.ReLU()
        channels = width
    return nn.Sequential(layers), channels


def _positive(name: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} is {value!r}: expected a whole number of at least 1")
    return value
