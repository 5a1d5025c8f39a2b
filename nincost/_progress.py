"""How far a long piece of work has come: said by whoever does it, shown by whoever wants to.

Work says `advance("predicting --amp bfloat16", 3, 7)`. Nothing happens unless somebody shows it:
the command line does so on a terminal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

#: Shows what is being done, how many parts of it are done, and how many there are (0: not known).
Show = Callable[[str, int, int], None]

_show: ContextVar[Show | None] = ContextVar("nincost_progress", default=None)


def advance(what: str, done: int, total: int = 0) -> None:
    """Say what is being done, and how far it has come."""
    show = _show.get()
    if show is not None:
        show(what, done, total)


@contextlib.contextmanager
def showing(show: Show) -> Iterator[None]:
    """Have what is done inside shown by `show`."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)
