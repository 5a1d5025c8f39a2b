"""Pieces for tensors of batch x channels x one to three further dimensions."""

from __future__ import annotations

from random import Random

from torch import Tensor

from reliability.pieces import IMAGES, Lines, divisors, flag, function, layer, seldom


def _numbers(rng: Random, dims: int, low: int, high: int) -> str:
    """A number, or one for each dimension."""
    if flag(rng):
        return str(rng.randint(low, high))
    return str(tuple(rng.randint(low, high) for _ in range(dims)))


def _groups(rng: Random, *channels: int) -> int:
    common = [d for d in divisors(channels[0]) if all(c % d == 0 for c in channels)]
    return rng.choice(common) if seldom(rng) else 1


@layer("conv", *IMAGES, weight=8)
def conv(rng: Random, x: Tensor) -> str:
    dims = x.dim() - 2
    out = rng.choice((4, 6, 8))
    padding, stride = _numbers(rng, dims, 0, 2), _numbers(rng, dims, 1, 2)
    if seldom(rng):
        padding, stride = rng.choice(("'same'", "'valid'")), "1"
    mode = rng.choice(("reflect", "replicate", "circular")) if seldom(rng) else "zeros"
    return (
        f"nn.Conv{dims}d({x.shape[1]}, {out}, {_numbers(rng, dims, 1, 3)}, stride={stride}, "
        f"padding={padding}, dilation={_numbers(rng, dims, 1, 2)}, "
        f"groups={_groups(rng, x.shape[1], out)}, bias={flag(rng)}, padding_mode={mode!r})"
    )


@layer("depthwise_conv", *IMAGES)
def depthwise(rng: Random, x: Tensor) -> str:
    dims, channels = x.dim() - 2, x.shape[1]
    out = channels * rng.choice((1, 2))
    return f"nn.Conv{dims}d({channels}, {out}, 3, padding=1, groups={channels})"


@layer("conv_transpose", *IMAGES, weight=3)
def conv_transpose(rng: Random, x: Tensor) -> str:
    dims, out = x.dim() - 2, rng.choice((4, 6))
    stride = rng.randint(1, 3)
    extra = rng.randrange(stride) if seldom(rng) else 0
    return (
        f"nn.ConvTranspose{dims}d({x.shape[1]}, {out}, {_numbers(rng, dims, 1, 3)}, "
        f"stride={stride}, padding={_numbers(rng, dims, 0, 1)}, output_padding={extra}, "
        f"groups={_groups(rng, x.shape[1], out)}, bias={flag(rng)}, "
        f"dilation={_numbers(rng, dims, 1, 2)})"
    )


@layer("lazy", *IMAGES)
def lazy(rng: Random, x: Tensor) -> str:
    dims = x.dim() - 2
    return rng.choice(
        (f"nn.LazyConv{dims}d(4, 2)", "nn.LazyLinear(5)", f"nn.LazyBatchNorm{dims}d()",
         f"nn.LazyConvTranspose{dims}d(4, 2)")
    )  # fmt: skip


@layer("norm", *IMAGES, weight=4)
def norm(rng: Random, x: Tensor) -> str:
    dims, channels = x.dim() - 2, x.shape[1]
    return rng.choice(
        (
            f"nn.BatchNorm{dims}d({channels})",
            f"nn.BatchNorm{dims}d({channels}, affine=False)",
            f"nn.BatchNorm{dims}d({channels}, track_running_stats=False)",
            f"nn.BatchNorm{dims}d({channels}, momentum=None)",
            f"nn.InstanceNorm{dims}d({channels}, affine={flag(rng)})",
            f"nn.InstanceNorm{dims}d({channels}, track_running_stats=True)",
            f"nn.GroupNorm({rng.choice(divisors(channels))}, {channels}, affine={flag(rng)})",
            f"nn.LocalResponseNorm({rng.choice((2, 3))})",
        )
    )


@layer("norm", 2)
def norm_of_vectors(rng: Random, x: Tensor) -> str:
    return rng.choice((f"nn.BatchNorm1d({x.shape[1]})", f"nn.GroupNorm(1, {x.shape[1]})"))


@layer("pool", *IMAGES, weight=4)
def pool(rng: Random, x: Tensor) -> str:
    dims = x.dim() - 2
    ceil = f"ceil_mode={flag(rng)}"
    kernel, stride = _numbers(rng, dims, 2, 3), _numbers(rng, dims, 1, 3)
    return rng.choice(
        (
            f"nn.MaxPool{dims}d({kernel}, {stride}, padding={rng.randint(0, 1)}, "
            f"dilation={rng.randint(1, 2)}, {ceil})",
            f"nn.MaxPool{dims}d(2, {ceil})",
            f"nn.AvgPool{dims}d({kernel}, {stride}, padding={rng.randint(0, 1)}, {ceil}, "
            f"count_include_pad={flag(rng)})",
            f"nn.LPPool{dims}d(2, 2, {ceil})",
        )
    )


@layer("adaptive_pool", *IMAGES, weight=3)
def adaptive_pool(rng: Random, x: Tensor) -> str:
    dims = x.dim() - 2
    sizes = tuple(rng.choice((None, 1, 2, 3, 5)) for _ in range(dims))
    size = rng.choice((1, 2, 3)) if flag(rng) or dims == 1 else sizes
    return f"nn.Adaptive{rng.choice(('Avg', 'Max'))}Pool{dims}d({size})"


@layer("fractional_pool", 4, 5)
def fractional_pool(rng: Random, x: Tensor) -> str:
    return f"nn.FractionalMaxPool{x.dim() - 2}d(2, output_ratio=0.6)"


@layer("resample", *IMAGES, weight=2)
def resample(rng: Random, x: Tensor) -> str:
    dims = x.dim() - 2
    smooth = ("linear", "bilinear", "trilinear")[dims - 1]
    choices = ["nn.Upsample(scale_factor=2)", f"nn.Upsample(scale_factor=1.5, mode={smooth!r})"]
    choices += [f"nn.Upsample(size={(5,) * dims}, mode='nearest-exact')"]
    if dims == 2:
        choices += ["nn.PixelUnshuffle(2)", "nn.Upsample(scale_factor=2, mode='bicubic')"]
        if x.shape[1] % 4 == 0:
            choices += ["nn.PixelShuffle(2)", "nn.ChannelShuffle(2)"]
    return rng.choice(choices)


@layer("padding", *IMAGES)
def padding(rng: Random, x: Tensor) -> str:
    dims = x.dim() - 2
    kind = rng.choice(("ReflectionPad", "ReplicationPad", "ZeroPad", "CircularPad"))
    return f"nn.{kind}{dims}d(1)"


@layer("channel_dropout", *IMAGES)
def channel_dropout(rng: Random, x: Tensor) -> str:
    return f"nn.Dropout{x.dim() - 2}d(0.2)"


@function("functional_conv", *IMAGES, weight=2)
def functional_conv(rng: Random, x: Tensor) -> Lines:
    dims, channels, out = x.dim() - 2, x.shape[1], rng.choice((3, 4))
    kernel = (rng.randint(1, 3),) * dims
    transposed = seldom(rng)
    shape = (channels, out, *kernel) if transposed else (out, channels, *kernel)
    name = f"F.conv_transpose{dims}d" if transposed else f"F.conv{dims}d"
    setup = [f"self.p{{n}} = nn.Parameter(torch.randn{shape})"]
    bias = "None"
    if flag(rng):
        setup.append(f"self.q{{n}} = nn.Parameter(torch.randn({out}))")
        bias = "self.q{n}"
    return tuple(setup), (
        f"x = {name}(x, self.p{{n}}, {bias}, stride={rng.randint(1, 2)}, padding=1)",
    )


@function("functional_image", 4, weight=2)
def functional_image(rng: Random, x: Tensor) -> Lines:
    # The statistics that it gives are float32 on meta and CUDA, of the input's type on the CPU.
    scaled = (
        "x * x.mean()" if x.element_size() < 4 else "F.batch_norm(x, None, None, training=True)"
    )
    return (), (
        rng.choice(
            (
                "x = F.unfold(x, 2)",
                "x = F.interpolate(x, scale_factor=2.0, mode='bilinear', antialias=True)",
                "x = F.grid_sample(x, F.affine_grid(torch.eye(2, 3, dtype=x.dtype, "
                "device=x.device).expand(x.shape[0], 2, 3), list(x.shape), align_corners=False), "
                "align_corners=False)",
                "a{n}, i{n} = F.max_pool2d(x, 2, return_indices=True); "
                "x = F.max_unpool2d(a{n}, i{n}, 2, output_size=x.shape[2:])",
                "x = F.fold(F.unfold(x, 2, stride=2), x.shape[2:], 2, stride=2)",
                "x = F.adaptive_avg_pool2d(x, 2)",
                "x = F.avg_pool2d(x, 2, stride=1)",
                f"x = {scaled}",
                "x = F.pad(x, (1, 0, 0, 1))",
                "x = torch.fft.rfft2(x.float()).abs().to(x.dtype)",
                "x = F.pixel_unshuffle(x, 2)",
            )
        ),
    )
