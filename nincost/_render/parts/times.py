"""What a step waits for, in words, and shares of it."""

from __future__ import annotations

#: What a kernel or a layer waits for.
WAITS = {
    "compute": "arithmetic",
    "memory": "memory",
    "host": "the host",
    "communication": "communication",
}


def percent(share: float) -> str:
    """`0.1234` as `12.3%`."""
    return f"{100 * share:.1f}%"
