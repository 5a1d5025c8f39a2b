"""Finds a private name of torch, or says clearly that this torch has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nincost.errors import TorchVersionError

#: What pyproject.toml asks for, and the newest that the tests ran with.
TESTED = "2.11 to 2.14"


def find(path: str, purpose: str) -> Any:
    """What torch has under a dotted path below `torch`.

    Raises:
        TorchVersionError: nothing; `purpose` is what nincost needs it for.
    """
    found: Any = torch
    for name in path.split("."):
        if not hasattr(found, name):
            raise missing(f"torch.{path}", purpose)
        found = getattr(found, name)
    return found


def missing(name: str, purpose: str) -> TorchVersionError:
    """The error for a name that this torch has not, or not as nincost knows it."""
    return TorchVersionError(
        f"this torch ({torch.__version__}) has no {name}, which nincost needs to {purpose}: "
        f"install one of torch {TESTED}, or report it"
    )


def bound(
    path: str, purpose: str, *, use: Any = None, fits: Callable[[Any], bool] = lambda _: True
) -> Any:
    """torch's object under a path, to be called without a wrapper; else what raises when called.

    Args:
        path, purpose: as `find`'s.
        use: what is called in place of the object, where that is an attribute of others.
        fits: a cheap look at whether it does what nincost knows of it.
    """
    try:
        found = find(path, purpose)
        found = found if use is None else use
        fitting = fits(found)
    except Exception:  # whatever an object raises that is another than nincost knows
        fitting = False
    if fitting:
        return found

    def fail(*_: Any, **__: Any) -> Any:
        raise missing(f"torch.{path} that does what it did", purpose)

    return fail
