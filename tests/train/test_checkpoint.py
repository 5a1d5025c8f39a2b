"""Checkpoints: whole or not at all, and nothing is run that a file holds."""

from __future__ import annotations

import errno
import os
import pickle
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from support.trainings import RecordingCallbacks, figures, small

from nincost._train import checkpoint
from nincost._train.checkpoint import Checkpoint
from nincost.errors import InputError


def state(**changes: Any) -> Checkpoint:
    values: dict[str, Any] = {
        "settings": {"lr": 0.1, "arg": {}}, "data": "abc", "epoch": 1, "step": 2,
        "metrics": {"loss": 1.5}, "epochs": [{"epoch": 1}], "peak_bytes": None,
        "model": {"w": torch.arange(6.0)}, "optimizer": {"state": {}}, "scaler": {},
    }  # fmt: skip
    return Checkpoint(**{**values, **changes})


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, state())
    found = checkpoint.load(path)
    assert torch.equal(found.model["w"], torch.arange(6.0))
    assert (found.epoch, found.step, found.metrics) == (1, 2, {"loss": 1.5})
    assert found.place == "step 2 of epoch 2"
    assert os.listdir(tmp_path) == ["c.pt"]


class Evil:
    def __reduce__(self) -> Any:
        return (os.system, ("touch evil",))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged"),
        (b"not a checkpoint", "damaged|more than tensors"),
        (pickle.dumps(Evil()), "more than tensors"),
        (pickle.dumps({"nincost_checkpoint": 2}), "it lacks|more than tensors"),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        checkpoint.load(path)
    assert not Path("evil").exists()


def test_an_object_inside_is_never_made(tmp_path: Path) -> None:
    torch.save({"nincost_checkpoint": 2, "epoch": Evil()}, tmp_path / "c.pt")
    with pytest.raises(InputError, match="more than tensors and plain values"):
        checkpoint.load(tmp_path / "c.pt")
    torch.save({"epoch": 3}, tmp_path / "c.pt")
    with pytest.raises(InputError, match="nincost did not write it"):
        checkpoint.load(tmp_path / "c.pt")
    torch.save({"nincost_checkpoint": 99}, tmp_path / "c.pt")
    with pytest.raises(InputError, match="its format is 99"):
        checkpoint.load(tmp_path / "c.pt")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": None}, "its settings is not a table"),
        ({"data": 3}, "its data is not a digest"),
        ({"epoch": "x"}, "its epoch is not a whole number"),
        ({"epoch": -1}, "its epoch is not a whole number"),
        ({"epoch": True}, "its epoch is not a whole number"),
        ({"epoch": 2}, "it has 1 rows of 2 epochs"),
        ({"step": -3}, "its step is not a whole number"),
        ({"step": 2**60}, "its step is not a whole number"),
        ({"metrics": {"loss": "x"}}, "its metrics is not a table of numbers"),
        ({"epochs": [3]}, "its epochs is not a list of rows"),
        ({"peak_bytes": -1}, "its peak_bytes is not a number of bytes"),
        ({"model": [1]}, "its model is not a table"),
    ],
)
def test_each_field_is_checked(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    checkpoint.save(tmp_path / "c.pt", state(**changes))
    with pytest.raises(InputError, match=words):
        checkpoint.load(tmp_path / "c.pt")


def test_what_is_not_of_this_training_is_not_the_models_fault(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    small(folder=tmp_path, epochs=1)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"step": 999}, "of step 999 in an epoch, which has 8"),
        ({"model": {"w": torch.ones(1)}}, "its state is not this model's"),
        ({"optimizer": {"state": 3}}, "its state is not this model's"),
        ({"epochs": [{"epoch": 1}]}, "its state is not this model's"),
    ]
    for changes, words in cases:
        found = checkpoint.load(path)
        for name, value in changes.items():
            setattr(found, name, value)
        whole = path.read_bytes()
        checkpoint.save(path, found)
        with pytest.raises(InputError, match=words):
            small(folder=tmp_path, resume=True, epochs=2)
        path.write_bytes(whole)
    assert len(small(folder=tmp_path, resume=True, epochs=2).epochs) == 2


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, state())
    whole = path.read_bytes()
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="no checkpoint to resume from"):
            checkpoint.load(path)


def test_a_full_disk_leaves_the_last_checkpoint_and_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of three saves finds the disk full in the middle of writing."""
    make = os.fdopen
    saves = []

    def full(*arguments: Any, **options: Any) -> Any:
        file = make(*arguments, **options)
        saves.append(file)
        if len(saves) == 2:
            write = file.write

            def half(content: bytes) -> int:
                write(content[: len(content) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            file.write = half  # type: ignore[assignment]
        return file

    class Look(RecordingCallbacks):
        def on_message(self, text: str) -> None:
            super().on_message(text)
            self.kept = checkpoint.load(tmp_path / "checkpoint.pt").place
            self.files = sorted(os.listdir(tmp_path))

    monkeypatch.setattr("nincost._files.os.fdopen", full)
    callbacks = Look()
    result = small(folder=tmp_path, epochs=3, progress=callbacks)
    (message,) = callbacks.messages
    assert "No space left on device" in message
    assert "is of the end of epoch 1; the training goes on" in message
    assert callbacks.kept == "the end of epoch 1"
    assert callbacks.files == ["checkpoint.pt", "log.jsonl"]
    assert checkpoint.load(tmp_path / "checkpoint.pt").place == "the end of epoch 3"
    assert result.unsaved == ""
    assert figures(result) == figures(small(epochs=3))


def test_the_operating_systems_own_limit(tmp_path: Path) -> None:
    """No file may grow beyond 24 kB for a while: no checkpoint fits, log, tables and curves do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    callbacks = RecordingCallbacks()
    resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, hard))  # Python ignores the signal
    try:
        result = small(folder=tmp_path, progress=callbacks)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(callbacks.messages) == 2
    assert "there is no checkpoint yet; the training goes on" in callbacks.messages[1]
    assert "File too large" in result.unsaved
    assert sorted(os.listdir(tmp_path)) == ["curves.svg", "epochs.csv", "log.jsonl", "result.json"]
    assert figures(result) == figures(small())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    from nincost.errors import OutputError

    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be made"):
        small(folder=tmp_path / "file" / "run")
