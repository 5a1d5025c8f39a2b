"""A step of one's own takes what PyTorch's own CUDA code takes for it, and says what it is."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.emulated import answer, needs_emulator

import nincost

STEPS = Path(__file__).resolve().parent / "own_steps"

#: The file's step on the card, four times: what the allocator counted at its peak, and is left.
ON_THE_CARD = """
import importlib.util, json, sys
import torch
spec = importlib.util.spec_from_file_location("steps", sys.argv[1])
file = importlib.util.module_from_spec(spec)
spec.loader.exec_module(file)
names = json.loads(sys.argv[2])
given = {name: getattr(file, name) for name in names}
for one in given.values():
    if isinstance(one, torch.nn.Module):
        one.cuda()
inputs = {name: torch.zeros(shape, dtype=getattr(torch, dtype), device="cuda")
          for name, (shape, dtype) in json.loads(sys.argv[3]).items()}
for _ in range(4):
    file.step(**given, **inputs)
torch.cuda.synchronize()
print(json.dumps([torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved(),
                  torch.cuda.memory_allocated()]))
"""

CASES: list[tuple[str, list[str], dict[str, tuple[list[int], str]], list[str]]] = [
    (
        "adversarial", ["generator", "critic", "opt_g", "opt_c"],
        {"images": ([32, 3, 8, 8], "float32")}, ["images=3x8x8"],
    ),
    (
        "distillation", ["teacher", "student", "optimizer"],
        {"images": ([32, 3, 16, 16], "float32"), "labels": ([32], "int64")},
        ["images=3x16x16", "labels=batch:int64"],
    ),
]  # fmt: skip


@needs_emulator
@pytest.mark.parametrize(("file", "names", "inputs", "specs"), CASES, ids=lambda v: str(v)[:12])
def test_it_takes_what_cuda_takes(
    file: str, names: list[str], inputs: dict[str, Any], specs: list[str]
) -> None:
    path = str(STEPS / f"{file}.py")
    truth = answer(ON_THE_CARD, path, json.dumps(names), json.dumps(inputs))
    result = nincost.memory(f"{path}:step", input=specs, batch_size=32, gpu="h100")
    totals = result.totals
    predicted = [totals.peak_allocated_bytes, totals.peak_reserved_bytes]
    assert [*predicted, totals.phases["after_step"]] == truth


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"own_{name}", STEPS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    file = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(file)
    return file


def test_a_function_with_its_models_in_order_or_by_name_is_the_file() -> None:
    """And what was given is as it was: no gradient, no state, no weight changed."""
    file = load("adversarial")
    before = copy.deepcopy([file.generator.state_dict(), file.critic.state_dict()])
    whole = nincost.memory(f"{STEPS / 'adversarial.py'}:step", input="images=3x8x8", batch_size=4)
    listed = nincost.memory(
        step=file.step, models=[file.generator, file.critic], optimizers=[file.opt_g, file.opt_c],
        input="images=3x8x8", batch_size=4,
    )  # fmt: skip
    named = nincost.memory(
        step=lambda images, g, d, og, od: file.step(g, d, og, od, images),
        models={"g": file.generator, "d": file.critic},
        optimizers={"og": file.opt_g, "od": file.opt_c},
        input={"images": torch.zeros(4, 3, 8, 8)},
    )
    assert listed.totals == whole.totals
    assert named.totals.peak_reserved_bytes == whole.totals.peak_reserved_bytes
    assert named.totals.categories_at_peak == whole.totals.categories_at_peak
    assert any(layer.layer.startswith("critic.") for layer in listed.layers)
    assert {one.layer[0] for one in named.layers if "." in one.layer} <= {"g", "d"}
    assert not file.opt_g.state
    assert not file.opt_c.state
    assert all(p.grad is None for p in (*file.generator.parameters(), *file.critic.parameters()))
    after = [file.generator.state_dict(), file.critic.state_dict()]
    for old, new in zip(before, after, strict=True):
        assert all(torch.equal(old[name], new[name]) for name in old)


def test_the_table_says_what_each_model_holds(nincost_cli: Callable[..., Any]) -> None:
    path = f"{STEPS / 'distillation.py'}:step"
    arguments = ["--input", "images=3x16x16", "--input", "labels=batch:int64", "-b", "8"]
    done = nincost_cli("memory", path, *arguments, "--gpu", "rtx3090", columns=100)
    title = ":step on images=8x3x16x16, labels=8:int64: a step of teacher, student with AdamW"
    assert title in " ".join(done.out.split())
    assert "student" in done.out.split("Models  ")[1]
    assert "--amp" not in done.out  # which is the step's own matter
    fit = nincost_cli("fit", path, *arguments[:4], "--gpu", "1GiB", columns=100)
    assert "Largest batch" in fit.out
