"""A training's state in a file: written whole or not at all, read without running its content."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from nincost._files import write_file
from nincost.errors import InputError, one_line

#: Raised by one with each change of what a checkpoint holds.
FORMAT = 2


@dataclass(slots=True)
class Checkpoint:
    """All that a training needs to continue as if it had not been stopped.

    Random states are not part of it: each step seeds its own (`seeds`).

    Attributes:
        settings: `TrainSettings.to_dict()`.
        data: the data's digest.
        epoch: epochs that are complete.
        step: steps that are complete of the next one.
        metrics: the sums over those steps, `Metrics.state_dict()`.
        epochs: the rows of the epochs that are complete.
        peak_bytes: the most that was allocated on the GPU in a training step; None without a GPU.
        model, optimizer, scaler: their `state_dict()`.
    """

    settings: dict[str, Any]
    data: str
    epoch: int
    step: int
    metrics: dict[str, Any]
    epochs: list[dict[str, Any]]
    peak_bytes: int | None
    model: dict[str, Any]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]

    @property
    def place(self) -> str:
        """Where the training was, in words: `step 3 of epoch 2`."""
        if self.step:
            return f"step {self.step} of epoch {self.epoch + 1}"
        return f"the end of epoch {self.epoch}"


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside `path`, and then rename it to `path`.

    Raises:
        OutputError: it could not be written; what was at `path` is as it was.
    """
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    stream = io.BytesIO()
    torch.save({"nincost_checkpoint": FORMAT, **content}, stream)
    write_file(path, stream.getvalue(), force=True)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing but tensors and plain values is ever made from it.

    Raises:
        InputError: there is none, it is damaged, or nincost did not write it.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(
            f"there is no checkpoint {str(path)!r} to resume from: leave --resume out to begin, or "
            "give the --folder of the training"
        ) from error
    except pickle.UnpicklingError as error:
        raise no_checkpoint(path, "it holds more than tensors and plain values") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise no_checkpoint(path, f"it is damaged ({one_line(error)})") from error
    if not isinstance(content, Mapping) or "nincost_checkpoint" not in content:
        raise no_checkpoint(path, "nincost did not write it")
    if content["nincost_checkpoint"] != FORMAT:
        raise no_checkpoint(
            path, f"its format is {content['nincost_checkpoint']}, where {FORMAT} is expected"
        )
    try:
        found = Checkpoint(**{field.name: content[field.name] for field in fields(Checkpoint)})
    except KeyError as error:
        raise no_checkpoint(path, f"it lacks {error}") from error
    for name, expected, fits in _EXPECTED:
        if not fits(getattr(found, name)):
            raise no_checkpoint(path, f"its {name} is not {expected}")
    if len(found.epochs) != found.epoch:
        raise no_checkpoint(path, f"it has {len(found.epochs)} rows of {found.epoch} epochs")
    return found


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _has_rows(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, Mapping) and all(type(number) in (int, float) for number in row.values())
        for row in value
    )


def _has_numbers(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and type(number) in (int, float) for name, number in value.items()
    )


#: Each field, what it must be, and whether it is: a file may have been edited.
_EXPECTED: tuple[tuple[str, str, Callable[[object], bool]], ...] = (
    ("settings", "a table", _is_mapping),
    ("data", "a digest", lambda value: isinstance(value, str)),
    ("epoch", "a whole number from 0", _is_count),
    ("step", "a whole number from 0", _is_count),
    ("metrics", "a table of numbers", _has_numbers),
    ("epochs", "a list of rows with numbers", _has_rows),
    ("peak_bytes", "a number of bytes", lambda value: value is None or _is_count(value)),
    ("model", "a table", _is_mapping),
    ("optimizer", "a table", _is_mapping),
    ("scaler", "a table", _is_mapping),
)


def no_checkpoint(path: Path, why: str) -> InputError:
    """The error for a file that cannot be resumed from."""
    return InputError(
        f"{str(path)!r} is no checkpoint to resume from: {why}; begin anew with --force, or give "
        "another --folder"
    )
