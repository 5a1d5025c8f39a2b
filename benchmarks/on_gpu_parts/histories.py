"""The allocator's whole history of a few steps: OUTPUT/histories.jsonl.gz, a step a line.

Where a peak is not what was predicted, the history says where they part: each line has the job, and
each allocation and free as `[action, address, bytes, stream]`, the driver's segments among them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from nincost._measure.device_meter import CudaMeter
from nincost._measure.measure import make_job
from nincost._measure.measured_run import run
from nincost._step.request import make_request

#: Steps of convolutions, whose reserved memory an H100 had larger than predicted; and one of none.
STEPS: list[tuple[str, int, dict[str, Any]]] = [
    ("two-1x1", 32, {}),
    ("torchvision:resnet18", 64, {"optimizer": "AdamW"}),
    ("torchvision:vgg16", 16, {}),
    ("torchvision:resnet50", 16, {}),
    ("torchvision:vit_b_16", 8, {"optimizer": "AdamW"}),
]


def history(number: int) -> None:
    """Run one step in this process, and print its history."""
    model, batch, options = STEPS[number]
    request = make_request(model, None, batch, **options)
    job = json.loads(json.dumps(make_job(request, 6, Path())))
    meter = CudaMeter()
    answer = run(job, meter)
    events = [
        [entry["action"], entry["addr"], entry["size"], entry["stream"]]
        for entry in meter.history()["device_traces"][0]
    ]
    print(json.dumps({"job": job, "measured": answer, "events": events}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--step", type=int)
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    if given.step is not None:
        history(given.step)
        return
    with gzip.open(given.output / "histories.jsonl.gz", "wt") as file:
        for number in range(1 if given.rehearse else len(STEPS)):
            command = [sys.executable, __file__, "--step", str(number)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            file.write(done.stdout)
            file.flush()


if __name__ == "__main__":
    main()
