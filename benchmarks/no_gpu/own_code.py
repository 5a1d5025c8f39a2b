"""Runs steps in PyTorch's own CUDA code with no GPU, and holds predictions against what it takes.

    python benchmarks/no_gpu/own_code.py                            # the suite of nincost validate
    python benchmarks/no_gpu/own_code.py torchvision:resnet18 --batch-size 8 --set amp=bfloat16
    python benchmarks/no_gpu/own_code.py two-1x1 --batch-size 32 --events

`runtime.c` stands in for CUDA's runtime, cuBLAS and cuDNN: kernels do nothing, all that is around
them is PyTorch's. It is built on first use, with gcc and the headers that triton brings. The
figures are no measurements of a card: they say what PyTorch asks its allocator for.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nincost.errors import NincostError
from nincost.footprint.gpus import Gpu, get_gpu
from nincost.footprint.libraries.cudnn_question import device_json
from nincost.footprint.lower import Alloc, Free
from nincost.footprint.measuring.measure import make_job
from nincost.footprint.measuring.suite import Case, suite
from nincost.footprint.player import layer_name
from nincost.footprint.predict import Prediction, predict
from nincost.footprint.recording.stream import Mark
from nincost.footprint.step.request import Request, make_request
from nincost.preserve import collection_paused

HERE = Path(__file__).resolve().parent
SOURCES = (HERE / "runtime.c", HERE / "build.sh")


def library(python: str = sys.executable) -> Path:
    """The stand-in for an interpreter's torch, built where there is none of these sources yet."""
    torch, triton = folders(python)
    known = hashlib.sha256(str(torch).encode())
    for source in SOURCES:
        known.update(source.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"nincost-no-gpu-{os.getuid()}-{known.hexdigest()[:12]}"
    found = folder / "no_gpu.so"
    if not found.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        headers = triton / "backends" / "nvidia" / "include"
        subprocess.run(["sh", SOURCES[1], torch, headers, folder], check=True)
    return found


@functools.cache
def folders(python: str) -> tuple[Path, Path]:
    """Where an interpreter's torch and triton lie, without importing them."""
    program = (
        "import importlib.util as util\n"
        "for name in 'torch', 'triton': print(*util.find_spec(name).submodule_search_locations)"
    )
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"torch and triton are not installed for {python}")
    torch, triton = done.stdout.splitlines()
    return Path(torch), Path(triton)


def variables(gpu: Gpu, python: str = sys.executable) -> dict[str, str]:
    """The environment in which an interpreter's PyTorch finds that card."""
    limits = gpu.limits
    card = (
        *gpu.capability, gpu.sm_count, gpu.memory_bytes, limits.threads_per_sm,
        limits.blocks_per_sm, limits.shared_per_block, gpu.l2_bytes,
    )  # fmt: skip
    return {
        **os.environ,
        "LD_PRELOAD": str(library(python)),
        "NO_GPU_CARD": " ".join(map(str, card)),
        "NO_GPU_NAME": gpu.title,
        "NO_GPU_JSON": device_json(gpu),
        "TORCH_DISABLE_NATIVE_JIT": "1",  # Triton would look for the driver
    }


def run(request: Request, steps: int, *, keep: Path | None = None) -> dict[str, Any]:
    """What PyTorch takes for a request's steps; `keep` gets the history, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(request, steps, Path(folder))
        environment = variables(request.card.gpu)
        if request.alloc_conf:
            environment["PYTORCH_CUDA_ALLOC_CONF"] = request.alloc_conf
        done = subprocess.run(
            [sys.executable, str(HERE / "child.py"), *([str(keep)] if keep else [])],
            input=json.dumps(job), capture_output=True, text=True, env=environment, check=False,
        )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return {"error": f"exit status {done.returncode}: {done.stderr.strip()[-600:]}"}
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


@dataclass(frozen=True, slots=True)
class Compared:
    """A case: bytes predicted and taken, or why there are none."""

    case: Case
    gpu: str
    allocated: tuple[int, int] = (0, 0)
    reserved: tuple[int, int] = (0, 0)
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"{self.case.name}: {self.problem}"
        told = []
        for name in ("allocated", "reserved"):
            mine, real = getattr(self, name)
            if mine == real:
                told.append(f"{name} {real:,}")
            else:
                told.append(
                    f"{name} {mine:,} for {real:,} ({mine - real:+,}, {mine / real - 1:+.2%})"
                )
        return f"{self.case.name}: {', '.join(told)}"


def compare(case: Case, gpu: str, events: bool = False) -> Compared:
    """Predict a case and run it."""
    try:
        with collection_paused():
            request = make_request(case.model, gpu, case.batch_size, {**case.options})
            found = predict(request)
    except NincostError as error:
        return Compared(case, gpu, problem=f"not predicted: {error}")
    with tempfile.TemporaryDirectory() as folder:
        keep = Path(folder) / "history.json" if events else None
        real = run(request, found.played.steps, keep=keep)
        if "error" in real or real["out_of_memory"]:
            return Compared(case, gpu, problem=real.get("error") or real["out_of_memory"])
        if keep:
            for line in differences(found, json.loads(keep.read_text())):
                print(line)
    played = found.played
    return Compared(
        case, gpu, (played.peak, real["peak_allocated_bytes"]),
        (played.reserved, real["peak_reserved_bytes"]),
    )  # fmt: skip


def predicted_events(found: Prediction) -> list[tuple[str, int, str]]:
    """All played steps: what was taken or given back, bytes, and by what."""
    sizes: dict[int, int] = {}
    told = []
    where: Any = Mark("model", 0)
    for event in found.played.events:
        if type(event) is Mark:
            where = event
        elif type(event) is Alloc:
            sizes[event.block] = event.bytes
            layer = layer_name(found.played.layers, event.layer, where.phase)
            words = f"{where.step} {where.phase} {layer} {event.operator} {event.category}"
            told.append(("+", event.bytes, words))
        elif type(event) is Free:
            told.append(("-", sizes[event.block], f"{where.step} {where.phase}"))
    return told


def differences(found: Prediction, history: list[Mapping[str, Any]]) -> Iterator[str]:
    """Where the events differ, as far as both go: `<` predicted only, `>` PyTorch's only."""
    mine = predicted_events(found)
    real = [
        ("+" if entry["action"] == "alloc" else "-", entry["size"], entry.get("where", ""))
        for entry in history
    ]
    shorter = min(len(mine), len(real))
    mine, real = mine[:shorter], real[:shorter]
    keys = [[event[:2] for event in one] for one in (mine, real)]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        before = " ".join(f"{what}{size:,}" for what, size in keys[0][max(0, a - 3) : a])
        yield f"@ {a} {c}, after {before} {mine[max(a - 1, 0)][2]}"
        yield from (f"< {what}{size:,}  {where}" for what, size, where in mine[a:b])
        yield from (f"> {what}{size:,}  {where}" for what, size, where in real[c:d])


def networks(first: int, count: int, gpu: str) -> int:
    """Compare random networks, and print those that differ; exit status 1 where one does."""
    different = compared = 0
    command = [sys.executable, str(HERE / "networks.py"), str(first), str(count), gpu]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=variables(get_gpu(gpu))
    ) as child:
        for line in child.stdout or ():
            if not line.startswith("{"):
                continue
            told = json.loads(line)
            compared += told["compared"]
            if told["differences"]:
                different += 1
                body = told["program"].partition("class Net(")[2]
                print(
                    "\n".join([f"network {told['case']}: {body}", *told["differences"]]), flush=True
                )
    print(f"{compared} of {count} networks compared, {different} differ")
    return int(bool(different or child.returncode))


def parse(text: str) -> tuple[str, Any]:
    """`amp=bfloat16` or `optimizer_arg={"momentum": 0.9}`."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def main() -> int:
    """Compare the cases; exit status 1 where one differs or cannot be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="*", help="the suite of validate where none is named")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=JSON")
    parser.add_argument("--gpu", default="h100")
    parser.add_argument("--networks", type=int, default=0, help="random networks in their place")
    parser.add_argument("--first", type=int, default=0, help="the first network's number")
    parser.add_argument("--events", action="store_true", help="where the events differ")
    given = parser.parse_args()
    options = dict(parse(text) for text in given.set)
    cases = [Case(name, given.batch_size, options) for name in given.models] or suite()
    get_gpu(given.gpu)
    if given.networks:
        return networks(given.first, given.networks, given.gpu)
    results = []
    for case in cases:
        results.append(compare(case, given.gpu, given.events))
        print(results[-1], flush=True)
    for name in ("allocated", "reserved"):
        pairs = [getattr(one, name) for one in results if not one.problem]
        if pairs:
            errors = [abs(mine / real - 1) for mine, real in pairs]
            exact = sum(mine == real for mine, real in pairs)
            print(
                f"{name}: {exact} of {len(pairs)} to the byte, median error "
                f"{statistics.median(errors):.3%}, worst {max(errors):.3%}"
            )
    return int(any(one.problem or one.allocated[0] != one.allocated[1] for one in results))


if __name__ == "__main__":
    sys.exit(main())
