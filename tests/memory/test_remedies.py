"""What makes a step fit is what it says: each command, run again, takes the same to the byte."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import nincost

LINE = ["memory", "-b", "2400", "--gpu", "rtx3060", "--optimizer", "adam"]


@pytest.fixture
def asked(nincost_cli: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The JSON of a line, with its exit status."""

    def ask(*line: str) -> dict[str, Any]:
        done = nincost_cli(*line, "--format", "json", "--no-measure")
        return {"status": done.status, **json.loads(done.out)}

    return ask


def test_each_command_takes_what_the_table_says(asked: Callable[..., dict[str, Any]]) -> None:
    found = asked(*LINE)
    assert (found["status"], found["totals"]["fits"]) == (1, False)
    tried = found["remedies"]["tried"]
    for remedy in tried:
        words = shlex.split(remedy["command"])
        assert words[:3] == ["nincost", "memory", "two-1x1"]
        again = asked(*words[1:], "--no-suggest")
        totals = again["totals"]
        assert again["status"] == (0 if remedy["fits"] else 1)
        for name in ("fits", "peak_allocated_bytes", "peak_reserved_bytes", "process_bytes"):
            assert totals[name] == remedy[name], remedy["option"]
        assert found["totals"]["process_bytes"] - totals["process_bytes"] == remedy["saved_bytes"]
    fits = [remedy["option"] for remedy in tried if remedy["fits"]]
    assert found["remedies"]["first"] == fits[0] == "--batch-size 800 --grad-accumulation 3"
    # Two parts of 1,200 fit one by one, and not with the gradients of the first: three do.
    assert not asked(*LINE[:2], "1200", *LINE[3:], "--grad-accumulation", "2")["totals"]["fits"]
    assert tried[-1]["option"] == f"--batch-size {found['remedies']['largest_batch']}"


def test_the_first_that_fits_is_marked_with_its_command(nincost_cli: Callable[..., Any]) -> None:
    done = nincost_cli(*LINE, columns=80)
    lines = done.out.splitlines()
    assert done.status == 1
    assert lines[0].startswith("DOES NOT FIT: needs ")
    assert [line.split()[1:5] for line in lines if line.startswith("=>")] == [
        ["--batch-size", "800", "--grad-accumulation", "3"]
    ]
    place = lines.index("The first that fits, which costs least:")
    command = "nincost memory two-1x1 --gpu rtx3060 --optimizer adam"
    assert lines[place + 1] == f"  {command} --batch-size 800 --grad-accumulation 3"
    assert "To reduce" not in done.out


def test_where_nothing_alone_fits_changes_are_made_together() -> None:
    options: dict[str, Any] = {"batch_size": 4, "optimizer": "adam", "measure": False}
    result = nincost.memory("two-1x1", gpu="460MiB", suggest=True, **options)
    found = result.remedies
    assert found is not None
    assert found.first is not None
    assert not any(remedy.fits for remedy in found.tried if remedy.option.count("--") == 1)
    assert found.first.option.count("--") > 1
    assert found.first.process_bytes <= 460 * 2**20
    assert f"```sh\n{found.first.command}\n```" in result.to_markdown()
    assert f"<p>{found.first.command}</p>" in result._repr_html_()
    nothing = nincost.memory("two-1x1", gpu="430MiB", suggest=True, **options)
    assert nothing.remedies is not None
    assert nothing.remedies.first is None
    assert "Nothing that was tried makes it fit" in str(nothing)


def test_a_long_step_ends_with_the_first_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nincost._memory.memory._CHEAP", 10)
    result = nincost.memory("two-1x1", batch_size=2048, gpu="8GiB", suggest="unfit")
    assert result.remedies is not None
    assert [remedy.fits for remedy in result.remedies.tried].count(True) == 1
    assert result.remedies.tried[-1] == result.remedies.first
    assert "--suggest tries all" in result.notes[-1]
    assert nincost.memory("two-1x1", gpu="8GiB", suggest="unfit").remedies is None


def test_a_module_is_answered_in_pythons_words() -> None:
    net = nn.Sequential(nn.Linear(4096, 4096), nn.Linear(4096, 4096))
    sizes = (64, 4096)
    result = nincost.memory(
        net, input=sizes, gpu="0.5GiB", optimizer=torch.optim.AdamW, loss="sum", suggest=True
    )
    assert result.remedies is not None
    assert result.remedies.largest_batch is None  # the input has its own batch
    assert [r.command for r in result.remedies.tried if r.option == "--optimizer SGD"] == [
        "nincost.memory(Sequential, input=(64, 4096), gpu='0.5GiB', loss='sum', optimizer='SGD')"
    ]
