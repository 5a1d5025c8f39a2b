"""torch.compile with Inductor and Triton, and CUDA graphs, on a card that is not there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.emulated import answer, needs_emulator

import nincost
from nincost._emulator import compiled
from nincost._files import cache_folder

pytestmark = [
    needs_emulator,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="Triton needs gcc"),
]

GRAPH = """
import json, torch
from torch import nn
model = nn.Sequential(*[nn.Linear(256, 256) for _ in range(4)]).cuda()
x = torch.randn(64, 256, device="cuda")
side = torch.cuda.Stream()
side.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(side):
    for _ in range(3):
        model(x).sum().backward()
torch.cuda.current_stream().wait_stream(side)
graph = torch.cuda.CUDAGraph()
model.zero_grad(set_to_none=True)
with torch.cuda.graph(graph):
    loss = model(x).sum()
    loss.backward()
graph.replay()
private = [s for s in torch.cuda.memory_snapshot() if tuple(s["segment_pool_id"]) != (0, 0)]
found = {"private": sum(s["allocated_size"] for s in private)}
try:
    with torch.cuda.graph(torch.cuda.CUDAGraph()):
        model(x).sum().item()
except RuntimeError as error:
    found["error"] = str(error).splitlines()[0]
torch.cuda.make_graphed_callables(nn.Linear(256, 256).cuda(), (x,))(x).sum().backward()
print(json.dumps(found))
"""


def test_a_graphs_memory_is_in_a_pool_of_its_own() -> None:
    """Gradients and the loss live there; what a card refuses while it captures is refused."""
    none = {"CUBLAS_WORKSPACE_CONFIG": ":0:0", "CUBLASLT_WORKSPACE_SIZE": "0"}
    found = answer(GRAPH, variables=none)
    gradients = 4 * (256 * 256 + 256) * 4
    assert gradients <= found["private"] <= 3 * gradients
    assert found["error"] == "CUDA error: operation not permitted when stream is capturing"


COMPILED = """
import json, torch, triton, triton.language as tl
from torch import nn
from nincost._emulator.compiled import assume_cached_choices
from nincost._emulator.values.assumption_counts import assumed
model = nn.Sequential(nn.Linear(256, 512), nn.GELU(), nn.LayerNorm(512), nn.Linear(512, 8)).cuda()
x = torch.randn(1024, 256, device="cuda")
def peak(model):
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        model(x).square().sum().backward()
        model.zero_grad()
    return torch.cuda.max_memory_allocated()
found = {"eager": peak(model), "compiled": peak(torch.compile(model))}
peak(torch.compile(model, mode="max-autotune-no-cudagraphs"))

@triton.autotune(configs=[triton.Config({"B": b}) for b in (128, 256)], key=["n"])
@triton.jit
def add(x, y, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(y + i, tl.load(x + i, mask=i < n) + 1, mask=i < n)

y = torch.empty(1000, device="cuda")
add[lambda meta: (triton.cdiv(1000, meta["B"]),)](x, y, 1000)
assume_cached_choices()
found["choices"] = {a.name: a.detail.split(" ")[-3:] for a in assumed() if a.kind == "choice"}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_compiled_code_runs_and_takes_less(tmp_path: pytest.TempPathFactory) -> None:
    """Fused, GELU and layer norm save less than in eager mode; choices are counted."""
    script = f"{tmp_path}/compiled.py"
    with open(script, "w") as file:
        file.write(COMPILED)
    found = answer(f"import runpy; runpy.run_path({script!r}, run_name='__main__')")
    assert found["compiled"] < found["eager"]
    assert found["choices"]["add"] == ["of", "2", "configurations"]
    assert "addmm" in found["choices"]


def test_a_kernel_of_inductors_is_not_timed() -> None:
    """The first configuration is taken, and nothing is searched for around it."""

    class Autotuner:
        def benchmark_all_configs(self) -> list[float]:
            return [self.bench(), self.bench()]  # type: ignore[attr-defined, no-any-return]

        def coordinate_descent_tuning(self, launcher: Any) -> Any:
            raise AssertionError(launcher)

    compiled._first_launcher(SimpleNamespace(CachingAutotuner=Autotuner))
    tuner, launcher = Autotuner(), SimpleNamespace(config=SimpleNamespace())
    first, second = tuner.benchmark_all_configs()
    assert first < second
    assert tuner.coordinate_descent_tuning(launcher) is launcher
    assert launcher.config.found_by_coordesc


SCRIPT = Path(__file__).resolve().parent / "scripts" / "compiled.py"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["default", "autotune", "graphs", "triton"])
def test_a_script_with_compiled_code(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """torch's own counters, lines of the script alone, and the choices that were assumed."""
    result = nincost.run(SCRIPT, [kind], gpu="h100", until_exit=True)
    peaks = re.findall(r"^peaks (\d+) (\d+)$", capfd.readouterr().err, re.MULTILINE)
    totals = result.totals
    assert [str(totals.peak_allocated_bytes), str(totals.peak_reserved_bytes)] == list(peaks[-1])
    assert {row.line.partition(":")[0] for row in result.lines} <= {"compiled.py", ""}
    chosen = {one.name for one in result.assumed if one.kind == "choice"}
    assert chosen == {"autotune": {"addmm", "mm"}, "triton": {"double"}}.get(kind, set())
    assert not any("CUDA runtime linked in" in note for note in result.notes)
    if kind in ("default", "autotune"):
        made = sorted(cache_folder().glob("torchinductor_*/**/*.py"))
        again = nincost.run(SCRIPT, [kind], gpu="h100", until_exit=True)
        assert sorted(cache_folder().glob("torchinductor_*/**/*.py")) == made  # nothing new
        assert {one.name for one in again.assumed if one.kind == "choice"} == chosen
