"""Tensors that are made of Python numbers: `torch.tensor([1, 2])`, which no dispatch mode sees."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from nincost._torch.operators import without_dispatch
from nincost._trace.values.follow import Values

_MAKERS = ((torch, "tensor"), (torch, "as_tensor"), (torch, "asarray"), (Tensor, "new_tensor"))


@contextlib.contextmanager
def literals_followed(values: Values) -> Iterator[None]:
    """Keep what this thread's `torch.tensor` and its likes put into meta tensors."""
    originals = [getattr(owner, name) for owner, name in _MAKERS]
    for (owner, name), original in zip(_MAKERS, originals, strict=True):
        setattr(owner, name, _followed(original, values, 1 if owner is Tensor else 0))
    try:
        yield
    finally:
        for (owner, name), original in zip(_MAKERS, originals, strict=True):
            setattr(owner, name, original)


def _followed(original: Callable[..., Any], values: Values, place: int) -> Callable[..., Any]:
    thread = threading.get_ident()

    @functools.wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if type(result) is Tensor and result.is_meta and threading.get_ident() == thread:
            data = args[place] if len(args) > place else kwargs.get("data")
            if data is not None and not isinstance(data, Tensor):
                if values.literal_made is not None:
                    values.literal_made(result)
                _keep(values, result, data)
        return result

    return make


def _keep(values: Values, result: Tensor, data: Any) -> None:
    try:
        with without_dispatch():
            held = torch.empty(0, device="cpu").new_tensor(data, dtype=result.dtype)
    except Exception:  # it is made of tensors without data
        return
    values.set(result, lambda: held)
