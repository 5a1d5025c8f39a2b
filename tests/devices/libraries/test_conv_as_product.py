"""Which convolutions of one pixel a card hands to cuBLAS: by the kernels that an H100 ran."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import nincost
from nincost._devices.cards import get_gpu
from nincost._devices.libraries.conv_as_product import product_workspace
from nincost._devices.libraries.conv_descriptor import ConvDescriptor
from nincost._devices.libraries.cudnn_plans import plans_on

PROFILED = Path(__file__).parents[3] / "benchmarks/data/h100/step_kernels.csv.gz"
SGD = {"optimizer_arg": {"momentum": 0.9}}


def pixel(kind, images, channels, out, side, dtype="float32", **options):
    x, y = (images, channels, side, side), (images, out, side, side)
    return ConvDescriptor(
        kind, dtype, x, (out, channels, 1, 1), y, (1, 1), (0, 0), (1, 1), **options
    )


def test_the_rule_is_right_for_nearly_all_that_an_h100_ran() -> None:
    """Forward without a copying kernel; the weight's gradient with one that sums all images'."""
    kernels = defaultdict(list)
    with gzip.open(PROFILED, "rt") as file:
        for row in csv.DictReader(file):
            if row["op"] in ("aten::cudnn_convolution", "aten::convolution_backward"):
                key = row["case"], row["op"], row["shapes"], row["types"], row["values"]
                kernels[key].append(row["kernel"])
    right: Counter[tuple[str, bool]] = Counter()
    for (_, op, shapes, types, values), names in kernels.items():
        backward = op.endswith("backward")
        first = 1 if backward else 0
        x, w = json.loads(shapes)[first : first + 2]
        stride = json.loads(json.loads(values)[4 if backward else 3])
        if w[2:] != [1, 1] or stride != [1, 1] or x[1] != w[1] or x[2] == 1:
            continue
        kind = "filter_gradient" if backward else "forward"
        dtype = "bfloat16" if "BFloat16" in types else "float32"
        if backward:
            ran = any("reduce_wgrad" in name for name in names)
        else:
            ran = not any("implicit" in name or "nchwToNhwc" in name for name in names)
        rule = product_workspace(pixel(kind, x[0], x[1], w[0], x[2], dtype)) is not None
        right[kind, rule == ran] += 1
    for kind in ("forward", "filter_gradient"):
        total = right[kind, True] + right[kind, False]
        assert total > 400
        assert right[kind, True] > 0.94 * total, right


def test_workspaces() -> None:
    assert product_workspace(pixel("forward", 128, 96, 96, 54)) == 0
    assert product_workspace(pixel("data_gradient", 128, 96, 96, 54)) == 0
    assert product_workspace(pixel("filter_gradient", 128, 96, 96, 54)) == 128 * 96 * 96 * 4
    assert (
        product_workspace(pixel("filter_gradient", 64, 64, 32, 56, "bfloat16")) == 64 * 64 * 32 * 4
    )
    # Large weights on few pixels, other layouts, other windows: cuDNN's own plans.
    assert product_workspace(pixel("filter_gradient", 64, 1024, 1024, 14)) is None
    assert product_workspace(pixel("forward", 64, 512, 2048, 7)) is None
    assert product_workspace(pixel("forward", 128, 96, 96, 54, channels_last=True)) is None
    shapes = (2, 8, 9, 9), (8, 8, 1, 1), (2, 8, 5, 5)
    strided = ConvDescriptor("forward", "float32", *shapes, (2, 2), (0, 0), (1, 1))
    assert product_workspace(strided) is None


@pytest.mark.parametrize(
    ("model", "batch", "options", "measured"),
    [
        ("two-1x1", 128, {}, 1_084_260_864),
        ("one-1x1", 128, {}, 821_181_952),
        ("torchvision:squeezenet1_1", 8, {}, 200_915_456),
        ("torchvision:squeezenet1_1", 256, {"amp": "bfloat16"}, 3_372_143_616),
    ],
    ids=str,
)
def test_measured_peaks_of_networks_made_of_them(model, batch, options, measured) -> None:
    """By torch's counter on an H100; the limits were read from kernels, not from these."""
    if not plans_on(get_gpu("h100")).available:
        pytest.skip(plans_on(get_gpu("h100")).reason)
    found = nincost.memory(model, batch_size=batch, gpu="h100", measure=False, **SGD, **options)
    assert found.totals.peak_allocated_bytes == measured
