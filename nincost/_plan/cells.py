"""A cell of a sweep, and what a process does that predicts it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import nincost
from nincost._environment import environment
from nincost._plan.sweep_results import FIGURES
from nincost.errors import STOPS, NincostError, described, place_of

#: Where a command's figure has another name in its result's totals.
_NAMES = {"largest_batch_size": "batch_size"}
#: Where a command's result keeps the operators that its figures leave out.
_UNCOUNTED: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "profile": lambda result: (item.operator for item in result.uncounted),
    "memory": lambda result: result.uncounted,
    "fit": lambda result: result.memory.uncounted,
    "time": lambda result: result.untimed,
}
#: A sweep predicts, and runs nothing on a GPU that is here.
_FIXED: Mapping[str, Mapping[str, Any]] = {"memory": {"measure": False}}
#: In a process that predicts in several threads, as a Dask worker may, they take turns: a step sets
#: torch's global settings.
_turn = threading.Lock()


@dataclass(frozen=True)
class Cell:
    """One question: a command, a model, a card and options.

    Attributes:
        gpu: empty where the command asks for none.
        given: the command's other keyword arguments.
        settings: those of the sweep, for its table.
    """

    command: str
    model: str
    gpu: str
    given: Mapping[str, Any]
    settings: Mapping[str, Any]

    @functools.cached_property
    def key(self) -> str:
        """What makes it another question: the code that it names, and versions, too.

        It is that of the files when it was first asked: one that changes while a sweep runs makes
        no other cell of it.
        """
        asked = {
            "command": self.command, "model": self.model, "gpu": self.gpu, "given": self.given,
            "files": _files(self.model, self.given), "versions": versions(),
        }  # fmt: skip
        text = json.dumps(asked, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def words(self) -> str:
        """`memory of torchvision:resnet50 on rtx4090`."""
        return f"{self.command} of {self.model}" + (f" on {self.gpu}" if self.gpu else "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a cell, as `SweepRow` has it."""

    reason: str
    figures: Mapping[str, Any]
    uncounted: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def predict_cell(command: str, model: str, gpu: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Predict a cell: an `Answer` as plain values. It runs in a process of the sweep's.

    Whatever the model raises is its reason, SystemExit too; a stop from outside passes.
    """
    began = time.perf_counter()
    with _turn:
        try:
            card = {"gpu": gpu} if gpu else {}
            predict = getattr(nincost, command)
            result = predict(model, **card, **_FIXED.get(command, {}), **given)
            totals = result.totals
            figures = {n: getattr(totals, _NAMES.get(n, n)) for n in FIGURES[command]}
            left_out = dict.fromkeys(map(str, _UNCOUNTED[command](result)))
            found = Answer("", figures, tuple(left_out))
        except STOPS:
            raise
        except NincostError as error:
            found = Answer(" ".join(str(error).split()), {})
        except BaseException as error:
            found = Answer(f"{described(error)}{place_of(error)}", {})
    return {**found.to_dict(), "seconds": time.perf_counter() - began}


@functools.cache
def versions() -> dict[str, str]:
    """The versions that figures depend on, as the process has them that asks."""
    found = {name: environment()[name] for name in ("nincost", "torch")}
    for library in ("torchvision", "timm", "transformers"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[library] = metadata.version(library)
    return found


def _files(model: str, given: Mapping[str, Any]) -> list[str]:
    """Digests of the files that a cell names: the model's, and a tensor-parallel plan."""
    path = model.removeprefix("hf:") if model.startswith("hf:") else model.rpartition(":")[0]
    folder = Path(path).expanduser() / "config.json"
    return [
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (Path(path).expanduser(), folder, Path(str(given.get("tp_plan", ""))))
        if file.is_file()
    ]
