"""Measuring, with a meter in the GPU's place that gives numbers of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
import torch
from torch import nn

import nincost
from nincost._measure import measure
from nincost._measure.device_meter import shortfall
from nincost._measure.measured_parts import parts_at_peak
from nincost._measure.measured_run import run
from nincost._measure.real_steps import step_of
from nincost._step.request import make_request


class TapeMeter:
    """A meter on the CPU: notes what is queried, and gives counters."""

    device = torch.device("cpu")

    def __init__(self, fail_at: int = 10**9):
        self.calls: list[str] = []
        self.fail_at = fail_at

    def allocated(self):
        self.calls.append("allocated")
        return 1000 * len(self.calls)

    def peaks(self):
        self.calls.append("peaks")
        if self.calls.count("peaks") == self.fail_at:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        number = self.calls.count("peaks")
        # The fourth phase (model, input, forward, loss, ...) is the largest.
        return (10_000 if number == 4 else number, 2 * number, 7)

    def record(self):
        self.calls.append("record")

    def history(self):
        self.calls.append("history")
        return {"segments": [], "device_traces": [[]]}

    def process_bytes(self):
        return 123

    def describe(self):
        return "Tape", {"torch": "0"}


class TapeProcess:
    """In the place of a measuring process: a tape of numbers stands for its GPU."""

    last: tuple = ()

    def __init__(self, command, **options):
        TapeProcess.last = command, options

    def communicate(self, job, timeout):
        return json.dumps(run(json.loads(job), TapeMeter())), ""

    def poll(self):
        return 0


OUT_OF_MEMORY = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB of "
    "which 512.00 MiB is free. Process 1 has 23.12 GiB memory in use."
)


def job(**options):
    request = make_request("cifar10", None, options.pop("batch_size", 2), **options)
    made = measure.make_job(request, 2, None)  # type: ignore[arg-type]
    return json.loads(json.dumps(made))


@pytest.mark.parametrize(
    "options",
    [
        {"input": "3x32x32"},
        {"input": "3x32x32", "optimizer": "AdamW", "amp": "bfloat16"},
        {"input": "3x32x32", "dtype": "bfloat16", "channels_last": True},
        {
            "input": "3x32x32",
            "grad_accumulation": 2,
            "activation_checkpointing": "top-level",
            "optimizer_impl": "for-loop",
        },
        {"input": "3x32x32", "grad_scaler": True, "clip_grad_norm": 1.0},
        {
            "input": "3x32x32",
            "loss": "mse",
            "grad_set_to_none": False,
            "zero_grad_before_forward": True,
        },
    ],
    ids=str,
)
def test_real_steps_run_and_are_told_by_phase(options):
    meter = TapeMeter()
    answer = run(job(**options), meter)
    assert answer["steps"] == 2
    assert answer["out_of_memory"] == ""
    assert list(answer["phases"]) == [
        "after_model",
        "after_forward",
        "after_backward",
        "after_step",
    ]
    assert answer["peak_allocated_bytes"] == 10_000
    assert answer["peak_phase"] == (
        "forward" if options.get("zero_grad_before_forward") else "loss"
    )
    assert meter.calls.count("record") == 1
    assert "history" in meter.calls
    measured = measure.measured_from(answer)
    assert measured.device == "Tape"
    assert measured.process_bytes == 123


def test_inference_has_no_backward():
    answer = run(job(input="3x32x32", inference=True), TapeMeter())
    assert list(answer["phases"]) == ["after_model", "after_forward"]
    assert answer["steps"] == 2


def test_out_of_memory_is_an_answer_with_the_shortfall():
    answer = run(job(input="3x32x32"), TapeMeter(fail_at=3))
    assert answer["out_of_memory"].startswith("CUDA out of memory")
    assert answer["shortfall_bytes"] == 2 * 2**30 - 512 * 2**20
    assert answer["steps"] == 0
    assert shortfall("something else") is None


def test_the_process_answers_on_its_last_line():
    answer = run(job(input="3x32x32"), TapeMeter())
    measured = measure.read_answer(f"noise\n{json.dumps(answer)}\n", "", "net")
    assert measured.peak_reserved_bytes == answer["peak_reserved_bytes"]
    with pytest.raises(measure.MeasureError, match="measuring net failed: ValueError: bad"):
        measure.read_answer('{"error": "ValueError: bad"}', "", "net")
    with pytest.raises(measure.MeasureError, match="measuring net failed: killed"):
        measure.read_answer("", "a\nkilled\n", "net")


def test_a_job_reaches_a_fresh_process(monkeypatch):
    monkeypatch.setattr(measure.subprocess, "Popen", TapeProcess)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    request = make_request(net, input=torch.zeros(3, 1, 4, 4), alloc_conf="max_split_size_mb:64")
    measured = measure.measure_request(request, 4)
    assert measured.steps == 4
    command, options = TapeProcess.last
    assert command[1:] == ["-m", "nincost._measure.measured_run"]
    assert options["env"]["PYTORCH_CUDA_ALLOC_CONF"] == "max_split_size_mb:64"


def test_a_process_that_waits_touches_no_gpu_and_ends_with_its_measurement():
    request = make_request("cifar10", input="3x32x32")
    with measure.Measurement(request, 2) as waiting:
        process = waiting._process
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for its job
            process.wait(0.2)
    assert process.returncode == -signal.SIGKILL


def test_what_cannot_be_told_to_another_process_is_refused(tmp_path):
    request = make_request("two-1x1", loss=lambda output: output.sum())
    with pytest.raises(nincost.InputError, match="the loss function cannot be given"):
        measure.make_job(request, 1, tmp_path)


def test_a_histories_peak_is_told_by_category():
    """A history by hand: what the addresses say, and what the time says."""
    kib = 1024

    def entry(action, address, size):
        return {"action": action, "addr": address, "size": size}

    history = {
        "device_traces": [[
            entry("alloc", 10, 2 * kib),
            entry("alloc", 20, 100),
            entry("alloc", 25, 5 * kib),  # a gradient of the step before, still held at the peak
            entry("alloc", 30, 4 * kib),  # forward: an activation
            entry("alloc", 40, 1 * kib),  # forward: a temporary that is gone by the peak
            entry("free_requested", 40, 1 * kib),
            entry("free_completed", 40, 1 * kib),
            entry("alloc", 50, 2 * kib),  # backward: the gradient of the parameter at 10
            entry("alloc", 60, 3 * kib - 100),  # backward: scratch; here is the peak
            entry("free_completed", 60, 3 * kib - 100),
            entry("free_completed", 25, 5 * kib),
            entry("free_completed", 30, 4 * kib),
            entry("alloc", 30, 1 * kib),  # another block at the activation's address
        ]],
    }  # fmt: skip
    categories = {10: "parameters", 20: "inputs", 50: "gradients", 30: "optimizer_state"}
    parts = parts_at_peak(
        history, categories, before={25: "gradients"}, step_began=3, forward_ended=7
    )
    assert parts.reserved == 2 * 2**20
    assert parts.categories == {
        "parameters": 2 * kib, "buffers": 0, "gradients": 7 * kib, "optimizer_state": 0,
        "inputs": 512, "activations": 4 * kib, "temporaries": 3 * kib, "workspace": None,
    }  # fmt: skip


def test_a_predicted_history_read_as_a_recording_gives_the_prediction():
    """The reader of recordings, on a snapshot whose categories are known."""
    from nincost._memory.snapshot import snapshot

    # At this batch the last step has the peak of all: only of it does a reading give the parts.
    result = nincost.memory("two-1x1", batch_size=128, optimizer="Adam", measure=False)
    history = snapshot(result)
    entries = history["device_traces"][0]
    last = max(int(entry["user_metadata"].split()[1]) for entry in entries)
    alive, steps_of, gradients = {}, [], {}
    for entry in entries:
        words = entry["user_metadata"].split()
        steps_of.append(int(words[1]))
        if steps_of.count(last) == 1 and steps_of[-1] == last:  # the last step begins
            gradients = {at: name for at, name in alive.items() if name == "gradients"}
        if entry["action"] == "alloc":
            alive[entry["addr"]] = words[-1]
        elif entry["action"] == "free_completed":
            del alive[entry["addr"]]
    first = steps_of.index(last)
    step = entries[first:]
    forward = [e["user_metadata"].split()[0] in ("forward", "loss") for e in step]
    lasting = ("parameters", "gradients", "optimizer_state", "inputs")
    known = {address: name for address, name in alive.items() if name in lasting}
    found = parts_at_peak(
        history, known, before=gradients, step_began=first, forward_ended=first + sum(forward)
    )
    parts = found.categories
    assert found.reserved == result.totals.peak_reserved_bytes
    expected = result.totals.categories_at_peak
    for name in (*lasting, "activations"):
        assert parts[name] == expected[name], name
    assert sum(size or 0 for size in parts.values()) == result.totals.peak_allocated_bytes


@pytest.fixture
def gpu_here(monkeypatch):
    """As if this machine had a GPU, whose steps a tape of numbers stands for."""

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(measure.subprocess, "Popen", TapeProcess)


@pytest.mark.usefixtures("gpu_here")
def test_memory_sets_the_measurement_beside_the_prediction():
    options = {"input": "3x32x32", "gpu": "t4"}
    result = nincost.memory("cifar10", **options)
    assert result.totals.measured is not None
    assert result.totals.measured.peak_allocated_bytes == 10_000
    measured = result.to_dict()["totals"]["measured"]
    promised = {
        "peak_allocated_bytes", "peak_reserved_bytes", "process_bytes", "peak_phase", "peak_layer",
        "peak_op", "categories_at_peak", "phases", "device", "versions",
    }  # fmt: skip
    assert promised <= set(measured)
    assert json.loads(result.to_json())["totals"]["measured"] == measured
    assert nincost.memory("cifar10", measure=False, **options).totals.measured is None


@pytest.mark.usefixtures("gpu_here")
def test_what_nobody_asked_for_may_fail_and_is_noted():
    options = {"input": "3x32x32", "gpu": "t4", "loss": lambda output: output.sum()}
    result = nincost.memory("cifar10", **options)
    assert result.totals.measured is None
    assert "not measured: the loss function cannot be given" in result.notes[-1]
    with pytest.raises(nincost.InputError, match="the loss function cannot be given"):
        nincost.memory("cifar10", measure=True, **options)


def test_a_loss_in_a_file_is_found_by_the_other_process(tmp_path):
    file = tmp_path / "own_loss.py"
    file.write_text("def doubled(output):\n    return 2 * output.sum()\n")
    request = make_request("two-1x1", loss=f"{file}:doubled")
    job = measure.make_job(request, 1, tmp_path)
    del sys.modules[request.step.loss.__module__]
    assert step_of(job).loss(torch.ones(3)) == 6
