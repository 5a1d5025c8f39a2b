"""Where a training leaves its files: checkpoint, log, tables, curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nincost._train import checkpoint
from nincost._train.callbacks import Callbacks
from nincost._train.checkpoint import Checkpoint
from nincost.errors import InputError, NincostError, OutputError

if TYPE_CHECKING:
    from nincost._train.results import Training

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


class Folder:
    """A training's folder; without a path, nothing is written.

    A disk that is full does not end a training: the file that was there stays, the state stays in
    memory, and the next save is tried as usual. Of several processes one `writes`.
    """

    def __init__(self, path: Path | None, watch: Callbacks, *, writes: bool = True) -> None:
        self.path = path
        self.unsaved = ""
        self._writes = writes and path is not None
        self._watch = watch
        self._kept = ""  # where the last whole checkpoint stands
        self._log_failed = False

    @property
    def wanted(self) -> bool:
        """Whether files are to be written."""
        return self.path is not None

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's path."""
        assert self.path is not None
        return self.path / CHECKPOINT

    def prepare(self, *, resume: bool, force: bool) -> None:
        """Make the folder, or refuse one that holds another training."""
        if self.path is None:
            if resume:
                raise InputError("resume needs the folder of the training to go on with: folder=")
            return
        if resume or not self._writes:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the folder {str(self.path)!r} could not be made: {error.strerror or error}: give "
                "another --folder"
            ) from error
        if self.checkpoint.exists() and not force:
            raise OutputError(
                f"{str(self.path)!r} holds a training already: give --resume to go on with it, "
                "--force to begin anew, or another --folder"
            )
        if force:
            for name in (CHECKPOINT, LOG):
                (self.path / name).unlink(missing_ok=True)

    def load(self) -> Checkpoint:
        """The checkpoint to go on from."""
        found = checkpoint.load(self.checkpoint)
        self._kept = found.place
        return found

    def save(self, state: Checkpoint) -> None:
        """Write a checkpoint; where that fails, say so and leave the last one."""
        if not self._writes:
            return
        try:
            checkpoint.save(self.checkpoint, state)
        except OutputError as error:
            self.unsaved = str(error)
            self._watch.say(f"{error}; {self.last_words}; the training goes on")
            return
        self.unsaved = ""
        self._kept = state.place
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
            self._watch.say(f"the log could not be written: {error.strerror or error}")

    def finish(self, result: Training) -> None:
        """Write the result beside the checkpoint, as JSON, CSV and curves."""
        if self.path is None or not self._writes:
            return
        self.log("end", **result.to_dict()["totals"])
        from nincost._files import write_file

        files = {
            "epochs.csv": result.to_csv,
            "result.json": result.to_json,
            "curves.svg": result.to_svg,
        }
        try:
            for name, render in files.items():
                write_file(self.path / name, render(), force=True)
        except NincostError as error:
            self._watch.say(str(error))

    @property
    def last_words(self) -> str:
        """What there is to go back to."""
        if self.path is None:
            return "nothing was saved, as no folder was given"
        if not self._kept:
            return "there is no checkpoint yet"
        return f"the last good checkpoint, {self.checkpoint}, is of {self._kept}"

    @property
    def words_after_stop(self) -> str:
        """What was saved, and how to go on."""
        if self.path is None:
            return "nothing was saved, as no folder was given"
        if self.unsaved:
            return f"{self.unsaved}; {self.last_words}"
        return (
            f"saved {self.checkpoint}: the same command with --resume "
            f"(and --folder {self.path}) goes on from there"
        )
