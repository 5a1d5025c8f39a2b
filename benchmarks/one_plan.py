"""Which one of cuDNN's plans, were it taken, would bring a published row to what was measured?

    python benchmarks/one_plan.py mnasnet1_0 SGD 700

All convolutions are given no workspace but one, which is given that of each of its plans in turn;
those that bring the peak of reserved memory into what the measurement allows are printed. What is
found explains a measurement, and proves nothing: no rule is made of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace

from published_memory import MIB, Row, read_rows, recorded

from nincost._devices.cards import get_gpu
from nincost._devices.libraries.conv_descriptor import ConvDescriptor
from nincost._devices.libraries.cudnn_plans import ConvPlans, ConvWorkspace, EnginePlan, plans_on
from nincost._devices.target import Target
from nincost._memory.device_allocations import device_allocations
from nincost._memory.replay import simulate

#: Plans whose workspaces are this near each other are tried once.
ALIKE = 1.03

TARGET = Target(gpu=get_gpu("rtx3060"))


def peaks(row: Row) -> tuple[Callable[[dict[ConvDescriptor, int]], int], list[ConvDescriptor]]:
    """Bytes reserved, as a function of workspaces, and the problems that ask for one."""
    recording = recorded(row.name, row.optimizer, row.batch, TARGET)
    given: dict[ConvDescriptor, int] = {}
    asked: dict[ConvDescriptor, None] = {}

    def answer(_: ConvPlans, problem: ConvDescriptor, **_settings: bool) -> ConvWorkspace:
        asked.setdefault(problem)
        size = given.get(problem, 0)
        return ConvWorkspace(size, size, size, "given")

    ConvPlans.workspace = answer  # type: ignore[assignment,method-assign]

    def reserved(sizes: dict[ConvDescriptor, int]) -> int:
        given.clear()
        given.update(sizes)
        return simulate(
            device_allocations(recording, replace(TARGET, workspace="model")), repeat=False
        ).reserved

    reserved({})
    return reserved, list(asked)


def distinct(problem: ConvDescriptor) -> Iterator[EnginePlan]:
    """A problem's plans with a workspace, by size, without those alike."""
    last = 0
    for plan in sorted(plans_on(TARGET.gpu).plans(problem), key=lambda one: one.workspace_bytes):
        if plan.workspace_bytes > ALIKE * last:
            last = plan.workspace_bytes
            yield plan


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("optimizer")
    parser.add_argument("batch", type=int)
    given = parser.parse_args()
    wanted = (given.model, given.optimizer, given.batch)
    row = next(row for row in read_rows() if (row.name, row.optimizer, row.batch) == wanted)
    reserved, problems = peaks(row)
    low, high = row.measured, row.measured + row.model_bytes
    print(
        f"without workspaces {reserved({}) / MIB:.0f}, measured {low / MIB:.0f} to {high / MIB:.0f}"
    )
    for problem in problems:
        for plan in distinct(problem):
            found = reserved({problem: plan.workspace_bytes})
            if low <= found <= high:
                print(
                    f"{found / MIB:.0f}: {problem.kind} {problem.input[1:]} -> "
                    f"{problem.output[1:]}, weight {problem.weight}, engine {plan.engine}, "
                    f"{plan.workspace_bytes / MIB:.0f} MiB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
