"""What a model that generates takes, token by token."""

from __future__ import annotations

from nincost._memory.device_allocations import Alloc, Free
from nincost._memory.replay import Simulation
from nincost._memory.results import Generation
from nincost._step.step_options import Step
from nincost._trace.recording import Mark


def over_tokens(simulation: Simulation, step: Step) -> Generation:
    """The peaks of the prompt and of the tokens behind it, and the cache at the end."""
    peaks: list[int] = []
    sizes: dict[int, int] = {}
    cached: set[int] = set()
    now = 0
    inside = False
    for event, size in zip(simulation.events, simulation.sizes, strict=True):
        if type(event) is Alloc:
            sizes[event.block] = size
            now += size
            if event.category == "kv_cache":
                cached.add(event.block)
            if inside:
                peaks[-1] = max(peaks[-1], now)
        elif type(event) is Free:
            now -= sizes.pop(event.block)
            cached.discard(event.block)
        elif type(event) is Mark:
            inside = event.phase in ("prefill", "decode")
            if inside:
                peaks.append(now)
    decode = max(peaks[1:], default=0)
    return Generation(
        tokens=step.generate or 0,
        cache=step.cache,
        cache_bytes=sum(sizes[block] for block in cached),
        prefill_peak_bytes=peaks[0],
        decode_peak_bytes=decode,
        decode_peak_token=peaks.index(decode, 1) + 1 if decode else 0,
    )
