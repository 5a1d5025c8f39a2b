"""cuDNN in a process of its own, which sees libraries that stand in for those that need a card.

With them in place cuDNN plans as it does on the card that is described (`stand_ins`). They may not
be loaded beside torch, whose own would be missing then, and they would hide a card that is here; so
another process loads them, and answers a line for each query. Where there is no compiler, no Linux,
or the process cannot be started, cuDNN is queried in this process, and knows fewer plans.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from nincost._c_libraries import compiler
from nincost._devices.libraries import cudnn_library, stand_ins
from nincost._devices.libraries.conv_descriptor import ConvDescriptor, conv_from_plain
from nincost._devices.libraries.cudnn_library import CudnnError, CudnnLibrary
from nincost._devices.libraries.cudnn_query import EnginePlan, PlanFilter, accepted_plans
from nincost._files import cache_folder
from nincost.errors import NincostError

_ROOT = Path(__file__).resolve().parents[3]
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from nincost._devices.libraries.cudnn_process import serve; serve(sys.argv[2])"
)


class PlanSource(Protocol):
    """A cuDNN that can be queried."""

    @property
    def version(self) -> int: ...

    @property
    def version_text(self) -> str: ...

    def plans(
        self, device: str, conv: ConvDescriptor, chosen: PlanFilter, most: int
    ) -> list[EnginePlan]:
        """The first plans that PyTorch would accept. Raises `CudnnError`."""
        ...


def load() -> tuple[PlanSource | None, str]:
    """The cuDNN that is installed, in another process if that can be, or None and why not."""
    library, reason = cudnn_library.load()
    if library is None:
        return None, reason
    return _started(os.getpid()) or InThisProcess(library), ""


@functools.cache
def _started(_process: int) -> CudnnProcess | None:
    """The process that answers this one; None where it cannot be started."""
    library, _ = cudnn_library.load()
    try:
        return CudnnProcess(library) if library and sys.platform == "linux" else None
    except (OSError, ValueError, NincostError):
        return None


class InThisProcess:
    """cuDNN as it plans without a driver, cuBLASLt and NVRTC that find a card."""

    def __init__(self, library: CudnnLibrary) -> None:
        self._library = library
        self.version, self.version_text = library.version, library.version_text

    def plans(
        self, device: str, conv: ConvDescriptor, chosen: PlanFilter, most: int
    ) -> list[EnginePlan]:
        return accepted_plans(self._library, device, conv, chosen, most)


class CudnnProcess:
    """cuDNN in another process, which ends with this one.

    Raises:
        EmulatorError: the stand-ins cannot be compiled.
        OSError, ValueError: the process cannot be started, or does not answer.
    """

    def __init__(self, library: CudnnLibrary) -> None:
        self.version, self.version_text = library.version, library.version_text
        folder = _stand_ins(library)
        preload = ":".join(str(folder / f"{name}.so") for name in stand_ins.SONAMES)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM, str(_ROOT), library.path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"LD_PRELOAD": preload},
            start_new_session=True,  # Ctrl-C is this process's to answer
        )  # fmt: skip
        atexit.register(self.end)
        if self._ask({}) != {"version": self.version}:
            raise ValueError("the process with cuDNN gave no version")

    def plans(
        self, device: str, conv: ConvDescriptor, chosen: PlanFilter, most: int
    ) -> list[EnginePlan]:
        try:
            answer = self._ask({
                "device": device, "conv": asdict(conv), "chosen": asdict(chosen), "most": most,
            })  # fmt: skip
        except (OSError, ValueError) as error:
            raise CudnnError(f"the process with cuDNN ended: {error}") from error
        if "error" in answer:
            raise CudnnError(answer["error"])
        return [EnginePlan(one, tuple(notes), size) for one, notes, size in answer["plans"]]

    def end(self) -> None:
        """Let the process end."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, question: dict[str, Any]) -> Any:
        pipes = self._process.stdin, self._process.stdout
        assert pipes[0] is not None
        assert pipes[1] is not None
        with self._lock:
            pipes[0].write(json.dumps(question) + "\n")
            pipes[0].flush()
            return json.loads(pipes[1].readline())


def _stand_ins(library: CudnnLibrary) -> Path:
    """The folder of the compiled stand-ins, in the user's cache under a hash of their sources."""
    known = hashlib.sha256(str(library.cuda_version).encode())
    for path in sorted(stand_ins.FOLDER.glob("*.*")):
        known.update(path.read_bytes())
    folder = cache_folder() / f"cudnn-{known.hexdigest()[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".cudnn-", dir=folder.parent) as made:
            inner = Path(made) / "made"
            inner.mkdir()
            for name in stand_ins.SONAMES:
                stand_ins.compile_stand_in(
                    name, library.cuda_version, inner / f"{name}.so", compiler()
                )
            if not folder.exists():  # another process may have been faster
                inner.rename(folder)
    return folder


def serve(path: str) -> None:
    """The other process: reads questions, a line each, until there are no more."""
    library = CudnnLibrary(path)
    for line in sys.stdin:
        asked = json.loads(line)
        answer: dict[str, Any]
        if not asked:
            answer = {"version": library.version}
        else:
            try:
                found = accepted_plans(
                    library, asked["device"], conv_from_plain(asked["conv"]),
                    PlanFilter(**asked["chosen"]), asked["most"],
                )  # fmt: skip
                answer = {"plans": [[one.engine, one.notes, one.workspace_bytes] for one in found]}
            except CudnnError as error:
                answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
