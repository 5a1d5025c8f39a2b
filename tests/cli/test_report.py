"""`nincost report` and `nincost compare --format html` as a user types them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import nincost
from nincost._units import size as _size

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")

QUICK = ("--no-measure", "--no-suggest")


@pytest.fixture(autouse=True, scope="module")
def one_card() -> Iterator[None]:
    """Only the smallest card's batch is searched for: what the search finds is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nincost._report.batches.COMMON_CARDS", {"8 GB": "rtx3070"})
        yield


def test_a_page_is_written_by_its_ending(nincost_cli, tmp_path):
    path = tmp_path / "report.html"
    done = nincost_cli("report", "zero-1x1", *QUICK, "--output", path)
    assert (done.status, done.out) == (0, "")
    assert done.err == f"nincost: wrote {path}\n"
    page = path.read_text()
    assert page.startswith("<!doctype html>")
    assert "nincost report zero-1x1 --no-suggest --no-measure --output report.html" in page
    again = nincost_cli("report", "zero-1x1", *QUICK, "--output", path)
    assert again.status == 2
    assert "--force" in again.err


def test_a_page_goes_to_a_pipe_and_not_to_a_terminal(nincost_cli, monkeypatch):
    arguments = ("compare", "zero-1x1", "one-1x1", "--no-memory", "--format", "html")
    done = nincost_cli(*arguments)
    assert done.status == 0, done.err
    assert done.out.startswith("<!doctype html>")
    assert "nincost compare zero-1x1 one-1x1 --no-memory --output compare.html" in done.out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = nincost_cli(*arguments)
    assert (shown.status, shown.out) == (2, "")
    assert "a terminal cannot show html: give --output FILE" in shown.err


def test_without_a_file_four_questions_are_answered_in_five_lines(nincost_cli):
    asked = ("-b", "128", "--gpu")
    done = nincost_cli("report", *asked, "3090", columns=80)
    training, inference = (
        nincost.memory("two-1x1", batch_size=128, gpu="3090", inference=inference, measure=False)
        for inference in (False, True)
    )
    needs = [_size(one.totals.process_bytes) for one in (training, inference)]
    room = training.totals.budget_bytes
    assert done.out.splitlines() == [
        "two-1x1 on 128x1x224x224, NVIDIA GeForce RTX 3090",
        "How many parameters?       1,992,166 (7.600 MiB)",
        "How much computation?      97,574,061,056 MACs = 195.1 G FLOPs at batch 128",
        f"How much memory to train?  {needs[0]} with SGD: FITS, "
        f"{_size(room - training.totals.process_bytes)} to spare",
        f"How much memory to infer?  {needs[1]}: FITS, "
        f"{_size(room - inference.totals.process_bytes)} to spare",
    ]
    small = nincost_cli("report", *asked, "1GiB")
    assert small.status == 1
    assert "DOES NOT FIT" in small.out


def test_other_formats_are_as_everywhere(nincost_cli):
    assert "| peak reserved |" in nincost_cli("report", *QUICK, "--format", "markdown").out
    content = json.loads(nincost_cli("report", "zero-1x1", *QUICK, "--format", "json").out)
    assert content["command"] == "report"
    assert content["totals"]["params"] == 1546058
    csv = nincost_cli("report", "zero-1x1", *QUICK, "--format", "csv").out
    assert csv == nincost_cli("profile", "zero-1x1", "--format", "csv").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "--output", "x.gif"], "names no format"),
        (["report", "--optimizer", "Adan", "--output", "x.html"], "did you mean 'Adam'?"),
        (["report", "three-1x1", "--output", "x.html"], "unknown model 'three-1x1'"),
        (["compare", "two-1x1", "--format", "html"], "one model alone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_status_2(nincost_cli, arguments, words):
    done = nincost_cli(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert words in done.err
