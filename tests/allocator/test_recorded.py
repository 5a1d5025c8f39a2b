"""The model against answers recorded from the real allocator (torch 2.14.1, libc10_cuda.so).

oracle/record.py made them: the real code ran over a fake CUDA driver whose addresses only go up, as
the model's do. Each event's digest covers the figures, the peaks and every segment's blocks.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from nincost._allocator import AllocatorConfig, CachingAllocator, OutOfMemoryError

RUNS = [
    json.loads(line)
    for line in (Path(__file__).parent / "recorded_runs.jsonl").read_text().splitlines()
]


def answer(allocator: CachingAllocator, result: str) -> str:
    """As real_allocator.cpp prints it."""
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


@pytest.mark.parametrize("number", range(len(RUNS)))
def test_recorded_run(number: int) -> None:
    run = RUNS[number]
    allocator = CachingAllocator(AllocatorConfig.parse(run["settings"]), run["capacity"])
    blocks = []
    text = ""
    for event, digest in zip(run["events"].split(), run["digests"].split(), strict=True):
        size, _, stream = event[1:].partition("@")
        result = "ok"
        if event[0] == "m":
            try:
                blocks.append(allocator.malloc(int(size), int(stream)))
            except OutOfMemoryError:
                result = "oom"
                blocks.append(allocator.malloc(0))  # the recording frees what it failed to get
        elif event[0] == "f":
            allocator.free(blocks[int(size)])
        else:
            allocator.empty_cache()
        text = answer(allocator, result)
        assert hashlib.sha256(text.encode()).hexdigest()[:6] == digest, (event, text)
    assert text == run["last"]
