"""`nincost train` as a user types it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from support.trainings import TINY

ROOT = Path(__file__).parents[2]
QUICK = [
    "train", TINY, "--data", "synthetic", "--resize", "28", "--limit", "100", "--test-limit", "50",
    "--batch-size", "32", "--epochs", "2", "--device", "cpu",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_table_is_the_default_and_files_are_left(nincost_cli: Any) -> None:
    done = nincost_cli(*QUICK, columns=100)
    assert done.status == 0
    assert "SGD 0.1, batch 32, 28 pixels, 2 epochs, init xavier" in " ".join(done.out.split())
    assert done.err.count("examples/s") == 2
    (folder,) = Path("runs").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.pt", "curves.svg", "epochs.csv", "log.jsonl", "result.json",
    ]  # fmt: skip
    again = nincost_cli(*QUICK)
    assert again.status == 2
    assert "--resume" in again.err
    assert nincost_cli(*QUICK, "--resume", "--quiet").err == ""
    assert nincost_cli(*QUICK, "--resume", "--lr", "0.2").status == 2


@pytest.mark.parametrize("name", ["csv", "json", "markdown", "jsonl", "svg"])
def test_each_format(nincost_cli: Any, name: str) -> None:
    done = nincost_cli(*QUICK, "--format", name, "--epochs", "1", "--quiet")
    assert done.status == 0
    assert done.err == ""
    begin = {"csv": "epoch,", "json": "{", "markdown": "# ", "jsonl": '{"event"', "svg": "<svg"}
    assert done.out.startswith(begin[name])


@pytest.mark.parametrize(("name", "begin"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_curves_are_written(nincost_cli: Any, name: str, begin: bytes) -> None:
    done = nincost_cli(*QUICK, "--output", name, "--width", "column", "--epochs", "1")
    assert (done.status, done.out) == (0, "")
    assert Path(name).read_bytes().startswith(begin)


def test_a_users_mistakes_are_one_line_and_status_2(nincost_cli: Any) -> None:
    for arguments, words in [
        (["--batch-size", "101"], "larger than the 100 training examples"),
        (["--init", "xavir"], "did you mean 'xavier'"),
        (["--data", "nowhere"], "apt-get install dataset-fashion-mnist"),
        (["--optimizer-arg", "momentum"], "--optimizer-arg"),
        (["--table", "nowhere.toml"], "cannot be read"),
        (["--table", "--format", "svg"], "is for one training"),
        (["--table", "--seed", "3"], "--seeds"),
        (["--table", "--seeds", "1,x"], "no list of whole numbers"),
        (["--variant", "two-1x1"], "give one"),
    ]:
        done = nincost_cli(*QUICK, *arguments)
        assert (done.status, done.out) == (2, "")
        assert words in done.err
        assert done.err.startswith("nincost: error: ")
        assert done.err.count("\n") == 1
    assert not Path("runs").exists()


def test_a_loss_that_is_no_number_is_status_1(nincost_cli: Any) -> None:
    done = nincost_cli(*QUICK[:1], TINY.replace("Tiny", "Explodes"), *QUICK[2:], "--arg", "step=3")
    assert done.status == 1
    assert "at step 4 of 4 in epoch 1" in done.err


def test_a_list_takes_options_for_each_training(nincost_cli: Any) -> None:
    Path("list.toml").write_text(f"[[run]]\nname = 'a'\nmodel = {TINY!r}\n[[run]]\nname = 'b'\n")
    rest = [*QUICK[2:], "--table", "list.toml", "--seeds", "4,5", "--trust"]
    done = nincost_cli("train", TINY, *rest, "--format", "json")
    assert done.status == 0
    runs = [run for row in json.loads(done.out)["trainings"] for run in row["runs"]]
    assert [run["seed"] for run in runs] == [4, 5, 4, 5]
    assert all(run["result"]["settings"]["model"] == TINY for run in runs)
    assert all(run["result"]["settings"]["epochs"] == 2 for run in runs)
    assert "training 2 of 2: b, seed 5" in done.err
    assert len(list(Path("runs", "table").iterdir())) == 4


def test_what_was_not_saved_is_said_last(nincost_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nincost._train import checkpoint
    from nincost.errors import OutputError

    def full(*_: Any) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(checkpoint, "save", full)
    done = nincost_cli(*QUICK)
    assert done.status == 2
    assert "accuracy" in done.out
    assert done.err.endswith(
        "nincost: error: the last checkpoint is not on the disk: the disk is full\n"
    )


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_a_signal_saves_and_ends_with_130(tmp_path: Path, number: int) -> None:
    command = [
        sys.executable, "-m", "nincost", *QUICK[:-4], "--epochs", "100000", "--folder", "run",
    ]  # fmt: skip
    running = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    until = time.monotonic() + 100
    while not (tmp_path / "run" / "checkpoint.pt").exists() and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    last = err.splitlines()[-1]
    assert re.match(
        r"nincost: error: interrupted after step \d of 4 in epoch \d+; saved run/", last
    )
    assert "--resume" in last
    kept = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert kept["epoch"] > 0
