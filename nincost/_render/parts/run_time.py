"""What a run says of how long a step takes: its phases, and the answer in words."""

from __future__ import annotations

from nincost import _units as units
from nincost._emulator.time_results import ScriptTime
from nincost._render.parts.times import WAITS, percent

PHASE_HEADINGS = ("Phase", "Time", "Share")
OPERATOR_HEADINGS = ("Operator", "Calls", "Time", "Share", "Waits for")


def phase_rows(found: ScriptTime) -> list[list[str]]:
    """Each phase that takes time, and the step."""
    step = found.step_seconds or 1.0
    parts = [
        ("forward", found.forward_seconds), ("backward", found.backward_seconds),
        ("optimizer", found.optimizer_seconds), ("communication", found.communication_seconds),
    ]  # fmt: skip
    rows = [*((name, seconds) for name, seconds in parts if seconds), ("step", found.step_seconds)]
    return [[name, units.duration(seconds), percent(seconds / step)] for name, seconds in rows]


def operator_rows(found: ScriptTime, top: int) -> list[list[str]]:
    """The operators that take longest, cells as `OPERATOR_HEADINGS` says."""
    return [
        [
            one.operator + ("" if one.timed else " (by its bytes)"), units.exact(one.calls),
            units.duration(one.seconds), percent(one.share), WAITS[one.bound_by],
        ]
        for one in found.operators[: max(top, 0)]
    ]  # fmt: skip


def time_words(found: ScriptTime, *, several: bool) -> list[tuple[str, str]]:
    """The answer in lines that each begin with a word."""
    step = found.step_seconds or 1.0
    low, high = map(units.duration, found.interval)
    of_rank = f" of rank {found.rank}" if several else ""
    sent = f"; it sends {units.size(found.sent_bytes)}" if found.sent_bytes else ""
    parts = ", ".join(
        f"{WAITS[name]} {percent(seconds / step)}"
        for name, seconds in sorted(found.by_bound.items(), key=lambda item: -item[1])
        if seconds
    )
    return [
        ("Step", f"{units.duration(found.step_seconds)}{of_rank} (predicted; {low} to {high}), "
         f"{units.count(round(found.flops_per_second))}FLOP/s, {percent(found.mfu)} MFU"),
        ("Waits for", parts),
        ("Host", f"launches {units.exact(found.kernels)} kernels in "
         f"{units.duration(found.host_seconds)}; the card waits for it "
         f"{units.duration(found.waiting_seconds)} a step{sent}"),
    ]  # fmt: skip
