"""Fixtures that many tests share: the command run in this process, and in one of its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

# Tests run beside each other, on networks so small that a second thread mostly waits for the first:
# here, and in the processes that they start.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A machine that is busy with other things draws and runs slowly, which is no failure.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_finish() -> None:
    """Spare the collector the libraries and the thousands of tests: it looks at what tests make."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Finished:
    """What a command left: its exit status and all it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture
def nincost_cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Finished]:
    """Run `nincost ARGUMENTS...` in this process: quick, since torch is imported already."""
    from nincost._cli.main import run

    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments: str, columns: int | None = None) -> Finished:
        if columns is not None:
            monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as exit_:
            run([*map(str, arguments)])
        captured = capsys.readouterr()
        return Finished(exit_.value.code or 0, captured.out, captured.err)

    return call


@pytest.fixture
def nincost_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m nincost ARGUMENTS...` in a process of its own, as a user would."""

    def call(
        *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        return subprocess.run(
            [sys.executable, "-m", "nincost", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path, **environment},
            cwd=cwd,
            timeout=300,
            check=False,
        )

    return call


@pytest.fixture(autouse=True)
def _same_process_state() -> Iterator[None]:
    """No test may leave torch's global settings changed for the next one."""
    dtype, grad = torch.get_default_dtype(), torch.is_grad_enabled()
    yield
    assert torch.get_default_dtype() is dtype
    assert torch.is_grad_enabled() is grad
