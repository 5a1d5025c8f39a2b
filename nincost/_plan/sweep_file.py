"""What a sweep's file says: models x settings x cards, and the cells that come of it."""

from __future__ import annotations

import fnmatch
import functools
import inspect
import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nincost
from nincost._models.libraries import timm_names, torchvision_names
from nincost._models.sources import runs_user_code
from nincost._plan.cells import Cell
from nincost._plan.sweep_results import FIGURES
from nincost.errors import InputError, did_you_mean, nearest, one_line

#: The tables and lists of a sweep.
_KEYS = ("commands", "models", "gpus", "options", "settings")
#: What a table of settings may say instead of the whole sweep.
_OF_SETTINGS = ("commands", "gpus")
#: Arguments that are objects of Python, or of a run on a GPU that is here.
_NOT_SWEPT = {
    "model", "gpu", "measure", "what_if", "suggest", "step", "models", "optimizers", "on_cpu",
}  # fmt: skip
#: A value that stands for the option left out, among others of a list.
_DEFAULT = "default"
#: Options whose own value is a list, which stands for several only within another list.
_LISTS = ("input",)


def read_sweep(given: str | Path | Mapping[str, Any], *, trust: bool) -> list[Cell]:
    """The cells of a sweep, each once, in the order of models, settings, commands and cards.

    Args:
        given: a TOML file, or what would be in one.
        trust: whether models of files and modules may be named, whose code runs.

    Raises:
        InputError: the file cannot be read, has a key that is not known, or lists nothing.
    """
    if isinstance(given, Mapping):
        return _cells(given, "the sweep")
    where = repr(str(given))
    try:
        content = tomllib.loads(Path(given).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the sweep {where} cannot be read ({one_line(error)}): give a TOML file, as in "
            "docs/sweep.md"
        ) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{where} is no TOML: {one_line(error)}") from error
    cells = _cells(content, where)
    for cell in cells:
        if not trust and runs_user_code(cell.model) and ":" in cell.model:
            raise InputError(
                f"{where}: the model {cell.model!r} would run code, which a sweep does only with "
                "--trust: give that if you know the code, or name a library's model"
            )
    return cells


def _cells(content: Mapping[str, Any], where: str) -> list[Cell]:
    _refuse_unknown(where, content, _KEYS)
    models = list(_models(content.get("models"), where))
    shared = _table(content.get("options", {}), "options", where)
    groups = content.get("settings", {})
    groups = list(groups) if isinstance(groups, list | tuple) else [groups]
    found: dict[str, Cell] = {}
    for (model, own), group in itertools.product(models, groups or [{}]):
        table = dict(_table(group, "settings", where, _OF_SETTINGS))
        commands = _names("commands", table.pop("commands", content.get("commands")), where)
        gpus = _names("gpus", table.pop("gpus", content.get("gpus", "")), where)
        for settings in _combinations({**shared, **table, **own}):
            for command, gpu in itertools.product(commands, gpus):
                cell = _cell(command, model, gpu, settings)
                found.setdefault(cell.key, cell)
    return list(found.values())


def _cell(command: str, model: str, gpu: str, settings: Mapping[str, Any]) -> Cell:
    """The command's own part of the settings: what it does not know makes no other cell."""
    known = _parameters(command)
    mine = {name: value for name, value in settings.items() if name in known}
    return Cell(command, model, gpu if "gpu" in known else "", mine, mine)


@functools.cache
def _parameters(command: str) -> frozenset[str]:
    return frozenset(inspect.signature(getattr(nincost, command)).parameters)


def _options() -> list[str]:
    """What a sweep may set: the options of any of its commands."""
    return sorted({name for command in FIGURES for name in _parameters(command)} - _NOT_SWEPT)


def _refuse_unknown(where: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise InputError(
                f"{where} has no key {name!r}{did_you_mean(name, known)}: choose {', '.join(known)}"
            )


def _table(given: Any, name: str, where: str, more: Sequence[str] = ()) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: {name} is {given!r}: expected a table of options")
    _refuse_unknown(f"{name} of {where}", given, (*more, *_options()))
    return given


def _names(name: str, given: Any, where: str) -> list[str]:
    """A name, or a list of them."""
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names or not all(
        isinstance(one, str) for one in names
    ):  # fmt: skip
        raise InputError(f"{where}: {name} is {given!r}: expected a list of names")
    if name == "commands":
        for one in names:
            if one not in FIGURES:
                raise InputError(
                    f"{where} has the command {one!r}{did_you_mean(one, FIGURES)}: choose "
                    f"{', '.join(FIGURES)}"
                )
    return list(names)


def _models(given: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each model, and the options of its own."""
    if not isinstance(given, list | tuple) or not given:
        raise InputError(f"{where} lists no models: write models = ['torchvision:resnet50', ...]")
    for one in given:
        if isinstance(one, Mapping):
            own = dict(one)
            name = own.pop("model", None)
            if not isinstance(name, str):
                raise InputError(f"{where}: a model's table has no model: write {{model = 'NAME'}}")
            yield name, _table(own, f"the model {name}", where)
        elif isinstance(one, str):
            for name in _named(one, where):
                yield name, {}
        else:
            raise InputError(f"{where}: a model is {one!r}: expected a name or a table")


def _named(name: str, where: str) -> list[str]:
    """The models of torchvision or timm that a pattern such as `timm:resnet*` names."""
    library, _, pattern = name.partition(":")
    listed = {"torchvision": torchvision_names, "timm": timm_names}.get(library)
    if listed is None or not set(pattern) & set("*?["):
        return [name]
    names = listed()
    found = fnmatch.filter(names, pattern)
    if not found:
        close = ", ".join(nearest(pattern, names)) or "none"
        raise InputError(f"{where}: no model matches {name!r}: the nearest are {close}")
    return [f"{library}:{one}" for one in found]


def _combinations(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A list of values stands for each of them, with each of the others'."""
    choices = [_choices(name, value) for name, value in table.items()]
    for values in itertools.product(*choices):
        yield {name: value for name, value in zip(table, values, strict=True) if value != _DEFAULT}


def _choices(name: str, value: Any) -> Sequence[Any]:
    several = isinstance(value, list | tuple) and (
        name not in _LISTS or any(isinstance(item, list | tuple) for item in value)
    )
    return value if several else [value]
