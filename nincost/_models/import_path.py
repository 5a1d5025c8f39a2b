"""Lets a user's file import what lies beside it, and nothing that lies beside another model."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_folders: set[str] = set()  # that models of this process were imported from


@contextlib.contextmanager
def importable(folder: Path | None) -> Iterator[None]:
    """Let modules in `folder` be imported, as `python folder/file.py` would; None: no folder."""
    if folder is None:
        yield
        return
    entry = str(folder.resolve())
    _forget_namesakes(entry)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _forget_namesakes(folder: str) -> None:
    """Drop modules from other models' folders whose name means another file in this one.

    Else the second of `old/net.py:Net` and `new/net.py:Net` would get the first's `layers.py`.
    """
    others = tuple(f"{other}{os.sep}" for other in _folders if other != folder)
    _folders.add(folder)
    if not others:
        return
    for name, module in list(sys.modules.items()):
        file = str(getattr(module, "__file__", None) or "")
        elsewhere = file.startswith(others) and not file.startswith(f"{folder}{os.sep}")
        if not elsewhere or "site-packages" in file or name.startswith(("__", "nincost")):
            continue
        top = os.path.join(folder, name.partition(".")[0])
        if os.path.exists(f"{top}.py") or os.path.isdir(top):
            del sys.modules[name]
