"""What has been observed of a script, and the one file that it is written to."""

from __future__ import annotations

import copy
import ctypes
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from nincost._emulator.compiled import assume_cached_choices
from nincost._emulator.observe.own_runtime import libraries_with_own_runtime
from nincost._emulator.observe.user_code import UserCode
from nincost._emulator.ranks import communicators
from nincost._emulator.values import assumption_counts, initialization

#: How a script is ended that has done its steps.
_STEPS = ("steps", "calls", "repeated")


@dataclass(frozen=True, slots=True)
class Orders:
    """When to end the script, and where to write what was observed.

    Attributes:
        output: the file to write.
        steps: optimizer steps after which the script is ended; None: it ends by itself.
        calls: the same of calls of the outermost module, for scripts without an optimizer.
        until_repeated: end it, too, when a whole step has set no new peak.
        timeout: seconds after which it is ended wherever it is.
        progress: a file descriptor that gets a line of JSON a few times a second; its path in a
            process that the script starts.
        time: the card whose kernels are recorded in one step more, after those; empty: none.
        control: one that is read: a byte asks for an early end, and its closing says that the
            process that started this one is gone.
    """

    output: str
    steps: int | None = 3
    calls: int | None = None
    until_repeated: bool = False
    timeout: float | None = None
    progress: int | str | None = None
    time: str = ""
    control: int | None = None


@dataclass(slots=True)
class Observed:
    """What has been observed so far; all of it is written, and read by `analysis.py`.

    Attributes:
        marks: `(time in ns, phase, step, call, layer, line)` for each beginning of a phase or of a
            layer; the n-th mark's number is in the history's `user_metadata`, from 1.
        named: `(time in ns, address, category, layer)` of tensors when they were seen.
        layers: what a `layer` is an index into; -1 is none.
        lines: `(file, line, function)`, what a `line` is an index into; -1 is none.
        rank, world_size: by torch.distributed; groups: the ranks of each process group that this
            one is in, the world first; peers: ranks that it sent to or received from.
        shards: `(stride, ranks, length)` of what is cut over ranks: see `note_shards`.
    """

    marks: list[tuple[int, str, int, int, int, int]] = field(default_factory=list)
    named: list[tuple[int, int, str, int]] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    lines: list[tuple[str, int, str]] = field(default_factory=list)
    optimizers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    steps: int = 0
    calls: int = 0
    phase: str = "model"
    rank: int = 0
    world_size: int = 1
    groups: list[list[int]] = field(default_factory=list)
    peers: set[int] = field(default_factory=set)
    shards: set[tuple[int, int, int]] = field(default_factory=set)

    def to_dict(self) -> dict[str, Any]:
        """Its own values, not copies of them."""
        return {name: getattr(self, name) for name in Observed.__slots__}


class Observer:
    """The one observer of this process: its orders, and what it has observed."""

    def __init__(self, orders: Orders, user_code: UserCode, *, is_spawned: bool = False) -> None:
        self.orders = orders
        #: Whether a script started this process: it writes once it has claimed to be the rank.
        self.is_spawned = is_spawned
        self.is_claimed = False
        self.user_code = user_code
        self.seen = Observed()
        self.began = time.monotonic()
        self.process = os.getpid()
        self.ended: dict[str, Any] | None = None
        #: Called before anything is written where no step was finished: names what is alive.
        self.name_everything: Callable[[], None] = lambda: None
        #: Called when the steps are over where one more is recorded, and when that is over.
        self.record_launches: Callable[[], None] = lambda: None
        self.launches: Callable[[], dict[str, Any]] = dict
        self._kept: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @property
    def is_here(self) -> bool:
        """Whether this is the script's own process: a worker that it forked observes nothing."""
        return os.getpid() == self.process

    def claim(self) -> bool:
        """Be the process that writes what was observed; False where that is another one.

        A process that was forked goes on with the observer that it has from the script's.
        """
        if self.is_claimed and self.is_here:
            return False
        try:  # whole or absent, and there once
            os.symlink(str(os.getpid()), self._claimed)
        except OSError:
            return False
        self.is_spawned |= not self.is_here
        self.process, self.is_claimed = os.getpid(), True
        return True

    def claimant(self) -> int | None:
        """The process that has claimed to be the rank."""
        try:
            return int(os.readlink(self._claimed))
        except OSError:
            return None

    @property
    def _claimed(self) -> str:
        return f"{self.orders.output}.claimed"

    @property
    def writes(self) -> bool:
        """Whether this process is the one whose observations count."""
        if not self.is_here:
            return False
        return self.is_claimed or not (self.is_spawned or os.path.islink(self._claimed))

    def note(self, text: str) -> None:
        if text not in self.seen.notes:
            self.seen.notes.append(text)

    def write(self, how: str, **details: Any) -> bool:
        """Write what was observed, once: `how` is why the script ends. False where it is written.

        Args:
            how: `steps`, `calls`, `repeated`, `exit`, `exception`, `interrupt`, `timeout`.
            details: what is known of it, such as an exception's type and text.
        """
        with self._lock:
            if self.ended is not None or not self.writes:
                return False
            if self._kept is None:
                self.ended = {"how": how, "seconds": time.monotonic() - self.began, **details}
            else:  # what came after is in no figure but those of time
                self.ended = self._kept["ended"]
        if not self.seen.steps:
            try:
                self.name_everything()
            except Exception as error:  # a tensor subclass of the script's own
                self.note(f"what is held could not be named: {type(error).__name__}: {error}")
        assume_cached_choices()
        content = self._content() if self._kept is None else self._kept
        if self._kept is not None and how in _STEPS:
            content["launches"] = self.launches()
        part = f"{self.orders.output}.part"
        with open(part, "wb") as file:
            pickle.dump(content, file, protocol=pickle.HIGHEST_PROTOCOL)
        os.replace(part, self.orders.output)
        return True

    @property
    def records_time(self) -> bool:
        """Whether the steps are over, and one more is recorded for its time."""
        return self._kept is not None

    def goes_on(self, how: str) -> bool:
        """Whether one step more is recorded before the script ends: what was observed is kept."""
        if not self.orders.time or self._kept is not None or not self.writes:
            return False
        self.ended = {"how": how, "seconds": time.monotonic() - self.began}
        self._kept = self._content() | {"observed": copy.deepcopy(self.seen.to_dict())}
        self.ended = None
        self.record_launches()
        return True

    def _content(self) -> dict[str, Any]:
        return {
            "ended": self.ended,
            "observed": self.seen.to_dict(),
            "packages": self.user_code.packages,
            "not_emulated": _not_emulated(),
            "assumed": [asdict(one) for one in assumption_counts.assumed()],
            "not_initialized": initialization.skipped(),
            "own_runtimes": libraries_with_own_runtime(),
            **communicators.facts_of_nccl(),
            **_device_state(),
        }


def _device_state() -> dict[str, Any]:
    """The allocator's history and torch's own counters, as far as there are any."""
    torch = sys.modules.get("torch")
    state: dict[str, Any] = {"torch": None, "snapshot": None, "devices": []}
    if torch is None or not hasattr(torch, "cuda"):
        return state
    state["torch"] = {
        "torch": str(torch.__version__), "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if torch.version.cuda else None,
    }  # fmt: skip
    if not torch.cuda.is_initialized():
        return state
    from nincost._torch.observation import memory_snapshot  # which imports torch

    state["snapshot"] = memory_snapshot()
    for number in range(torch.cuda.device_count()):
        stats = torch.cuda.memory_stats(number)
        free, total = torch.cuda.mem_get_info(number)
        state["devices"].append(
            {
                "name": torch.cuda.get_device_name(number),
                "allocated": stats.get("allocated_bytes.all.current", 0),
                "allocated_peak": stats.get("allocated_bytes.all.peak", 0),
                "reserved": stats.get("reserved_bytes.all.current", 0),
                "reserved_peak": stats.get("reserved_bytes.all.peak", 0),
                "retries": stats.get("num_alloc_retries", 0),
                "process": process_bytes(number),
                "free": free,
                "total": total,
            }
        )
    return state


def process_bytes(device: int) -> int:
    """What nvidia-smi would show for this process, its context included."""
    try:
        known = ctypes.CDLL(None).nincost_emulated_process_bytes
    except (OSError, AttributeError):  # a real card, or an older runtime
        return 0
    known.restype = ctypes.c_ulonglong
    return int(known(device))


def _not_emulated() -> list[str]:
    """Functions of CUDA's libraries that were called and are not emulated."""
    try:
        note = ctypes.CDLL(None).nincost_emulated_note
    except (OSError, AttributeError):
        return []
    note.restype = ctypes.c_ulonglong
    kind, name = ctypes.c_char_p(), ctypes.c_char_p()
    found = []
    number = 0
    while count := note(number, ctypes.byref(kind), ctypes.byref(name)):
        number += 1
        if kind.value == b"function":  # of others only the address was asked for
            words = (name.value or b"").decode()
            found.append(f"{words} ({count} times)" if count > 1 else words)
    return found
