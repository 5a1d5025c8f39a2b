"""How long a script's step takes: of what it launched, beside the same step as `time` has it."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import torch
from support.emulated import needs_emulator

import nincost
from nincost._emulator.observe.dataflow import Sent, joined
from nincost._emulator.observe.launches import LaunchRecorder
from nincost._time.operators import Launched
from nincost._torch.distributed import Message

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@needs_emulator
def test_a_script_takes_as_long_as_its_step_described(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script, arguments = SCRIPTS / "plain.py", ["--batch-size", "16384"]
    ran = nincost.run(script, arguments, gpu="a100-80gb", steps=2, time=True)
    found = ran.time
    assert found is not None
    # One step more was recorded, and memory is of the steps that were asked for.
    peaks = re.findall(r"^peaks (\d+) (\d+)$", capfd.readouterr().err, re.MULTILINE)
    assert [str(step.step) for step in ran.ranks[0].steps] == ["1", "2"]
    totals = ran.totals
    assert (totals.peak_allocated_bytes, totals.peak_reserved_bytes) == (*map(int, peaks[1]),)
    net = importlib.import_module("net")
    try:
        described = nincost.time(
            net.make(), input="256", batch_size=16384, optimizer="AdamW", calibration="none",
            gpu="a100-80gb",
        )  # fmt: skip
    finally:
        sys.modules.pop("net")
    alone = described.totals
    assert found.flops == alone.flops
    assert found.forward_seconds == pytest.approx(alone.forward_seconds, rel=0.03)
    assert found.backward_seconds == pytest.approx(alone.backward_seconds, rel=0.03)
    flops = {layer.layer: layer.flops for layer in described.layers if layer.flops}
    assert {layer.layer: layer.flops for layer in found.layers if layer.flops} == flops
    # The script copies its batch to the card, which takes the PCI bus.
    copies = next(one for one in found.operators if one.operator == "aten._to_copy")
    assert copies.seconds > 4 * 16384 * 256 / 24e9 * 0.99
    assert sum(found.by_bound.values()) == pytest.approx(found.step_seconds, rel=1e-6)
    assert "Host" in str(ran)
    assert ran.to_dict()["time"]["step_seconds"] == found.step_seconds


def test_nobody_computes_what_is_on_meta() -> None:
    """As transformers' tensor parallelism asks torch for the strides of a large tensor."""
    recorder = LaunchRecorder(lambda: (0, "forward"))
    with recorder:
        torch.empty(1 << 24, device="meta").mul(2)
    assert recorder.entries == []


def launched(*works: int) -> list[Launched]:
    return [Launched("op", 0, "forward", (0,) * many, 0, waits=False) for many in works]


def test_what_is_sent_follows_what_wrote_it_and_precedes_what_reads_it() -> None:
    """Operators 0 to 4, of which 2 runs no kernel; addresses are made up."""
    step = launched(1, 1, 0, 1, 1)

    def message(name: str, at: int, read: int, written: int) -> Sent:
        sent = Message(name, 8, (0, 1), 1, -1)
        return Sent(name, sent, (), 0, at, (read,), (written,))

    def operator(at: int, read: int, written: int) -> Sent:
        return Sent("", None, (), 0, at, (read,), (written,))

    found = joined([
        message("all-gather", 0, 100, 1),  # of what was there before the step
        operator(0, 1, 2),
        message("all-gather", 1, 101, 3),  # gathered ahead: not before the first one's is used
        message("all-reduce", 1, 2, 2),
        operator(1, 7, 8),
        operator(2, 8, 8),
        operator(3, 3, 4),
        operator(4, 2, 5),
        message("all-reduce", 5, 5, 5),  # when all is done: nothing of this step waits for it
    ], step)  # fmt: skip
    assert [(one.after, one.before) for one in found] == [(-1, 0), (0, 3), (1, 4), (4, 0)]
