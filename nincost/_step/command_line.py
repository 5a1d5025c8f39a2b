"""The command that gives a result again, or with a step's options changed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any


def command_line(
    name: str,
    models: Sequence[Any],
    given: Mapping[str, Any],
    defaults: Mapping[str, Any],
    *,
    page: bool = True,
) -> str:
    """`nincost report ...` with what differs from the defaults; Python where no shell can write it.

    Args:
        name: the command.
        models: its models, names or modules.
        given, defaults: keyword arguments of the function of the same name, and its defaults.
        page: whether it writes its page to a file.
    """
    changed = {key: value for key, value in given.items() if value != defaults.get(key)}
    words = ["nincost", name, *(model for model in models if isinstance(model, str))]
    if len(words) < len(models) + 2:
        return _in_python(name, models, changed)
    for key, value in changed.items():
        written = _option(key.replace("_", "-"), value)
        if written is None:
            return _in_python(name, models, changed)
        words += written
    return shlex.join([*words, *(["--output", f"{name}.html"] if page else [])])


def _option(name: str, value: Any) -> list[str] | None:
    """An option as words of the command line; None where it has none for such a value."""
    option = f"--{name}"
    if isinstance(value, bool):
        return [option if value else f"--no-{name}"]
    if isinstance(value, str | int | float):
        return [option, str(value)]
    if isinstance(value, Mapping):
        return [word for key, inner in value.items() for word in (option, f"{key}={inner}")]
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return [word for item in value for word in (option, item)]
    if isinstance(value, list | tuple) and all(isinstance(item, int) for item in value):
        return [option, ",".join(map(str, value))]
    return None


def _in_python(name: str, models: Sequence[Any], changed: Mapping[str, Any]) -> str:
    parts = [repr(model) if isinstance(model, str) else type(model).__name__ for model in models]
    parts += [f"{key}={_short(value)}" for key, value in changed.items()]
    return f"nincost.{name}({', '.join(parts)})"


def _short(value: Any) -> str:
    """A value as Python writes it, where that is short."""
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"<{type(value).__name__}>"
