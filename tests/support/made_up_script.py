"""A script's recording, built as the script would have made it: marks, allocations, names."""

from __future__ import annotations

from typing import Any

from nincost._devices.cards import get_gpu
from nincost._emulator.results import Run
from nincost._emulator.run import Collected
from nincost._emulator.run_options import Script
from nincost._emulator.supervise import Finished

MIB = 2**20
SETTINGS: dict[str, Any] = {
    "steps": 1, "calls": None, "ranks": 1, "budget_bytes": None, "until_exit": False,
}  # fmt: skip


class MadeUpScript:
    """Builds a history of blocks of 2 MiB, one microsecond after the other."""

    def __init__(self) -> None:
        self.now = 0
        self.events: list[dict[str, Any]] = [
            {"action": "segment_alloc", "addr": 0, "size": 1 << 30, "time_us": 0}
        ]
        self.marks: list[tuple[int, str, int, int, int, int]] = []
        self.named: list[tuple[int, int, str, int]] = []
        self.next = 0

    def mark(self, phase: str, step: int, layer: int = -1, line: int = -1) -> None:
        self.now += 10
        self.marks.append((self.now * 1000, phase, step, step, layer, line))

    def allocate(self, *frames: tuple[str, int], thread: bool = False) -> int:
        """The address of a block; `thread`: another thread than the script's takes it."""
        address, self.next = self.next, self.next + 2 * MIB
        found = [{"filename": name, "line": line, "name": "f"} for name, line in frames]
        self._event("alloc", address, frames=found, thread=thread)
        return address

    def free(self, address: int) -> None:
        self._event("free_requested", address)
        self._event("free_completed", address)

    def name(self, category: str, address: int, layer: int = -1) -> None:
        self.now += 10
        self.named.append((self.now * 1000, address, category, layer))

    def _event(self, action: str, address: int, thread: bool = False, **more: Any) -> None:
        self.now += 10
        number = "" if thread or not self.marks else str(len(self.marks))
        self.events.append(
            {"action": action, "addr": address, "size": 2 * MIB, "time_us": self.now,
             "user_metadata": number, **more}
        )  # fmt: skip

    @property
    def observed(self) -> dict[str, Any]:
        """What `observer.Observed` would hold."""
        return {
            "marks": self.marks, "named": self.named, "layers": ["Net\0", "Net\0fc"],
            "lines": [("/home/me/train.py", 9, "<module>")], "optimizers": ["AdamW"],
            "notes": ["something *odd*"], "steps": 1, "calls": 1, "phase": "end",
            "world_size": 1, "groups": [], "peers": set(),
        }  # fmt: skip


def training_step() -> MadeUpScript:
    """Placing a model of one block, a step, and the next batch."""
    script = MadeUpScript()
    weight = script.allocate()
    first = script.allocate(("/home/me/train.py", 5))  # x = x.cuda()
    script.mark("forward", 1, 0)
    script.name("parameters", weight, 1)
    scratch = script.allocate()
    saved = script.allocate()
    script.free(scratch)
    script.mark("loss", 1)
    script.mark("backward", 1, line=0)
    gradient = script.allocate(thread=True)
    passing = script.allocate(thread=True)
    script.free(saved)
    script.free(passing)
    script.mark("step", 1)
    script.name("gradients", gradient, 1)
    state = script.allocate()
    script.name("optimizer_state", state, 1)
    script.mark("end", 1)
    script.free(first)
    second = script.allocate(("/home/me/train.py", 5))
    script.mark("forward", 2)
    script.free(second)
    return script


def made_up_run() -> Run:
    """The result of that script, without an emulated GPU."""
    script = training_step()
    recording = {
        "ended": {"how": "steps", "seconds": 1.0}, "observed": script.observed,
        "torch": {"torch": "2.14", "cuda": "13.0", "cudnn": None},
        "snapshot": {"device_traces": [script.events], "allocator_settings": {}, "segments": []},
        "devices": [{"reserved": 1 << 30, "reserved_peak": 1 << 30, "process": 0}],
        "not_emulated": ["cudaSomething"], "environment": {}, "packages": (),
        "own_runtimes": (),
        "not_initialized": (3, 1 << 30),
        "assumed": [
            {"kind": "size", "name": "nonzero", "detail": "8 of 8 elements", "count": 2,
             "line": ("/home/me/train.py", 9, "<module>"), "via": None, "varies": True},
            {"kind": "value", "name": "copy to the host", "detail": "4 bytes read as zeros",
             "line": ("/home/me/train.py", 9, "<module>"), "via": None, "varies": False,
             "count": 7},
            {"kind": "choice", "name": "mm", "detail": "triton_mm_1, the first of 13", "line": None,
             "via": None, "varies": False, "count": 1},
        ],
    }  # fmt: skip
    what = Script("train<1>.py", False, ("--lr", "1"))
    collected = Collected(what, get_gpu("h100"), SETTINGS)
    collected.add(0, Finished(recording, 0, "end", False))
    return collected.result()
