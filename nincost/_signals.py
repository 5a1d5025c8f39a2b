"""Signals that ask a command to end, remembered where code on the way swallows the exception.

A handler of a signal can only raise where Python happens to be. While torch imports numpy any error
is ignored, and a model may catch everything: the request would be lost. So it is kept as well, and
raised again at the next stage of the command.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from nincost.errors import Terminated

#: Signals that ask to stop; there is no SIGHUP on Windows.
STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_asked: type[BaseException] | None = None


@contextlib.contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end what runs inside as an exception does.

    Temporary files go then. A signal that is ignored (`nohup`) stays so. Python calls handlers in
    the main thread alone: in another nothing is changed.
    """
    global _asked  # noqa: PLW0603
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        global _asked  # noqa: PLW0603
        _asked = KeyboardInterrupt if number == signal.SIGINT else Terminated
        raise _asked

    before = {
        number: handler
        for number in STOPPING
        if (handler := signal.getsignal(number)) not in (None, signal.SIG_IGN)
    }
    _asked = None
    try:
        for number in before:
            signal.signal(number, end)
        yield
    except Exception as error:  # what failed may have failed since it was interrupted
        if _asked is not None:
            raise _asked from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked = None


def end_if_asked() -> None:
    """Raise what a signal asked for, where something swallowed it.

    Raises:
        KeyboardInterrupt, Terminated: a signal came since the command began.
    """
    if _asked is not None:
        raise _asked


def request_granted() -> None:
    """Forget a request that has been granted otherwise: what there is by now is reported."""
    global _asked  # noqa: PLW0603
    _asked = None
