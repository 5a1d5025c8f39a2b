"""Writes recorded_runs.jsonl: what the real allocator answered, for a test that needs no build.

record.py BUILD_DIR OUT_FILE. One line a run: the settings, the capacity, the events, a short digest
of the answer after each event, and the last answer in full.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path

from compare import ask_real, draw_events, draw_settings

RUNS, EVENTS = 40, 120


def digest(answer: str) -> str:
    return hashlib.sha256(answer.encode()).hexdigest()[:6]


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w") as out:
        for run in range(RUNS):
            rng = random.Random(run)
            text, capacity = draw_settings(rng)
            events = draw_events(rng, EVENTS)
            real = ask_real(Path(sys.argv[1]), text, capacity, events)
            line = {
                "settings": text,
                "capacity": capacity,
                "events": " ".join(f"{what}{a}@{b}" for what, a, b in events),
                "digests": " ".join(map(digest, real)),
                "last": real[-1],
            }
            out.write(json.dumps(line) + "\n")
