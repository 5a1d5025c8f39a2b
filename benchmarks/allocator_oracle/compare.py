"""Our model against the real allocator: the installed libc10_cuda.so, over the emulated GPU.

compare.py BUILD_DIR [RUNS] [EVENTS] [SEED]     (BUILD_DIR: where build.sh put its program)

Each run draws settings, a capacity and events; after each event the figures, the peaks and every
segment's blocks must be the same. Prints the first difference and exits with 1.
"""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from nincost._allocator import AllocatorConfig, CachingAllocator, OutOfMemoryError
from nincost._devices.cards import get_gpu
from nincost._emulator.launch import PREFIX, environment

M = 1 << 20
BORDERS = [0, 512, 2048, 4096, 65536, M, 2 * M, 5 * M, 10 * M, 12 * M, 20 * M, 32 * M, 40 * M]


def draw_settings(rng: random.Random) -> tuple[str, int]:
    options: dict[str, object] = {}
    large = 20
    if rng.random() < 0.4:
        options["expandable_segments"] = True
    if rng.random() < 0.2:
        large = options["large_segment_size_mb"] = rng.choice([11, 12, 32])
    if rng.random() < 0.4:
        options["max_split_size_mb"] = large + rng.choice([0, 1, 12, 30])
    if rng.random() < 0.2:
        options["max_non_split_rounding_mb"] = large + rng.choice([0, 4, 20])
    if rng.random() < 0.3:
        options["roundup_power2_divisions"] = rng.choice(
            ["1", "2", "8", "16", "[1:4,2:0,4:2,>:8]", "[>:4]", "[32:8,64:2]"]
        )
    if rng.random() < 0.4:
        options["per_process_memory_fraction"] = rng.choice([0.5, 0.75, 0.9])
    if rng.random() < 0.4:
        options["garbage_collection_threshold"] = rng.choice([0.3, 0.6, 0.9])
    text = ",".join(f"{name}:{value}" for name, value in options.items())
    capacity = rng.choice([64, 101, 160, 300, 700, 1000, 1 << 16, 1 << 16]) * M
    return text, capacity


def draw_events(rng: random.Random, count: int) -> list[tuple[str, int, int]]:
    def size() -> int:
        kind = rng.random()
        if kind < 0.4:
            return max(1, rng.choice(BORDERS) + rng.choice([-512, -1, 0, 0, 1, 512]))
        if kind < 0.7:
            return max(1, M * rng.randint(0, 70))
        return int(2 ** rng.uniform(0, 26.5))

    words = [size() for _ in range(rng.choice([3, 10, 40]))]
    streams = rng.choice([1, 1, 3])
    most = rng.choice([3, 10, 60, 200])
    events = []
    live: list[int] = []
    made = 0
    for _ in range(count):
        what = rng.random()
        if what < 0.01:
            events.append(("e", 0, 0))
        elif live and (len(live) >= most or what < 0.45):
            events.append(("f", live.pop(rng.randrange(-1, len(live))), 0))
        else:
            asked = rng.choice(words) if rng.random() < 0.8 else size()
            events.append(("m", asked, rng.randrange(streams)))
            live.append(made)
            made += 1
    return events


def answer(allocator: CachingAllocator, result: str) -> str:
    figures = [
        allocator.allocated_bytes,
        allocator.requested_bytes,
        allocator.reserved_bytes,
        allocator.peak_allocated_bytes,
        allocator.peak_requested_bytes,
        allocator.peak_reserved_bytes,
    ]
    text = " ".join([result, *map(str, figures)])
    for segment in allocator.segments():
        text += f"|{segment.address} {segment.stream} {int(segment.pool == 'small')}"
        for block in segment.blocks:
            used = block.state == "active_allocated"
            text += f" {block.size}:{block.requested}:{int(used)}"
    return text


def ask_real(
    build: Path, text: str, capacity: int, events: list[tuple[str, int, int]]
) -> list[str]:
    """The real allocator's answer after each event, in the form of `answer`."""
    return subprocess.run(
        [build / "real_allocator"],
        input="".join(f"{what} {a} {b}\n" for what, a, b in events),
        capture_output=True,
        text=True,
        check=True,
        env=environment(replace(get_gpu("h100"), memory_bytes=capacity), context=0)
        | {
            "PYTORCH_CUDA_ALLOC_CONF": text,
            f"{PREFIX}FIRST_ADDRESS": "0x7f0000000000",  # where the model begins
        },
    ).stdout.splitlines()


def main() -> int:
    build = Path(sys.argv[1])
    runs, count, seed = (
        int(sys.argv[i]) if len(sys.argv) > i else d for i, d in ((2, 40), (3, 500), (4, 0))
    )
    ooms = total = 0
    for run in range(seed, seed + runs):
        rng = random.Random(run)
        text, capacity = draw_settings(rng)
        events = draw_events(rng, count)
        real = ask_real(build, text, capacity, events)
        allocator = CachingAllocator(AllocatorConfig.parse(text), capacity)
        blocks = []
        for number, ((what, a, b), expected) in enumerate(zip(events, real, strict=True)):
            result = "ok"
            if what == "m":
                try:
                    blocks.append(allocator.malloc(a, b))
                except OutOfMemoryError:
                    result = "oom"
                    ooms += 1
                    blocks.append(allocator.malloc(0))
            elif what == "f":
                allocator.free(blocks[a])
            else:
                allocator.empty_cache()
            total += 1
            ours = answer(allocator, result)
            if ours != expected:
                print(f"run {run} ({text!r}, {capacity} B), event {number}: {what} {a} {b}")
                print("real:", expected.replace("|", "\n      "))
                print("ours:", ours.replace("|", "\n      "))
                return 1
    print(f"{runs} runs, {total} events, {ooms} out of memory: all the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
