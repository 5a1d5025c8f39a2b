"""`nincost run`: what is refused before a script begins; and `nincost memory --verify`."""

import contextlib
import subprocess
from typing import Any
from unittest import mock

from support.messages import Case, PythonCase

import nincost
from nincost._emulator.verification.emulated_step import EmulatedStep

FILES = {"train.py": "print(1)\n", "train.sh": "python train.py\n"}


def case(arguments: str, *says: str) -> Case:
    return Case(arguments, list(says), files=FILES)


def run(name: str, *says: str, **options: Any) -> PythonCase:
    def call(folder: Any) -> None:
        (folder / "train.py").write_text("print(1)\n")
        nincost.run(folder / "train.py", **options)

    return PythonCase(f"run: {name}", call, list(says))


@contextlib.contextmanager
def emulated(stdout: str, stderr: str = "") -> Any:
    """As if the process with the emulated GPU had written that."""
    done = subprocess.CompletedProcess([], 1, stdout, stderr)
    module = "nincost._emulator.verification.emulated_step"
    with (
        mock.patch(f"{module}.step_environment", return_value={}),
        mock.patch(f"{module}.subprocess.run", return_value=done),
    ):
        yield


def out_of_memory() -> Any:
    step = EmulatedStep(1, 1, "CUDA out of memory", ())
    return mock.patch("nincost._emulator.verification.verify.run_emulated_step", return_value=step)


VERIFY = "memory cifar10 --gpu h100 --verify"

CASES = [
    case(f"{VERIFY} --what-if one-1x1", "--verify and --what-if are both given"),
    Case(f"{VERIFY} ", ["ended with exit status 1: no compiler"],
         around=lambda: emulated("", "no compiler")),
    Case(f"{VERIFY}  ", ["cannot run on the emulated GPU: no kernel"],
         around=lambda: emulated('{"error": "no kernel"}')),
    Case(f"{VERIFY}   ", ["ran out of memory: CUDA out of memory"], around=out_of_memory),
    Case("run torchrun --nnodes 2 --nproc-per-node 4 train.py --lr 1",
         ["would wait for other nodes", "--ranks 8 --ranks-per-node 4 train.py --lr 1"]),
    case("run --gpu 24GiB --time {tmp}/train.py", "names no card, whose speed", "rtx4090"),
    case("run --until-exit --time {tmp}/train.py", "until_exit names none", "give steps"),
    case("run", "no script is given", "nincost run --gpu h100 train.py"),
    case("run {tmp}/trian.py", "there is no script", "did you mean 'train.py'"),
    case("run {tmp}", "is a folder without __main__.py"),
    case("run {tmp}/train.sh", "is no Python script", "the .py file that it starts"),
    case("run --gpu h1000 {tmp}/train.py", "unknown GPU 'h1000'", "did you mean 'h100'"),
    case("run --gpu 5 {tmp}/train.py", "no amount of memory", "write 24GiB"),
    case("run --ranks 0 {tmp}/train.py", "ranks is 0", "1 or more"),
    case("run --ranks 8 --ranks-per-node 0 {tmp}/train.py", "ranks_per_node is 0"),
    case("run --ranks 12 {tmp}/train.py", "no whole number of nodes", "such as 4"),
    case("run --ranks 8 --rank 8 {tmp}/train.py", "rank 8 is none of 8", "0 to 7"),
    case("run --ranks 8 --rank first {tmp}/train.py", "rank is 'first'", "as in 0,7"),
    case("run --steps 0 {tmp}/train.py", "steps is 0", "1 or more"),
    case("run --timeout 0 {tmp}/train.py", "timeout is 0", "such as 600"),
    case("run --budget 0GiB {tmp}/train.py", "is nothing", "write 24GiB"),
    case("run --assume most {tmp}/train.py", "most", "half"),
    case("run --routing random {tmp}/train.py", "random", "balanced"),
    run("no card", "gpu is 3", "such as h100", gpu=3),
    run("arguments", "args is '--lr 1'", "['--lr', '1']", args="--lr 1"),
    run("a budget of nothing", "budget is 0", "such as 22GiB", budget=0),
]  # fmt: skip
