"""Stops a file that begins to train while it is imported: a script without a main guard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


class TrainingBegins(BaseException):
    """An optimizer steps. (No `Exception`, so that a script's own handler lets it through.)"""


@contextlib.contextmanager
def no_training() -> Iterator[None]:
    """Let no optimizer step.

    Raises:
        TrainingBegins: at the first that would.
    """
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    def stop(*_: Any) -> None:
        raise TrainingBegins

    hook = register_optimizer_step_pre_hook(stop)
    try:
        yield
    finally:
        hook.remove()
