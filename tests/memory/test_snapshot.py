"""A prediction opens in PyTorch's own viewer, torch/cuda/_memory_viz.py."""

from __future__ import annotations

import pickle
import re

import pytest
from torch.cuda import _memory_viz

import nincost
from nincost._memory.snapshot import snapshot

FLAT = {"format_flamegraph": lambda lines: lines}  # the lines, without the script that draws them


@pytest.fixture(scope="module", params=["", "expandable_segments:True"])
def result(request):
    return nincost.memory(
        "two-1x1", batch_size=8, optimizer="Adam", alloc_conf=request.param, measure=False
    )


@pytest.fixture(scope="module")
def saved(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshot") / "step.pickle"
    result.to_snapshot(path)
    with path.open("rb") as file:
        return pickle.load(file)


def test_the_viewers_summary_of_segments_adds_up(saved):
    # segsum raises an AssertionError where blocks, segments and totals do not agree.
    text = _memory_viz.segsum(saved)
    assert f"segments: {len(saved['segments'])}" in text


def test_the_viewers_pictures_are_made(saved):
    for page in (
        _memory_viz.trace_plot(saved),
        _memory_viz.trace_plot(saved, plot_segments=True),
        _memory_viz.segment_plot(saved),
    ):
        assert "snapshot.pickle" in page


def test_the_viewers_trace_names_every_block(saved):
    text = _memory_viz.trace(saved)
    entries = saved["device_traces"][0]
    assert text.startswith(f"Device 0 ----------------\n{len(entries)} entries")
    assert text.count("free completed") == sum(e["action"] == "free_completed" for e in entries)


def test_the_viewers_flame_graph_groups_by_phase_layer_and_operator(saved):
    text = _memory_viz.memory(saved, **FLAT)
    assert re.search(r"phase:0:model;layer:0:block1.conv;operator:0:parameters 46464", text)
    assert _memory_viz.segments(saved, **FLAT)
    assert _memory_viz.compare(saved["segments"], saved["segments"], **FLAT) == ""


def test_the_history_reaches_the_predicted_peaks(saved, result):
    requested = held = most = most_held = 0
    for entry in saved["device_traces"][0]:
        if entry["action"] == "alloc":
            requested += entry["size"]
        elif entry["action"] == "free_completed":
            requested -= entry["size"]
        elif entry["action"] in ("segment_alloc", "segment_map"):
            held += entry["size"]
        most, most_held = max(most, requested), max(most_held, held)
    assert most == result.totals.peak_requested_bytes
    assert most_held == result.totals.peak_reserved_bytes
    total = sum(segment["total_size"] for segment in saved["segments"])
    assert total == result.totals.peak_reserved_bytes


def test_a_result_without_history_cannot_be_written(result):
    from dataclasses import replace

    with pytest.raises(ValueError, match="no history"):
        snapshot(replace(result, history=None))


def test_a_file_is_not_overwritten_unless_forced(result, tmp_path):
    path = tmp_path / "step.pickle"
    result.to_snapshot(path)
    with pytest.raises(nincost.OutputError, match="--force"):
        result.to_snapshot(path)
    result.to_snapshot(path, force=True)
