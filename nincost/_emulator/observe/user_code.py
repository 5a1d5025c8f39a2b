"""Whose code a file is: the user's, a library's, torch's, Python's, or nincost's."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Literal

Owner = Literal["user", "library", "other"]
#: File, line and function.
Line = tuple[str, int, str]

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
#: No library of interest: what runs around or below every model.
_OTHER = tuple(f"{os.sep}{name}{os.sep}" for name in ("torch", "triton"))
#: nincost itself, which may lie beside the user's own code, and which a script's process imports by
#: a link (`library.SITE`).
_NINCOST = os.path.join(Path(__file__).resolve().parents[2], "")
#: What a folder's name begins with that torch.compile writes the code to that it makes.
GENERATED = "torchinductor_"


def packages_of(command: Sequence[str]) -> tuple[str, ...]:
    """The folders of the package that `-m` names: the user's code, wherever it is installed."""
    if command[0] != "-m":
        return ()
    top = command[1].partition(".")[0]
    if any(name == f"{os.sep}{top}{os.sep}" for name in _OTHER):
        return ()  # torch.distributed.run, which starts the user's own
    here = os.path.join(os.getcwd(), top)
    if os.path.isdir(here):
        return (here,)
    spec = importlib.util.find_spec(top)
    return tuple(spec.submodule_search_locations or ()) if spec is not None else ()


class UserCode:
    """Knows whose a file is by where it lies.

    `packages` are folders that count as the user's wherever they are installed, such as that of the
    module that `-m` names.
    """

    def __init__(self, packages: Sequence[str] = ()) -> None:
        self.packages = tuple(os.path.join(folder, "") for folder in packages)
        paths = sysconfig.get_paths()
        self._python = tuple(
            os.path.join(folder, "") for folder in {paths["stdlib"], paths["platstdlib"]}
        )
        self._known: dict[str, Owner] = {}

    def owner(self, file: str) -> Owner:
        """Whose a file is, by its name in a traceback."""
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._look(file)
        return known

    def _look(self, file: str) -> Owner:
        if file.startswith("<") or not file:
            return "user" if file.startswith(("<stdin>", "<ipython")) else "other"
        if self.packages and file.startswith(self.packages):
            return "user"
        if f"{os.sep}{GENERATED}" in file or os.path.realpath(file).startswith(_NINCOST):
            return "other"
        is_installed = any(part in file for part in _INSTALLED)
        if is_installed:
            return "other" if any(part in file for part in _OTHER) else "library"
        return "other" if file.startswith(self._python) else "user"

    def innermost(self, frame: FrameType | None) -> Line | None:
        """The innermost line that is the user's."""
        return self.lines(frame)[0]

    def lines(self, frame: FrameType | None) -> tuple[Line | None, Line | None]:
        """The innermost line that is the user's, and of the library that it called."""
        via = None
        while frame is not None:
            owner = self.owner(frame.f_code.co_filename)
            if owner == "user" or (owner == "library" and via is None):
                line = (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
                if owner == "user":
                    return line, via
                via = line
            frame = frame.f_back
        return None, via
