"""`nincost.validate`, with recorded numbers in the place of a GPU's."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import pytest
import torch

import nincost
from nincost._measure.results import Measured
from nincost._signals import end_if_asked, ending_on_signals
from nincost._validate import validate as module
from nincost._validate.results import Validation, ValidationRow
from nincost._validate.suite import suite

NAMES = [case.name for case in suite()]


def measured_as_predicted(totals, *, share=1.0):
    """A measurement that lies a share beside a prediction."""
    return Measured(
        peak_allocated_bytes=int(totals.peak_allocated_bytes / share),
        peak_reserved_bytes=totals.peak_reserved_bytes,
        process_bytes=None,
        peak_phase=totals.peak_phase,
        categories_at_peak=dict(totals.categories_at_peak),
        phases=dict(totals.phases),
        device="NVIDIA A100-SXM4-40GB",
        versions={"torch": "2.14.1+cu130", "driver": "999.1"},
        steps=4,
        step_seconds=0.01,
        timed_steps=90,
    )


@pytest.fixture
def report(tmp_path):
    """A report with three cases: exact, 10% off, and out of memory."""
    rows = []
    for batch, share in ((1, 1.0), (32, 1.1)):
        predicted = nincost.memory("two-1x1", batch_size=batch, gpu="a100-40gb", measure=False)
        measured = measured_as_predicted(predicted.totals, share=share)
        rows.append(ValidationRow(f"two-1x1 batch {batch}", None, measured))
    full = replace(rows[0].measured, out_of_memory="CUDA out of memory.", shortfall_bytes=5)  # type: ignore[type-var]
    rows.append(ValidationRow("two-1x1 batch 128", None, full))
    made = Validation("NVIDIA A100-SXM4-40GB", {"torch": "2.14.1+cu130"}, tuple(rows), "", {})
    path = tmp_path / "report.json"
    path.write_text(made.to_json())
    return path


def test_recorded_numbers_take_the_gpus_place(report):
    said = []
    result = nincost.validate(recorded=report, progress=said.append)
    assert said == ["two-1x1 batch 1", "two-1x1 batch 32", "two-1x1 batch 128"]
    exact, off, full = result.rows
    assert exact.error("peak_allocated_bytes") == 0
    assert off.error("peak_allocated_bytes") == pytest.approx(0.1)
    assert full.error("peak_allocated_bytes") is None
    assert exact.exact_parts() is True
    predicted = nincost.time("two-1x1", batch_size=32, gpu="a100-40gb", calibration="none")
    assert off.predicted_seconds == pytest.approx(predicted.totals.step_seconds)
    assert off.time_error() == pytest.approx(predicted.totals.step_seconds / 0.01 - 1)
    assert exact.error("process_bytes") is None  # not measured
    assert result.median_error("peak_allocated_bytes") == pytest.approx(0.05)
    assert result.worst_error("peak_allocated_bytes") == pytest.approx(0.1)
    assert result.report_name == "cuda-nvidia-a100-sxm4-40gb-torch2.14.1"
    assert result.recorded == str(report)


def test_the_report_is_written_whole_and_read_again(report, tmp_path):
    result = nincost.validate(recorded=report)
    json_path, markdown_path = result.save(tmp_path / "reports")
    assert json_path.name == "cuda-nvidia-a100-sxm4-40gb-torch2.14.1.json"
    assert "| two-1x1 batch 32 |" in markdown_path.read_text()
    assert "+10.00%" in markdown_path.read_text()
    again = nincost.validate(recorded=json_path)
    assert [row.measured for row in again.rows] == [row.measured for row in result.rows]
    with pytest.raises(nincost.OutputError, match="--force"):
        result.save(tmp_path / "reports")
    document = json.loads(json_path.read_text())
    assert document["totals"]["peak_reserved_bytes"]["worst_error"] == 0


def test_a_case_that_fails_does_not_end_the_suite(monkeypatch):
    def fail(*_):
        raise nincost.InputError("the card caught fire: use another")

    rows = module._rows(suite()[:2], "a100", fail, None)
    assert [row.failure for row in rows] == ["the card caught fire: use another"] * 2
    assert all(row.predicted is not None for row in rows)


def test_the_table_tells_every_kind_of_row(report):
    text = str(nincost.validate(recorded=report))
    for words in (
        "Step predicted",
        "10.0 ms",
        "Step time",
        "+10.00%",
        "+0.00%",
        "Out of memory",
        "To the byte",
        "Recorded",
        "driver",
    ):
        assert words in text or words == "driver", words


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to validate on")
def test_without_a_gpu_there_is_nothing_to_validate():
    with pytest.raises(nincost.InputError, match="no CUDA GPU to validate on"):
        nincost.validate()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cases": [], "gpu": 1, "versions": {}}'])
def test_what_is_no_report_is_refused(text, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(nincost.InputError, match="nincost validate wr"):
        nincost.validate(recorded=path)


def test_the_suite_has_what_was_promised():
    assert len(NAMES) == len(set(NAMES))
    for variant in ("two-1x1", "one-1x1", "zero-1x1"):
        for batch in (1, 32, 128):
            assert f"{variant} batch {batch}" in NAMES
    models = {case.model for case in suite() if case.model.startswith("torchvision:")}
    assert len(models) >= 12
    words = " ".join(NAMES)
    for part in ("momentum", "Adam", "AdamW", "bfloat16", "inference", "TransformerEncoderLayer"):
        assert part in words
    assert 0 < len(suite(quick=True)) < len(NAMES) / 4


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_real_gpu_agrees():
    result = nincost.validate(quick=True)
    assert result.worst_error("peak_allocated_bytes") < 0.02


def test_an_interrupted_suite_gives_the_cases_so_far(monkeypatch):
    """A quarter of an hour on a GPU is not lost with the time that ends it."""
    measured = []

    def prepare(case, *_):
        def run():
            if len(measured) == 2:
                signal.raise_signal(signal.SIGINT)
            measured.append(case.name)
            raise nincost.InputError("not measured here")

        return run

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100-SXM4-40GB")
    monkeypatch.setattr("nincost._step.request._present", lambda: None)
    monkeypatch.setattr(module, "_measurement", prepare)
    monkeypatch.setattr(module, "suite", lambda **_: suite()[:6])
    with ending_on_signals():  # as on the command line, where the request must be forgotten, too
        result = nincost.validate(quick=True)
        end_if_asked()
    assert [row.case for row in result.rows] == measured == NAMES[:2]
    assert result.left == 4
    assert "4 cases were not run" in result.to_markdown()
