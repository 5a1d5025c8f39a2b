"""A loss that is written as a text: a place of the output, or a function in a file or module."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from nincost._models.user_code import callable_named
from nincost.errors import InputError, one_line


@dataclass(frozen=True, slots=True)
class PlaceOfOutput:
    """`output.loss`, `output[1]`, `output["loss"]["total"]`: where the model gives its own loss.

    Attributes:
        text: as written.
        steps: each an attribute's name or an index, and which of the two.
    """

    text: str
    steps: tuple[tuple[str, Any], ...]

    @property
    def __name__(self) -> str:
        return self.text

    def __call__(self, output: Any) -> Any:
        found = output
        for kind, key in self.steps:
            try:
                found = getattr(found, key) if kind == "attribute" else found[key]
            except (AttributeError, KeyError, IndexError, TypeError) as error:
                has = _names(found)
                raise InputError(
                    f"loss {self.text} is not in the model's output: {one_line(error)}; "
                    f"{type(found).__name__} has {has}"
                ) from error
        return found


def loss_by_name(name: str, text: str) -> Any | None:
    """The loss that a text means; None where it has neither form.

    Args:
        name: the option, for messages.
        text: `output.loss`, `output[1]`, `file.py:function` or `package.module:function`.

    Raises:
        InputError: it begins as one of these and is none.
    """
    if text.strip().startswith("output") and text.strip() != "output":
        return _place(name, text.strip())
    if ":" in text:
        return callable_named(text)
    return None


def _place(name: str, text: str) -> PlaceOfOutput:
    steps: list[tuple[str, Any]] = []
    try:
        node: Any = ast.parse(text, mode="eval").body
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute):
                steps.append(("attribute", node.attr))
            elif isinstance(node, ast.Subscript):
                steps.append(("item", ast.literal_eval(node.slice)))
            else:
                raise ValueError(ast.unparse(node))
            node = node.value
        if node.id != "output":
            raise ValueError(node.id)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"{name} {text!r} is no place of the output: write it as output.loss, output[1] or "
            "output['loss']"
        ) from error
    return PlaceOfOutput(text, tuple(reversed(steps)))


def _names(value: Any) -> str:
    """What a value offers: its keys, its fields, or how many items it has."""
    if isinstance(value, dict):
        return ", ".join(map(str, [*value][:12])) or "no items"
    if isinstance(value, list | tuple):
        return f"{len(value)} items"
    names = [key for key in getattr(value, "__dict__", {}) if not key.startswith("_")]
    return ", ".join(names[:12]) or "no such attribute"
