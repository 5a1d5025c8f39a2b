"""Who runs a convolution, asked of the installed torch on fake CUDA tensors (no GPU needed).

Without a GPU torch cannot answer where it asks the card first: bfloat16 outside depthwise, dilated
row-major ones, and its table for float16 depthwise. Those rules are stated by hand.
"""

from __future__ import annotations

import random

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from nincost._devices.libraries.conv_backend import uses_cudnn
from nincost._devices.memory_format import as_image, suggests_channels_last
from nincost._devices.output_layouts import describe

FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


def random_case(rng: random.Random):
    dims = rng.choice([1, 2, 2, 2, 3])
    channels = rng.choice([1, 4, 16, 32, 64, 256, 512])
    groups = (
        channels if rng.random() < 0.7 else rng.choice([g for g in (1, 2) if channels % g == 0])
    )
    transposed = rng.random() < 0.15
    kernel = tuple(rng.choice([1, 3, 5, 7]) for _ in range(dims))
    dilation = (rng.choice([1, 1, 1, 2]),) * dims
    window = {
        "stride": tuple(rng.choice([1, 1, 2, 3]) for _ in range(dims)),
        "dilation": dilation,
        "groups": groups,
        "transposed": transposed,
        "output_padding": (rng.choice([0, 0, 1, 2]) if transposed else 0,) * dims,
    }
    padding = tuple(k // 2 * d for k, d in zip(kernel, dilation, strict=True))
    size = tuple(rng.choice([1, 7, 14, 28] if dims < 3 else [4, 8]) for _ in range(dims))
    times = rng.choice([1, 2])
    weight = (channels, times if transposed else channels // groups, *kernel)
    if not transposed:
        weight = (channels * times, *weight[1:])
    return (rng.choice([1, 2, 16, 64]), channels, *size), weight, padding, window


def test_as_torch_chooses() -> None:
    rng, asked = random.Random(3), 0
    with FakeTensorMode():
        for _ in range(800):
            shape, weight_shape, padding, window = random_case(rng)
            dtype = rng.choice([torch.float32, torch.float16, torch.bfloat16, torch.float64])
            x = torch.empty(shape, device="cuda", dtype=dtype)
            w = torch.empty(weight_shape, device="cuda", dtype=dtype)
            memory_format = FORMATS.get(len(shape) - 2)
            if memory_format is not None and rng.random() < 0.3:
                x = x.to(memory_format=memory_format)
            if memory_format is not None and rng.random() < 0.2:
                w = w.to(memory_format=memory_format)
            last = any(suggests_channels_last(as_image(describe(tensor))) for tensor in (x, w))
            depthwise = shape[1] == window["groups"] > 1 and not window["transposed"]
            if dtype is torch.bfloat16 and not depthwise:
                continue  # asks the card whether it has bfloat16
            if not (last and dtype is not torch.float64) and (
                (max(window["dilation"]) > 1 and not depthwise)
                or (dtype is torch.float16 and depthwise)
            ):
                continue  # asks the card too
            try:
                chosen = torch._C._select_conv_backend(
                    x, w, None, window["stride"], padding, window["dilation"],
                    window["transposed"], window["output_padding"], window["groups"], None,
                )  # fmt: skip
            except RuntimeError:
                continue  # the kernel is larger than the padded input
            asked += 1
            ours = uses_cudnn(
                shape, weight_shape, str(dtype).removeprefix("torch."), channels_last=last, **window
            )
            assert ours == ("Cudnn" in str(chosen)), (chosen, shape, weight_shape, dtype, window)
    assert asked > 300


def plain(size: int, channels: int, batch: int, kernel: int, stride: int, **more) -> bool:
    return uses_cudnn(
        (batch, channels, size, size),
        (channels, 1, kernel, kernel),
        "float16",
        stride=(stride, stride),
        dilation=(1, 1),
        groups=channels,
        **more,
    )


# Read off PyTorch's comments: 1, 3 and 5 wide, at least 7 pixels, stride 1 always, stride 2 where
# measured faster; MobileNetV2's and EfficientNet's layers are among them.
@pytest.mark.parametrize(
    ("size", "channels", "batch", "kernel", "stride", "cudnn"),
    [
        (14, 384, 64, 3, 1, True),
        (14, 384, 64, 7, 1, False),  # ConvNeXt's 7x7 stays native
        (6, 384, 64, 3, 1, False),
        (14, 16, 64, 3, 1, False),  # fewer than 32 channels
        (28, 256, 64, 3, 2, True),
        (14, 256, 64, 3, 2, False),
        (14, 512, 64, 3, 2, True),
        (56, 96, 1, 3, 2, True),
        (56, 96, 1, 1, 2, False),
        (14, 384, 64, 3, 3, False),
    ],
)
def test_float16_depthwise_table(size, channels, batch, kernel, stride, cudnn: bool) -> None:
    assert plain(size, channels, batch, kernel, stride) is cudnn


def test_dilated_and_bfloat16_run_in_cudnn() -> None:
    window = {"stride": (1, 1), "groups": 1}
    assert uses_cudnn((8, 64, 28, 28), (64, 64, 3, 3), "float32", dilation=(2, 2), **window)
    assert uses_cudnn((8, 64, 28, 28), (64, 64, 3, 3), "bfloat16", dilation=(1, 1), **window)


def test_switched_off_and_empty() -> None:
    assert not plain(14, 384, 64, 3, 1, cudnn_enabled=False)
    assert not plain(14, 384, 0, 3, 1)
