"""Recordings in files: a rule of `nincost/_time/work` can change without recording again."""

from __future__ import annotations

import io
import pickle
from dataclasses import fields
from typing import Any

import torch

from nincost._trace.records import Signature, TensorMeta

_PLAIN = (TensorMeta, int, float, str, torch.dtype, torch.device)


class _Pickler(pickle.Pickler):
    """Leaves out what is the process's own: operators' functions, arguments that are objects."""

    def reducer_override(self, given: Any) -> Any:
        if not isinstance(given, Signature):
            return NotImplemented
        values = {field.name: getattr(given, field.name) for field in fields(given)}
        values["func"] = None
        values["args"] = plain(given.args)
        values["kwargs"] = {name: plain(value) for name, value in given.kwargs.items()}
        return _signature, (values,)


def _signature(values: dict[str, Any]) -> Signature:
    return Signature(**values)


def plain(value: Any) -> Any:
    """An argument that can be pickled; of a long list of numbers its first."""
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple | list):
        return tuple(map(plain, value[:1] if value and isinstance(value[0], float) else value))
    return None


def dumps(value: Any) -> bytes:
    """Anything with recordings in it."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()
