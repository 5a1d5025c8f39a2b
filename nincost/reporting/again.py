"""The command that makes a report again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def command_line(model: Any, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """`nincost report ...` for what differs from the defaults; Python where a shell cannot say it.

    `given` are the keyword arguments of `nincost.report`.
    """
    changed = {key: value for key, value in given.items() if value != defaults.get(key)}
    words = ["nincost", "report", model if isinstance(model, str) else ""]
    for key, value in changed.items():
        option = f"--{key.replace('_', '-')}"
        if isinstance(value, Mapping):
            for name, inner in value.items():
                words += [option, f"{name}={inner}"]
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif isinstance(value, str | int):
            words += [option, str(value)]
        elif isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            for item in value:
                words += [option, item]
        else:
            return _in_python(model, changed)
    if not isinstance(model, str):
        return _in_python(model, changed)
    return shlex.join([*words, "--output", "report.html"])


def _in_python(model: Any, changed: Mapping[str, Any]) -> str:
    name = repr(model) if isinstance(model, str) else type(model).__name__
    parts = [name, *(f"{key}={_short(value)}" for key, value in changed.items())]
    return f"nincost.report({', '.join(parts)})"


def _short(value: Any) -> str:
    """A value as Python writes it, where that is short."""
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"<{type(value).__name__}>"
