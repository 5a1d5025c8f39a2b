"""The files that a training leaves: checkpoint, log, tables, curves."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nincost._files import lock
from nincost._train import checkpoint
from nincost._train.callbacks import Callbacks
from nincost._train.checkpoint import Checkpoint
from nincost._train.results import Training
from nincost.errors import InputError, NincostError, OutputError

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
CURVES = "curves.svg"


class RunFolder:
    """A training's folder; without a path, nothing is written.

    A disk that is full does not end a training: the file that was there stays, the state stays in
    memory, and the next save is tried as usual. Of several processes one `writes`.

    Attributes:
        path: the folder; None where nothing is to be written.
        unsaved: why the last checkpoint could not be written; empty where it could.
    """

    def __init__(self, path: Path | None, callbacks: Callbacks, *, writes: bool = True) -> None:
        self.path = path
        self.unsaved = ""
        self._writes = writes and path is not None
        self._callbacks = callbacks
        self._saved = ""  # the place of the last checkpoint that was written whole
        self._log_failed = False

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's path."""
        assert self.path is not None
        return self.path / CHECKPOINT

    @contextlib.contextmanager
    def prepared(self, *, resume: bool, force: bool) -> Iterator[None]:
        """Make the folder, and keep other trainings out of it.

        Args:
            resume: continue the training that it holds.
            force: remove the checkpoint and log of the training that it holds.

        Raises:
            InputError: `resume` without a folder.
            OutputError: it cannot be made, holds a training and neither was given, or another
                training is writing into it.
        """
        if self.path is None:
            if resume:
                raise InputError("resume needs the folder of the training to continue: folder=")
            yield
        elif self._writes:
            if not resume:
                self._make(self.path)
            with _in_use(self.path):
                if not resume:
                    self._check_new(self.path, force=force)
                yield
        else:
            yield

    @staticmethod
    def _make(path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the folder {str(path)!r} could not be made: {error.strerror or error}: give "
                "another --folder"
            ) from error

    def _check_new(self, path: Path, *, force: bool) -> None:
        if self.checkpoint.exists() and not force:
            raise OutputError(
                f"{str(path)!r} holds a training already: give --resume to continue it, "
                "--force to begin anew, or another --folder"
            )
        if force:
            for name in (CHECKPOINT, LOG):
                (path / name).unlink(missing_ok=True)

    def load(self) -> Checkpoint:
        """The checkpoint to resume from.

        Raises:
            InputError: as `checkpoint.load`.
        """
        found = checkpoint.load(self.checkpoint)
        self._saved = found.place
        return found

    def save(self, state: Checkpoint) -> None:
        """Write a checkpoint; where that fails, say so and leave the last one."""
        if not self._writes:
            return
        try:
            checkpoint.save(self.checkpoint, state)
        except OutputError as error:
            self.unsaved = str(error)
            self._callbacks.on_message(f"{error}; {self.last_checkpoint}; the training goes on")
            return
        self.unsaved = ""
        self._saved = state.place
        self.log("checkpoint", place=state.place)

    def log(self, event: str, **values: Any) -> None:
        """Add a line to the log."""
        if self.path is None or not self._writes or self._log_failed:
            return
        line = json.dumps({"event": event, **values}, ensure_ascii=False)
        try:
            with (self.path / LOG).open("a", encoding="utf-8") as stream:
                stream.write(f"{line}\n")
        except OSError as error:
            self._log_failed = True
            self._callbacks.on_message(f"the log could not be written: {error.strerror or error}")

    def finish(self, result: Training) -> Training:
        """Write the result beside the checkpoint: as curves, CSV and JSON.

        Returns:
            The result, with a note where the curves could not be drawn (without matplotlib).
        """
        if self.path is None or not self._writes:
            return result
        self.log("end", **result.to_dict()["totals"])
        try:
            result.plot(self.path / CURVES, force=True)
        except NincostError as error:
            result = replace(result, notes=(*result.notes, f"{CURVES} was not written: {error}"))
        try:
            result.to_csv(self.path / "epochs.csv", force=True)
            result.to_json(self.path / "result.json", force=True)
        except NincostError as error:
            self._callbacks.on_message(str(error))
        return result

    @property
    def last_checkpoint(self) -> str:
        """Which checkpoint there is, in words."""
        if self.path is None:
            return "nothing was saved, as no folder was given"
        if not self._saved:
            return "there is no checkpoint yet"
        return f"the last good checkpoint, {self.checkpoint}, is of {self._saved}"

    @property
    def how_to_resume(self) -> str:
        """What was saved and how to continue, in words."""
        if self.path is None:
            return "nothing was saved, as no folder was given"
        if self.unsaved:
            return f"{self.unsaved}; {self.last_checkpoint}"
        return (
            f"saved {self.checkpoint}: the same command with --resume "
            f"(and --folder {self.path}) continues from there"
        )


@contextlib.contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Lock the folder itself, so that no file is left; where it cannot be, nothing is kept out."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:  # there is none to resume from, or Windows
        yield
        return
    try:
        if lock(number) is False:
            raise OutputError(
                f"another training is writing into {str(folder)!r}: wait for its end, or give "
                "another --folder"
            )
        yield
    finally:
        os.close(number)
