"""Whose code a file is: the user's, a library's, torch's, Python's, or nincost's."""

from __future__ import annotations

import os
import sysconfig
from types import FrameType
from typing import Literal

Owner = Literal["user", "library", "other"]

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
#: No library of interest: what runs around or below every model, wherever it is installed. nincost
#: is among them: a script's process imports it from a folder of its own.
_OTHER = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("torch", os.path.join("nincost", "_emulator"), "triton")
)
#: What a folder's name begins with that torch.compile writes the code to that it makes.
_GENERATED = f"{os.sep}torchinductor_"


class UserCode:
    """Knows whose a file is by where it lies.

    `packages` are folders that count as the user's wherever they are installed, such as that of the
    module that `-m` names.
    """

    def __init__(self, packages: tuple[str, ...] = ()) -> None:
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
            return "user" if file.startswith(("<stdin>", "<string>", "<ipython")) else "other"
        if self.packages and file.startswith(self.packages):
            return "user"
        is_installed = any(part in file for part in _INSTALLED)
        if _GENERATED in file or _OTHER[1] in file:
            return "other"
        if is_installed:
            return "other" if any(part in file for part in _OTHER) else "library"
        return "other" if file.startswith(self._python) else "user"

    def innermost(self, frame: FrameType | None) -> tuple[str, int, str] | None:
        """File, line and function of the innermost frame that is the user's."""
        while frame is not None:
            file = frame.f_code.co_filename
            if self.owner(file) == "user":
                return file, frame.f_lineno, frame.f_code.co_name
            frame = frame.f_back
        return None
