"""A sweep's cells are what each command says of them, and none is predicted twice."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import nincost
from nincost._plan.cells import Answer
from nincost._plan.journal import open_journal
from nincost._plan.sweep_file import read_sweep
from nincost._result import render
from nincost.errors import InputError, ModelError, OutputError

DYING = Path(__file__).with_name("models_that_die.py")


def test_each_cell_is_what_its_command_says() -> None:
    found = nincost.sweep(
        {
            "commands": ["profile", "memory", "fit", "time"],
            "models": ["zero-1x1", "torchvision:resnet17"],
            "gpus": ["rtx4090"],
            "settings": {"batch_size": [1, 4], "amp": "bfloat16"},
        },
        workers=1,
    )
    rows = {(r.command, r.model, r.settings.get("batch_size")): r for r in found.rows}
    # A profile asks for no card and no step, a largest batch for no batch.
    assert len(rows) == len(found.rows) == found.totals.cells == 2 * (2 + 2 + 1 + 2)
    step: dict[str, Any] = {"gpu": "rtx4090", "amp": "bfloat16"}
    profile = nincost.profile("zero-1x1", batch_size=4).totals
    assert rows["profile", "zero-1x1", 4].figures == {
        name: getattr(profile, name) for name in ("params", "macs", "flops", "activation_bytes")
    }
    memory = nincost.memory("zero-1x1", batch_size=4, **step).totals
    assert rows["memory", "zero-1x1", 4].figures == {
        name: getattr(memory, name)
        for name in ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes", "fits")
    }
    largest = rows["fit", "zero-1x1", None].figures["largest_batch_size"]
    assert largest == nincost.fit("zero-1x1", **step).totals.batch_size
    seconds = rows["time", "zero-1x1", 1].figures["step_seconds"]
    assert seconds == nincost.time("zero-1x1", **step).totals.step_seconds
    assert found.totals.failed == len(found.failures) == 7
    assert all("nearest are resnet18" in row.reason for row in found.failures)
    _in_every_format(found)


def test_a_model_file_that_changes_during_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are there, and stand for the file as it was: the next sweep predicts the new one."""
    net = tmp_path / "net.py"
    net.write_text("from torch import nn\nnet = nn.Linear(4, 4)\n")
    asked = []

    def answered(cells: Any, _workers: int) -> Any:
        net.write_text(f"{net.read_text()}# saved again\n")
        for cell in cells:
            asked.append(cell.model)
            yield cell, Answer("", {"params": 20})

    monkeypatch.setattr("nincost._plan.sweep.on_processes", answered)
    file = {"models": [f"{net}:net"], "commands": ["profile"], "options": {"input": "4"}}
    journal = tmp_path / "kept.jsonl"
    for _ in range(2):
        found = nincost.sweep(file, trust=True, journal=journal)
        assert [row.figures for row in found.rows] == [{"params": 20}]
    assert asked == [f"{net}:net"] * 2


def _in_every_format(found: nincost.Sweep) -> None:
    lines = found.to_csv().splitlines()
    assert lines[0].startswith("command,model,gpu,batch_size,amp,reason,params,macs,flops,")
    assert len(lines) == 1 + len(found.rows)
    assert json.loads(found.to_json())["totals"] == {"cells": 14, "failed": 7, "resumed": 0}
    assert "14 cells, 7 failed" in str(found)
    assert "7 (profile of torchvision:resnet17" in found.to_markdown()
    page = found.to_html()
    assert page.count("<tr>") == 14 + 4  # a heading for each command
    assert "data:image/svg+xml" in page
    assert render(found, "svg").count(b"Largest batch") == 1
    assert found.to_dataframe()["macs"].notna().sum() == 2
    _is_readable(found)


def _is_readable(found: nincost.Sweep) -> None:
    """Each command has its own columns, on a terminal of 80 columns without a folded cell."""
    text = render(found, "table", width=80)
    assert isinstance(text, str)
    assert re.search(r"^profile\nModel +Batch size +Params +MACs +FLOPs +Activations$", text, re.M)
    assert re.search(r"^memory, each with GPU rtx4090, AMP bfloat16\nModel +Batch size", text, re.M)
    assert text.count("torchvision:resnet17") == 7 + 4  # rows, and reasons


def test_a_sweep_is_a_parquet_file() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    import io

    import pandas as pd

    found = nincost.sweep({"commands": ["profile"], "models": ["two-1x1", "three"]}, workers=1)
    content = render(found, "parquet")
    assert isinstance(content, bytes)
    frame = pd.read_parquet(io.BytesIO(content))
    assert list(frame.columns) == list(found.tabular().columns)
    assert frame["macs"].tolist()[0] == 762297352


def test_goes_on_after_the_sweep_or_a_process_of_it_was_killed(tmp_path: Path) -> None:
    kinds = {"a": "", "b": "parent", "c": "once", "d": "always", "e": ""}
    lines = [
        f'{{ model = "{DYING}:make", input = "4", arg = {{ folder = "{tmp_path}", name = "{name}", '
        f'kill = "{kind}" }} }}'
        for name, kind in kinds.items()
    ]
    file = tmp_path / "dying.toml"
    file.write_text(f'commands = ["profile"]\nmodels = [{", ".join(lines)}]\n')
    first = subprocess.run(
        [sys.executable, "-m", "nincost", "sweep", str(file), "--trust", "--workers", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert first.returncode == -signal.SIGKILL, first.stderr
    ran = _ran(tmp_path)
    assert [name for name, _ in ran] == ["a", "b"]
    _wait_for_end(ran[-1][1])
    with open(tmp_path / "dying.sweep.jsonl", "ab") as journal:
        journal.write(b'{"key": "half a li')  # as a power cut would leave it

    found = nincost.sweep(file, trust=True, workers=1)
    assert (found.totals.resumed, found.totals.failed) == (1, 1)
    assert "ended, twice" in found.failures[0].reason
    assert [row.figures.get("params") for row in found.rows] == [10, 10, 10, None, 10]
    names = [name for name, _ in _ran(tmp_path)]
    assert {name: names.count(name) for name in kinds} == {"a": 1, "b": 2, "c": 2, "d": 2, "e": 1}

    again = nincost.sweep(file, trust=True)
    assert again.rows == found.rows
    assert again.totals.resumed == 5
    assert len(_ran(tmp_path)) == len(names)


def _ran(folder: Path) -> list[tuple[str, int]]:
    """What was built, and by which process."""
    lines = (folder / "ran").read_text().split("\n")[:-1]
    return [(name, int(number)) for name, number in (line.split() for line in lines)]


def _wait_for_end(process: int) -> None:
    for _ in range(200):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("the process outlived its sweep")


def _no_space(_file: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_journal_is_one_sweeps_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.jsonl"
    with open_journal(path) as journal:
        journal.add("one", Answer("", {"params": 1}))
        with pytest.raises(OutputError, match="another sweep writes"), open_journal(path):
            pass
    with open_journal(path) as journal:
        assert journal.known == {"one": Answer("", {"params": 1})}
        monkeypatch.setattr(os, "fsync", _no_space)
        with pytest.raises(OutputError, match="No space left on device: free some space"):
            journal.add("two", Answer("", {}))
    path.write_text("command,model\n")
    with pytest.raises(OutputError, match="no journal"), open_journal(path):
        pass


def test_lists_stand_for_each_of_their_values() -> None:
    cells = read_sweep(
        {
            "models": ["torchvision:resnet*", {"model": "hf:llama", "input": ["a=1", "b=2"]}],
            "options": {"optimizer": "AdamW"},
            "settings": [
                {"commands": "memory", "batch_size": [1, 8], "amp": ["default", "bf16"]},
                {"commands": ["fit", "profile"], "gpus": ["a100", "h100"]},
            ],
        },
        trust=False,
    )
    asked = [(c.command, c.model, c.gpu, dict(c.settings)) for c in cells]
    assert len(asked) == (5 + 1) * (4 + 2 + 1)  # ResNet-18 to -152, and Llama
    memory = [each for each in asked if each[1] == "hf:llama" and each[0] == "memory"]
    shared = {"optimizer": "AdamW", "input": ["a=1", "b=2"]}
    assert memory == [
        ("memory", "hf:llama", "", {**shared, "batch_size": batch, **amp})
        for batch in (1, 8)
        for amp in ({}, {"amp": "bf16"})
    ]
    assert ("profile", "hf:llama", "", {"input": ["a=1", "b=2"]}) in asked


def test_a_script_that_each_process_would_run_again_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: Any = {"models": ["two-1x1"], "commands": ["profile"]}
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "__mp_main__", ModuleType("__mp_main__"))
        with pytest.raises(InputError, match="under if __name__ =="):
            nincost.sweep(asked)
    monkeypatch.setattr("nincost._plan.workers._prepare", os.abort)
    with pytest.raises(ModelError, match="could not be started"):
        nincost.sweep(asked, workers=1)
