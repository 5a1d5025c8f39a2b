"""What a process that will be forked answers of the card, without touching it.

Libraries ask while they are imported (torchao, bitsandbytes: is there a card, of which kind?). Once
CUDA has been asked anything, torch refuses to use it in a fork. So a fork asks in its place, the
first time, and what it finds is kept.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
from types import SimpleNamespace
from typing import Any

import torch


class CardBeforeFork:
    """Answers of `torch.cuda` in this process, and none of its own in processes forked from it."""

    def __init__(self) -> None:
        self._here = os.getpid()
        cuda: Any = torch.cuda
        self._own = {name: getattr(cuda, name) for name in self._answers()}

    def install(self) -> None:
        """From now on answer for torch, here."""
        cuda: Any = torch.cuda
        for name, answer in self._answers().items():
            own = self._own[name]

            def ask(*args: Any, _answer: Any = answer, _own: Any = own, **options: Any) -> Any:
                # A library may keep the function, and ask it in a fork.
                return _answer() if os.getpid() == self._here else _own(*args, **options)

            setattr(cuda, name, functools.wraps(own)(ask))

    def remove(self) -> None:
        """Have torch answer for itself again, in a fork."""
        cuda: Any = torch.cuda
        for name, own in self._own.items():
            setattr(cuda, name, own)

    def _answers(self) -> dict[str, Any]:
        return {
            "is_available": lambda: self._known["count"] > 0,
            "device_count": lambda: self._known["count"],
            "current_device": lambda: 0,
            "get_device_properties": lambda: SimpleNamespace(**self._known["properties"]),
        }

    @functools.cached_property
    def _known(self) -> dict[str, Any]:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                self.remove()
                ctypes.CDLL(None).nincost_emulated_settle()
                with open(writer, "w", encoding="utf-8") as out:
                    json.dump(_ask(), out)
            finally:
                os._exit(0)
        os.close(writer)
        with open(reader, encoding="utf-8") as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return json.loads(text)  # type: ignore[no-any-return]


def _ask() -> dict[str, Any]:
    count = torch.cuda.device_count()
    found: Any = torch.cuda.get_device_properties(0) if count else None
    properties = {name: getattr(found, name) for name in dir(found) if not name.startswith("_")}
    plain = {name: value for name, value in properties.items() if type(value) in (int, str, bool)}
    return {"count": count, "properties": plain}
