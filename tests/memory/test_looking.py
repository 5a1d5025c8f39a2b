"""Small models of real libraries, predicted, and in PyTorch's own CUDA code with no GPU."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from no_gpu.emulated_runtime import HERE, variables
from no_gpu.looking import CASES, loss, options

from nincost._devices.cards import get_gpu
from nincost._devices.libraries.cudnn_plans import plans_on
from nincost._emulator.library import library
from nincost._memory.predict import predict
from nincost._step.request import make_request
from nincost.errors import EmulatorError


def _lacks() -> bool:
    try:
        library()
    except EmulatorError:
        return True
    return not plans_on(get_gpu("h100")).available


@pytest.mark.skipif(_lacks(), reason="no emulated GPU")
def test_each_takes_what_pytorch_takes() -> None:
    for name in ("transformers", "timm", "torchvision"):
        pytest.importorskip(name)
    predicted = {}
    for name, make in CASES.items():
        module, inputs = make()
        request = make_request(module.train(), "h100", input=inputs, loss=loss, **options(name))
        prediction = predict(request)
        assert prediction.recording.fallback is None
        predicted[name] = prediction.simulation
    steps = {name: simulation.steps for name, simulation in predicted.items()}
    done = subprocess.run(
        [sys.executable, str(HERE / "looking.py"), json.dumps(steps)], capture_output=True,
        text=True, env=variables(get_gpu("h100")), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    taken = json.loads(done.stdout.splitlines()[-1])
    assert {name: [s.peak, s.reserved] for name, s in predicted.items()} == taken
