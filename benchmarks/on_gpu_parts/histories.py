"""The allocator's whole history of steps and scripts: OUTPUT/histories/NAME.json.gz, one of each.

Where a peak is not what was predicted, the history says where they part: each allocation and free
as `[action, address, bytes, stream, line]`, the driver's segments among them; of scripts with the
innermost lines of Python that asked for it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent / "scripts"

#: Steps of convolutions, whose memory an H100 had otherwise than predicted; and one of none.
STEPS: list[tuple[str, int, dict[str, Any]]] = [
    ("two-1x1", 32, {}),
    ("one-1x1", 128, {"amp": "bfloat16"}),
    ("torchvision:resnet18", 64, {"optimizer": "AdamW"}),
    ("torchvision:resnet18", 256, {"amp": "bfloat16"}),
    ("torchvision:vgg16", 64, {}),
    ("torchvision:resnet50", 64, {}),
    ("torchvision:alexnet", 8, {}),
    ("torchvision:shufflenet_v2_x1_0", 8, {}),
    ("torchvision:googlenet", 128, {"amp": "bfloat16"}),
    ("torchvision:vit_b_16", 8, {"optimizer": "AdamW"}),
]

#: Scripts whose memory an H100 had otherwise than `nincost run` said.
LINES = (
    "sharded.py ddp", "lstm.py", "lstm.py --packed", "loops.py accelerate", "several.py gan",
    "detector.py fasterrcnn_resnet50_fpn", "language.py gpt2 plain", "experts.py", "graph.py whole",
    "compiled.py reduce-overhead", "language.py llama generate",
)  # fmt: skip

_SCRIPT = """
import atexit, json, runpy, sys
script = sys.argv[1]
sys.argv = sys.argv[1:]
import torch
torch.cuda.memory._record_memory_history(max_entries=1_000_000, stacks="python")
def save():
    torch.cuda.synchronize()
    def line(frames):
        return " < ".join(f"{f['filename'].rpartition('/')[2]}:{f['line']}" for f in frames[:4])
    events = [[e["action"], e.get("addr", 0), e["size"], e["stream"], line(e.get("frames", ()))]
              for e in torch.cuda.memory._snapshot()["device_traces"][0]]
    sys.__stdout__.write("\\n" + json.dumps({"events": events}) + "\\n")
atexit.register(save)
sys.path.insert(0, script.rpartition("/")[0])
runpy.run_path(script, run_name="__main__")
"""


def history(number: int) -> None:
    """Run one step in this process, and print its history."""
    from nincost._measure.device_meter import CudaMeter
    from nincost._measure.measure import make_job
    from nincost._measure.measured_run import run
    from nincost._step.request import make_request

    model, batch, options = STEPS[number]
    request = make_request(model, None, batch, **options)
    job = json.loads(json.dumps(make_job(request, 6, Path())))
    meter = CudaMeter()
    answer = run(job, meter)
    events = [
        [entry["action"], entry["addr"], entry["size"], entry["stream"], ""]
        for entry in meter.history()["device_traces"][0]
    ]
    print(json.dumps({"job": job, "measured": answer, "events": events}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--step", type=int)
    parser.add_argument("--at-once", type=int, default=5)
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    if given.step is not None:
        history(given.step)
        return
    folder = given.output / "histories"
    folder.mkdir(exist_ok=True)
    jobs = {
        f"{model.rpartition(':')[2]} {batch} {options.get('amp', '')}".strip():
        [sys.executable, __file__, "--step", str(number)]
        for number, (model, batch, options) in enumerate(STEPS)
    } | {
        line: [sys.executable, "-c", _SCRIPT, str(SCRIPTS / name), *arguments]
        for line in LINES
        for name, *arguments in [line.split()]
    }  # fmt: skip
    names = list(jobs)[:1] if given.rehearse else list(jobs)

    def one(name: str) -> None:
        done = subprocess.run(jobs[name], capture_output=True, text=True, check=False)
        found = [line for line in done.stdout.splitlines() if line.startswith('{"')]
        text = found[-1] if found else json.dumps({"error": done.stderr[-2000:]})
        path = folder / f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.json.gz"
        path.write_bytes(gzip.compress(text.encode()))
        print(name, len(text), flush=True)

    with ThreadPoolExecutor(given.at_once) as pool:
        list(pool.map(one, names))


if __name__ == "__main__":
    main()
