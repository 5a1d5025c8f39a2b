"""Lists of trainings: a TOML file's, or those that readers of the textbook published."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from nincost._models.sources import runs_user_code
from nincost._train.train import train
from nincost.errors import InputError, did_you_mean, one_line, printable

#: The name of the list that comes with nincost.
PUBLISHED = "published"

#: Arguments of `train` that `train_table` sets for itself, and those that hold for a whole list.
_OWN = {"seed", "folder", "resume", "force", "progress"}
_OF_ALL = {"data", "download"}


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """Figures that somebody published of a training; None where they are not known.

    Accuracies are of 1, losses in nats, speed in examples per second.
    """

    by: str
    train_loss: float | None = None
    train_accuracy: float | None = None
    test_accuracy: float | None = None
    examples_per_second: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A training of a list: its name, the arguments of `nincost.train`, published figures."""

    name: str
    options: Mapping[str, Any]
    published: tuple[PublishedFigures, ...] = ()

    @property
    def folder(self) -> str:
        """The name as a folder's."""
        return re.sub(r"[^\w.]+", "-", self.name).strip("-.") or "training"


def read_run_list(
    file: str | Path = PUBLISHED, *, trust: bool = False
) -> tuple[tuple[RunEntry, ...], tuple[int, ...]]:
    """The trainings of a file, and the seeds that each is run with.

    The file has `seeds = [0, 1, 2]`, and for each training a `[[run]]` with a `name`, the
    arguments of `nincost.train`, and any `[[run.published]]` with `by` and figures. Its models are
    built-in ones and libraries', as a list must not run code; with `trust` also of files.

    Raises:
        InputError: the file cannot be read, has an entry that is not known, or would run code.
    """
    if str(file) == PUBLISHED:
        text = resources.files("nincost._train").joinpath("published.toml").read_text("utf-8")
    else:
        try:
            text = Path(file).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"the list {str(file)!r} cannot be read ({one_line(error)}): give a TOML file, or "
                "--table alone for the published trainings"
            ) from error
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{str(file)!r} is no TOML: {one_line(error)}") from error
    _refuse_unknown(file, content, {"seeds", "run"})
    runs = content.get("run")
    if not isinstance(runs, list) or not runs or not all(isinstance(run, dict) for run in runs):
        raise InputError(f"{str(file)!r} lists no training: write a [[run]] for each")
    entries = tuple(_entry(file, run) for run in runs)
    folders: dict[str, str] = {}
    for entry in entries:
        other = folders.setdefault(entry.folder, entry.name)
        if other != entry.name or [each.name for each in entries].count(other) > 1:
            raise InputError(
                f"{str(file)!r} has two trainings whose folders would be called {entry.folder!r}: "
                f"{other!r} and {entry.name!r}: give each its own name"
            )
        model = entry.options.get("model", "")
        if isinstance(model, str) and runs_user_code(model) and not trust:
            raise InputError(
                f"{str(file)!r}: {entry.name}: the model {model!r} would run code, which a list "
                "does only with --trust: give that if you know the code, or name a built-in model "
                "or a library's"
            )
    return entries, check_seeds(content.get("seeds", [0]))


def check_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """The seeds as a tuple.

    Raises:
        InputError: none, not whole numbers, or one twice.
    """
    whole = isinstance(seeds, list | tuple) and all(type(seed) is int for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds is {seeds!r}: expected whole numbers, each once, such as 0, 1, 2")
    return tuple(seeds)


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse what is no argument of `nincost.train`, or `train_table` sets for itself."""
    _refuse_unknown("the options", options, _options())


def _options() -> set[str]:
    return set(inspect.signature(train).parameters) - _OWN


def _entry(file: object, run: dict[str, Any]) -> RunEntry:
    rest = dict(run)
    name = rest.pop("name", None)
    if not isinstance(name, str) or not name.strip():
        raise InputError(f'{str(file)!r} has a training without a name: write name = "..."')
    name = printable(name)
    where = f"{file}: {name}"
    published = rest.pop("published", [])
    _refuse_unknown(where, rest, _options() - _OF_ALL)
    if not isinstance(published, list) or not all(isinstance(row, dict) for row in published):
        raise InputError(
            f"{where!r} has published = {published!r}: write a [[run.published]] for each"
        )
    return RunEntry(name, rest, tuple(_published(where, row) for row in published))


def _published(where: str, row: dict[str, Any]) -> PublishedFigures:
    texts = ("by", "note")
    _refuse_unknown(where, row, {field.name for field in fields(PublishedFigures)})
    if "by" not in row:
        raise InputError(f'{where!r}: published figures need by = "..."')
    for key, value in row.items():
        if not isinstance(value, str) if key in texts else type(value) not in (int, float):
            expected = "a text" if key in texts else "a number"
            raise InputError(f"{where!r} has {key} = {value!r}: expected {expected}")
    return PublishedFigures(**{**row, **{key: printable(row[key]) for key in texts if key in row}})


def _refuse_unknown(where: object, given: Mapping[str, Any], known: set[str]) -> None:
    for key in given:
        if key not in known:
            raise InputError(
                f"{str(where)!r} has an unknown {key!r}: it may have {', '.join(sorted(known))}"
                f"{did_you_mean(key, known)}"
            )
