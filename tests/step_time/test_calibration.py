"""Measuring beside the prediction, and a card's own factors, with a clock of the test's own."""

import json
from dataclasses import replace

import pytest
import torch

import nincost
from nincost._step.request import make_request
from nincost._time.calibration import calibrate, keep, read_calibration, stored_at
from nincost._time.measured import measure_time
from nincost._time.results import MeasuredTime

RESULT = nincost.time("two-1x1", batch_size=128, gpu="v100", calibration="none")


class HalfSeconds:
    """Each mark comes half a second after the one before."""

    device = torch.device("cpu")

    def __init__(self):
        self.marks = 0

    def mark(self):
        self.marks += 1
        return self.marks

    def seconds(self, begin, end):
        return (end - begin) / 2

    def synchronize(self): ...

    def peaks(self):
        return 0, 0


def measured(kernels, host):
    """What a card would measure whose factors are these."""
    timing = RESULT.timing
    step = calibrated_seconds(kernels, host)
    return MeasuredTime(
        "NVIDIA Tesla V100-SXM2-16GB", 9, step, (step, step), 0, 0, 0,
        timing.timed.queue.host_seconds * host,
    )  # fmt: skip


def calibrated_seconds(kernels, host):
    from nincost._time.calibration import Calibration
    from nincost._time.predict import timed_with

    timing = RESULT.timing
    found = Calibration("", kernels, host, "")
    return timed_with(timing, found.applied(timing.timed.parameters)).seconds


def test_phases_are_timed_by_the_clock():
    request = make_request("two-1x1", "v100", 2, input=["1x96x96"])
    found = measure_time(replace(request), HalfSeconds())
    assert (found.forward_seconds, found.backward_seconds, found.optimizer_seconds) == (1, 0.5, 1)
    assert found.step_seconds == 3.5
    assert found.steps >= 5


def test_factors_are_found_again_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = calibrate(RESULT.timing, measured(1.3, 0.5))
    assert found.kernels == pytest.approx(1.3, rel=0.01)
    assert found.host == pytest.approx(0.5, rel=0.01)
    keep(found, stored_at(found.card))
    again = nincost.time("two-1x1", batch_size=128, gpu="v100")
    assert again.totals.step_seconds == pytest.approx(calibrated_seconds(1.3, 0.5), rel=0.01)
    assert any("calibrated by two-1x1, batch 128" in note for note in again.notes)
    assert nincost.time("two-1x1", batch_size=128, gpu="v100", calibration="none").totals == (
        RESULT.totals
    )
    with pytest.raises(nincost.InputError, match="is of NVIDIA Tesla V100"):
        nincost.time("two-1x1", gpu="h100", calibration=str(stored_at(found.card)))


def test_what_no_factor_explains_is_refused():
    with pytest.raises(nincost.InputError, match="cannot be met by any factor"):
        calibrate(RESULT.timing, measured(20, 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no calibration"),
        ("{}", "is no calibration"),
        (json.dumps({"card": "NVIDIA Tesla V100-SXM2-16GB", "kernels": 1e9, "host": 1,
                     "model": ""}), "factors that no card has"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_calibration(tmp_path, text, words):
    path = tmp_path / "card.json"
    path.write_text(text)
    with pytest.raises(nincost.InputError, match=words):
        read_calibration(path, "NVIDIA Tesla V100-SXM2-16GB")


def test_an_operator_without_a_time_is_named():
    class Rare(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.inv(x.view(-1, 8, 8))

    found = nincost.time(Rare(), input="64", batch_size=8, gpu="a100", inference=True)
    assert found.untimed == ("aten.linalg_inv_ex",)
    assert "aten.linalg_inv_ex" in str(found)
    row = next(one for one in found.operators if not one.timed)
    assert row.moved_bytes == 2 * 64 * 8 * 4 + 8 * 4  # and a flag for each matrix
