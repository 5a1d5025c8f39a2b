"""A rank's peaks alone: the same steps without an observer, when many are asked for.

`python -m nincost._emulator.described.quick JOB OUTPUT` runs a job's steps and writes torch's own
counters as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from nincost._emulator.described import step_script
from nincost._emulator.observe.groups import watch_groups
from nincost._emulator.observe.observer import Observed, process_bytes
from nincost._emulator.ranks.communicators import facts_of_nccl
from nincost.errors import NincostError


def main() -> None:
    """Answer the command line's question; what fails is part of the answer."""
    output = sys.argv[2]
    seen = Observed()
    watch_groups(torch, seen)
    answer: dict[str, Any] = {"error": "", "kind": "", "out_of_memory": False}
    try:
        step_script.main()
    except torch.OutOfMemoryError:
        answer["out_of_memory"] = True
    except NincostError as error:
        answer |= {"kind": type(error).__name__, "error": str(error)}
    except Exception as error:
        answer["out_of_memory"] = "out of memory" in str(error)
        answer["error"] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    known: Any = torch.cuda
    stats, beside = {}, 0
    if known.is_initialized():
        stats = known.memory_stats()
        beside = process_bytes(known.current_device()) - stats.get("reserved_bytes.all.current", 0)
    answer |= {
        "allocated": stats.get("allocated_bytes.all.peak", 0),
        "reserved": stats.get("reserved_bytes.all.peak", 0),
        "beside": beside,
        "observed": {"groups": seen.groups, "rank": seen.rank, "world_size": seen.world_size},
        **{name: value for name, value in facts_of_nccl().items() if name != "communicators"},
        "communicators": [
            [ranks, used, list(peers)] for ranks, used, peers in facts_of_nccl()["communicators"]
        ],
    }
    part = Path(f"{output}.part")
    part.write_text(json.dumps(answer), encoding="utf-8")
    part.rename(output)
    os._exit(0)


if __name__ == "__main__":
    main()
