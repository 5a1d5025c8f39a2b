"""Names of a call's tensors that lie in dicts and lists: `kwargs.key`, `targets[].boxes`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nincost.errors import InputError

if TYPE_CHECKING:
    import torch

_LISTED = re.compile(r"(?P<key>\w+)\[(?P<length>\d+)\]")


def put_tensor(kwargs: dict[str, Any], name: str, make: Callable[[], torch.Tensor]) -> None:
    """Put a tensor where its name says: `x`, `x.key`, or in each item of a list, `x[8].key`.

    Raises:
        InputError: there is something else already.
    """
    places = [kwargs]
    *heads, last = name.split(".")
    for head in heads:
        listed = _LISTED.fullmatch(head)
        if listed is None:
            places = [place.setdefault(head, {}) for place in places]
        else:
            new: list[Any] = [{} for _ in range(int(listed["length"]))]
            places = [one for place in places for one in place.setdefault(listed["key"], new)]
        if not all(isinstance(place, dict) for place in places):
            raise InputError(f"input {head!r} is given as a tensor and as more: give it once")
    listed = _LISTED.fullmatch(last)
    key = last if listed is None else listed["key"]
    for place in places:
        if key in place:
            raise InputError(f"input {name!r} is given twice: give each name once")
        place[key] = make() if listed is None else [make() for _ in range(int(listed["length"]))]


def named_tensors(
    args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[tuple[str, torch.Tensor]]:
    """The tensors of a call by their names: `x`, `x.key`, `x[].key`; by number where positional."""
    import torch

    found: list[tuple[str, torch.Tensor]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            found.append((name, value))
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(f"{name}.{key}", item)
        elif isinstance(value, list | tuple):
            for item in value:
                walk(f"{name}[]", item)

    for number, value in enumerate(args):
        walk(f"argument {number + 1}", value)
    for key, value in kwargs.items():
        walk(key, value)
    return found
