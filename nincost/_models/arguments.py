"""Keyword arguments for a model's factory, from `--arg key=value`."""

from __future__ import annotations

import ast
from typing import Any

from nincost.errors import InputError


def parse_arguments(
    pairs: tuple[str, ...], *, option: str = "--arg", example: str = "num_classes=10"
) -> dict[str, Any]:
    """`key=value` texts as keyword arguments; a value is a Python literal, else a string.

    >>> parse_arguments(("num_classes=10", "pool=max"))
    {'num_classes': 10, 'pool': 'max'}

    Raises:
        InputError: a text that is not `key=value`; the message names `option` and `example`.
    """
    arguments: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise InputError(f"{option} {pair!r} is not key=value: write {option} {example}")
        try:
            arguments[key] = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            words = {"true": True, "false": False, "none": None}
            arguments[key] = words.get(text.strip().lower(), text)
    return arguments
