"""Starts matplotlib wherever nincost runs: without a display, a home folder or a sound setting.

Importing matplotlib fails where MPLBACKEND names nothing that exists, and warns where it cannot
write its cache. Neither matters to a picture that goes into a file.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from nincost._isolation import logging_from
from nincost.errors import OutputError, one_line

_PARTS = (
    "matplotlib.figure", "matplotlib.font_manager", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg", "matplotlib.backends.backend_pdf",
)  # fmt: skip


def check_matplotlib() -> None:
    """Say early that a picture cannot be drawn, before the work is done.

    Raises:
        OutputError: matplotlib is not installed.
    """
    if sys.modules.get("matplotlib") is None and importlib.util.find_spec("matplotlib") is None:
        raise OutputError("pictures need matplotlib: pip install matplotlib")


def load_matplotlib() -> None:
    """Import matplotlib and what draws into files; the user's own settings are left as they are.

    Raises:
        OutputError: it is not installed, or cannot be imported.
    """
    check_matplotlib()
    try:
        with _plain_surroundings():
            for part in _PARTS:
                importlib.import_module(part)
    except (ImportError, OSError) as error:
        raise OutputError(
            f"matplotlib cannot be imported ({one_line(error)}): install it again, with "
            "pip install --force-reinstall matplotlib"
        ) from error


def quiet() -> AbstractContextManager[None]:
    """Without what matplotlib logs of caches, settings and fonts that it does not find."""
    return logging_from(logging.CRITICAL, "matplotlib")


@contextmanager
def _plain_surroundings() -> Iterator[None]:
    """No MPLBACKEND; afterwards the environment is as it was."""
    first = "matplotlib" not in sys.modules
    before = {name: os.environ.get(name) for name in ("MPLBACKEND", "MPLCONFIGDIR")}
    os.environ.pop("MPLBACKEND", None)
    try:
        with quiet():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    if first and before["MPLBACKEND"]:
        # The backend is for pyplot, should the user's program come to use it.
        import matplotlib

        with suppress(ValueError):
            matplotlib.rcParams["backend"] = before["MPLBACKEND"]
