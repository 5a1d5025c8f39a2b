"""`nincost.time`: sums, the promised names, formats, and the options that change it."""

import itertools
import json
import re

import pytest
from torch import nn
from torch.nn import functional as F

import nincost
from nincost._render.time import table
from nincost._result import formats

RESULT = nincost.time("two-1x1", batch_size=128, gpu="v100", suggest=True)


def test_parts_add_up():
    totals = RESULT.totals
    phases = totals.forward_seconds + totals.backward_seconds + totals.optimizer_seconds
    assert phases == pytest.approx(totals.step_seconds)
    assert sum(layer.seconds for layer in RESULT.layers) == pytest.approx(totals.step_seconds)
    assert sum(layer.share for layer in RESULT.layers) == pytest.approx(1)
    assert sum(totals.by_bound.values()) == pytest.approx(totals.step_seconds)
    assert totals.card_seconds + totals.waiting_seconds == pytest.approx(totals.step_seconds)
    assert totals.examples_per_second == pytest.approx(128 / totals.step_seconds)
    # Each product forward, twice backward, but no gradient of the image.
    profile = nincost.profile("two-1x1", batch_size=128).totals
    first = 2 * 128 * 54 * 54 * 96 * 121
    assert totals.flops == 3 * 2 * profile.macs - first
    assert totals.mfu == pytest.approx(totals.flops_per_second / 15.7e12)


def test_the_json_has_the_promised_names():
    document = json.loads(RESULT.to_json())
    assert document["command"] == "time"
    assert {
        "step_seconds", "forward_seconds", "backward_seconds", "optimizer_seconds",
        "communication_seconds", "examples_per_second", "flops_per_second", "mfu", "bound_by",
    } <= set(document["totals"])  # fmt: skip
    assert document["totals"]["bound_by"] in ("compute", "memory", "host", "communication")


def test_every_format_has_the_answer():
    rate = f"{RESULT.totals.examples_per_second:,.1f}"
    for name in formats("time"):
        text = str(nincost._result.render(RESULT, name))
        assert "block2.conv" in text
        if name not in ("csv", "latex", "json"):
            assert rate in text
    assert len(RESULT.to_dataframe()) == len(RESULT.layers)
    assert repr(RESULT).startswith("StepTime(model='two-1x1', gpu='NVIDIA Tesla V100")


def test_a_trace_is_read_by_perfetto(tmp_path):
    RESULT.to_trace(tmp_path / "step.json")
    events = json.loads((tmp_path / "step.json").read_text())["traceEvents"]
    runs = [event for event in events if event["ph"] == "X"]
    assert all(event["ts"] >= 0 and event["dur"] >= 0 for event in runs)
    card = [event for event in runs if event["tid"] == 2]
    assert sum(event["dur"] for event in card) == pytest.approx(
        1e6 * RESULT.totals.card_seconds, rel=1e-3
    )
    assert all(a["ts"] + a["dur"] <= b["ts"] + 0.01 for a, b in itertools.pairwise(card))


def test_what_would_help_is_predicted():
    gains = {gain.option: gain for gain in RESULT.gains}
    assert set(gains) == {
        "--batch-size 256", "--amp float16", "--optimizer-impl fused", "--compile",
    }  # fmt: skip
    again = nincost.time("two-1x1", batch_size=128, gpu="v100", amp="float16")
    assert gains["--amp float16"].step_seconds == pytest.approx(again.totals.step_seconds)
    assert gains["--amp float16"].speedup > 1.5  # tensor cores


def test_a_faster_memory_helps_what_waits_for_it():
    def step(**options):
        return nincost.time("one-1x1", batch_size=64, gpu="a100", **options).totals

    assert step(bandwidth=3110).step_seconds < 0.75 * step().step_seconds
    assert step(inference=True).backward_seconds == 0
    assert step(tflops=39).step_seconds < step().step_seconds


def test_a_small_batch_waits_for_the_host():
    small = nincost.time("torchvision:mobilenet_v3_small", gpu="h100").totals
    assert small.bound_by == "host"
    assert small.waiting_seconds > 0.3 * small.step_seconds


def test_nothing_that_is_better_makes_a_step_longer():
    """Sums of floats differ in their last digits, which stood in the JSON as -4e-14."""
    given = {"model": "torchvision:mobilenet_v3_small", "batch_size": 1, "gpu": "a10"}
    found = nincost.time(**given)
    assert min(found.hangs_on.values()) >= 0
    graph = nincost.time(**given, cuda_graphs=True)  # the host launches all at once
    assert graph.totals.waiting_seconds == graph.totals.host_seconds == 0
    assert graph.totals.step_seconds == pytest.approx(found.totals.card_seconds)
    assert "CUDA graph" in str(graph)


def test_a_training_is_estimated():
    cost = nincost.time(
        "two-1x1", batch_size=128, gpu="v100", examples=60_000, epochs=10, price=3.0
    ).cost
    steps = 469 * 10
    assert cost.seconds == pytest.approx(steps * RESULT.totals.step_seconds)
    assert cost.price == pytest.approx(3 * cost.gpu_hours)
    assert cost.energy_kwh == pytest.approx(0.3 * cost.gpu_hours)  # rated at 300 W


def test_names_of_operators_give_way_to_figures_on_80_columns():
    class Attends(nn.Module):
        def forward(self, x):
            return F.scaled_dot_product_attention(x, x, x, is_causal=True) * x.mean()

    net = nn.Sequential(nn.Conv2d(8, 8, 1), Attends())
    found = nincost.time(
        net, input="8x128x64", batch_size=8, gpu="a100", dtype="bfloat16", loss="sum"
    )
    text = table.render(found, width=80)
    assert max(map(len, text.splitlines())) <= 80
    row = next(line for line in text.splitlines() if "_scaled_dot" in line and "…" in line)
    assert re.search(r"… +1 +[\d.]+ [mµ]s +[\d.]+%  ", row), row
