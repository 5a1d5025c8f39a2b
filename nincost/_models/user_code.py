"""A user's own model: a class or function in a file or in a module that can be imported."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from nincost._isolation import logging_from
from nincost._models.build import Model, build, compiled_parts, unwrap
from nincost._models.import_path import importable
from nincost._models.libraries import LIBRARIES
from nincost._models.own_step import step_in_file
from nincost._models.training_watch import TrainingBegins, no_training
from nincost.errors import (
    STOPS,
    InputError,
    ModelError,
    described,
    did_you_mean,
    one_line,
    place_of,
    printable,
    stopped_in,
)

#: Files are modules of such names, so that one called torch.py cannot take the place of torch.
_PREFIX = "nincost_user_"
#: What stands where a module's name was looked for.
_A_MODEL = "package.module:factory, torchvision:NAME, timm:NAME, hf:PATH or file.py:Class"
_A_CLASS = "package.module:name, of a package that is installed, or file.py:name"


def from_file(path: str, attribute: str, arguments: dict[str, Any]) -> Model:
    """The model that a class or function in a Python file builds (`path/to/file.py:Class`).

    Raises:
        InputError: there is no such file, name or argument.
        ModelError: the file or the constructor fails.
    """
    module, folder, notes = _file(path, attribute)
    with importable(folder):
        built = _model(module, attribute, path, arguments)
    return replace(built, folder=folder, source_notes=(*built.source_notes, *notes))


def from_module(path: str, attribute: str, arguments: dict[str, Any]) -> Model:
    """The model that a class or function of an importable module builds (`package.module:name`).

    The working directory can be imported from. Raises as `from_file`.
    """
    with importable(Path.cwd()):
        module = _import(path, lambda: importlib.import_module(path))
        built = _model(module, attribute, path, arguments)
    return replace(built, folder=Path.cwd())


def callable_named(name: str) -> Callable[..., Any]:
    """The function or class of `file.py:function` or `package.module:function`.

    Raises as `from_file`.
    """
    path, _, attribute = name.rpartition(":")
    if path.endswith(".py") or "/" in path:
        found = _attribute(_file(path, attribute)[0], attribute, path)
    else:
        # What a library says of this machine's CPU is nothing about the card.
        with importable(Path.cwd()), logging_from(logging.ERROR, path.partition(".")[0]):
            module = _import(path, lambda: importlib.import_module(path), _A_CLASS)
        found = _attribute(module, attribute, path)
    return found  # type: ignore[no-any-return]


def file_of(function: Callable[..., Any]) -> str | None:
    """The file that `callable_named` read to find a function; None where it read none."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    named = module is not None and module.__name__.startswith(_PREFIX)
    return str(Path(str(module.__file__)).resolve()) if named else None  # type: ignore[union-attr]


def read_again(path: str) -> None:
    """Read a file of `file_of` in another process, so that its functions can be unpickled."""
    _file(path, "")


def _file(path: str, attribute: str) -> tuple[ModuleType, Path, tuple[str, ...]]:
    """A file, run as a module; its folder; and what a reader must know of how it ran."""
    file = Path(path).expanduser()
    if not os.path.isfile(file):
        what = (
            f"{path!r} is no regular file" if os.path.exists(file) else f"no file {path!r} is there"
        )
        raise InputError(f"{what}: give a model as path/to/file.py:Class")
    spec = importlib.util.spec_from_file_location(f"{_PREFIX}{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"{path!r} is not a Python file: give a model as path/to/file.py:Class")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    notes: tuple[str, ...] = ()
    with importable(file.parent):
        try:
            _import(path, lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
        except TrainsError as training:
            if attribute.partition(".")[0] not in vars(module):
                raise
            notes = (
                f"{printable(path)} was read up to {training.place}, where it begins to train",
            )
    return module, file.parent, notes


def _model(module: ModuleType, attribute: str, path: str, arguments: dict[str, Any]) -> Model:
    """What a module's attribute builds, or is."""
    from torch import nn

    found = _attribute(module, attribute, path)
    name = f"{path}:{attribute}"
    if isinstance(found, nn.Module):
        if arguments:
            raise InputError(
                f"{printable(name)} is a module that is built already: leave --arg out, or name "
                "the class"
            )
        return Model(printable(name), unwrap(found), compiled=compiled_parts(found))
    own_step = step_in_file(found, module, printable(name))
    if own_step is not None:
        if arguments:
            raise InputError(f"{printable(name)} is a training step: leave --arg out")
        return own_step
    return build(name, found, arguments, owned=False)


def _import(path: str, run: Callable[[], Any], expected: str = _A_MODEL) -> Any:
    """Run a module's code, but for training.

    Raises:
        TrainsError: it begins to train, as a script without a main guard does.
        InputError, ModelError: it cannot be imported.
    """
    try:
        with stopped_in(f"{printable(path)}, as it is imported"), no_training():
            return run()
    except TrainingBegins as training:
        raise TrainsError(path, training) from training
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(f"{error.name}.")):
            raise InputError(
                f"there is no module {error.name!r}: expected {expected}"
                f"{did_you_mean(path, LIBRARIES) if expected == _A_MODEL else ''}"
            ) from error
        raise ModelError(
            f"{path} could not be imported: {one_line(error)}{place_of(error)}; install what it "
            "needs beside nincost"
        ) from error
    except STOPS:
        raise
    except BaseException as error:
        raise ModelError(
            f"{path} could not be imported: {described(error)}{place_of(error)}; it must run by "
            "itself in Python"
        ) from error


class TrainsError(ModelError):
    """A module trains as it is imported; `place` is the line of its first optimizer step."""

    def __init__(self, path: str, cause: BaseException) -> None:
        self.place = place_of(cause).strip(" ()") or "its first optimizer step"
        super().__init__(
            f"{printable(path)} trains as it is imported ({self.place}): put the training under "
            'if __name__ == "__main__":, or predict the whole script with nincost run'
        )


def _models_in(module: ModuleType) -> list[str]:
    """The names of a file's own modules: its classes and what it has made of them."""
    from torch import nn

    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, nn.Module)
        or (
            isinstance(value, type)
            and issubclass(value, nn.Module)
            and value.__module__ == module.__name__
        )
    ]


def _attribute(module: ModuleType, attribute: str, path: str) -> Any:
    if not attribute:
        models = _models_in(module)
        raise InputError(
            f"{path} is a file: name a model in it, as {path}:{models[0] if models else 'Class'}; "
            f"it has {', '.join(models[:12]) or 'none of its own'}"
        )
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
            raise InputError(
                f"{path} has no {attribute!r}: it has {', '.join(names[:12]) or 'nothing callable'}"
                f"{did_you_mean(attribute, names)}"
            ) from None
    if not callable(found):
        raise InputError(
            f"{path}:{attribute} is {type(found).__name__!r}: expected a class or a function "
            "that returns an nn.Module"
        )
    return found
