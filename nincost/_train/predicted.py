"""What nincost predicts of the step that is trained, MACs and memory, beside what was measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

import nincost._profile  # noqa: F401 - registers the formulas
from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._memory.memory import memory
from nincost._memory.record import record
from nincost._models.build import Model
from nincost._profile.registry import op_cost
from nincost._step.step_options import Step
from nincost._time.time import time
from nincost._trace.recording import Mark, Ran
from nincost._train.loop import TrainingRun
from nincost._train.results import Speed, StepMemory
from nincost._train.settings import TrainSettings
from nincost.errors import InputError, NincostError, one_line

#: Parts of the names of operators that multiply and add, but may lack a formula for backward.
_CONTRACTIONS = ("conv", "attention", "rnn", "lstm", "gru", "mm", "linear", "bilinear", "cdist")


@dataclass(frozen=True, slots=True)
class StepMacs:
    """Multiply-accumulates of one example in a training step; operators without a formula."""

    forward: int
    backward: int
    uncounted: tuple[str, ...]


def step_macs(model: Model, spec: str) -> StepMacs:
    """Count a recorded step, operator by operator, backward as autograd runs it.

    Args:
        model: as `resolve` returns it.
        spec: its input without the batch, such as `1x224x224`.

    Raises:
        NincostError: the step cannot be recorded.
    """
    recording = record(Step(model, input=spec, batch_size=2, steps=1), Target(device="cpu"))
    found = {"forward": 0, "backward": 0}
    uncounted: set[str] = set()
    phase = "model"
    for entry in recording.entries:
        if type(entry) is Mark:
            phase = entry.phase
        elif type(entry) is Ran and phase in found:
            cost = op_cost(entry.signature)
            found[phase] += cost.macs
            name = entry.signature.name
            if not cost.counted and any(part in name for part in _CONTRACTIONS):
                uncounted.add(name)
    return StepMacs(found["forward"] // 2, found["backward"] // 2, tuple(sorted(uncounted)))


def speed(model: Model, run: TrainingRun) -> tuple[Speed, list[str]]:
    """How fast the epochs were, beside the device's peak; and notes on what is not known."""
    settings, processes = run.settings, run.ranks.world_size
    notes = []
    macs: StepMacs | None = None
    try:
        macs = step_macs(model, image_spec(settings))
    except NincostError as error:
        notes.append(f"the step's MACs could not be counted: {one_line(error)}")
    if macs and macs.uncounted:
        notes.append(f"the FLOP/s lack operators without a formula: {', '.join(macs.uncounted)}")
    rate = median(row.examples_per_second for row in run.epochs)
    seconds = sum(row.seconds for row in run.epochs)
    flops = 2 * (macs.forward + macs.backward) * rate if macs else None
    kind, peak = _peak(run.device, settings.amp, tf32=run.torch_settings.tf32)
    whole = peak * processes if peak else None
    return Speed(
        device=device_name(run.device, processes),
        examples_per_second=rate,
        loading_share=sum(row.loading_seconds for row in run.epochs) / seconds if seconds else 0.0,
        forward_macs=macs.forward if macs else None,
        backward_macs=macs.backward if macs else None,
        uncounted=macs.uncounted if macs else (),
        flops_per_second=flops,
        peak_flops=whole,
        peak_kind=kind,
        peak_share=flops / whole if flops and whole else None,
    ), notes


def predicted_rate(
    given: Any, arg: Mapping[str, Any] | None, run: TrainingRun
) -> tuple[float | None, list[str]]:
    """Examples a second that `nincost.time` predicts of one GPU's steps, without data loading.

    None on a CPU, on several processes, of compiled code, and of a card that nincost does not know.
    """
    settings = run.settings
    if run.device.type != "cuda" or settings.compile or run.ranks.world_size > 1:
        return None, []
    try:
        return time(
            given, arg=arg, input=image_spec(settings), batch_size=settings.batch_size,
            gpu=torch.cuda.get_device_name(run.device), optimizer=settings.optimizer,
            optimizer_arg={"lr": settings.lr, **settings.optimizer_arg}, amp=settings.amp,
            zero_grad_before_forward=True, deterministic=settings.deterministic,
            tf32=run.torch_settings.tf32, cudnn_benchmark=run.torch_settings.cudnn_benchmark,
        ).totals.examples_per_second, []  # fmt: skip
    except NincostError as error:
        return None, [f"the step's time could not be predicted: {one_line(error)}"]


def image_spec(settings: TrainSettings) -> str:
    """The model's input as a spec, `1x224x224`."""
    return f"{settings.channels}x{settings.resize}x{settings.resize}"


def _peak(device: torch.device, amp: str | None, *, tf32: bool) -> tuple[str | None, float | None]:
    """Which peak of the device the training is compared with, and its FLOP/s where known.

    Without autocast, convolutions use TF32 where the card has it and torch's setting `tf32` is on.
    """
    if device.type != "cuda":
        return None, None
    try:
        gpu = get_gpu(torch.cuda.get_device_name(device))
    except InputError:
        return None, None
    peaks = {"float16": ("fp16", gpu.fp16_flops), "bfloat16": ("bf16", gpu.bf16_flops)}
    if amp in peaks:
        kind, peak = peaks[amp]
    elif gpu.tf32_flops and tf32:
        kind, peak = "tf32", gpu.tf32_flops
    else:
        kind, peak = "fp32", gpu.fp32_flops
    return kind, peak or None


def device_name(device: torch.device, processes: int) -> str:
    """`NVIDIA A100-SXM4-40GB`, or the CPU's name with its threads; `2 x ` in front for two."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    elif device.type == "cpu":
        threads = torch.get_num_threads()
        name = f"{_cpu_name()} CPU, {threads} thread{'s' if threads > 1 else ''}"
    else:
        name = device.type
    return name if processes == 1 else f"{processes} x {name}"


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def step_memory(
    given: Any, arg: Mapping[str, Any] | None, run: TrainingRun
) -> tuple[StepMemory, list[str]]:
    """The predicted memory of one process's step, beside the measured one; and notes.

    Args:
        given, arg: the model as `train` was called with it.
        run: the training; of its processes' shards of a batch, the largest is predicted, with
            torch's settings as the training had them.
    """
    settings = run.settings
    empty = StepMemory(
        gpu="",
        predicted_bytes=None,
        measured_bytes=run.peak_bytes - run.before_bytes if run.peak_bytes is not None else None,
        before_bytes=run.before_bytes if run.peak_bytes is not None else None,
    )
    if settings.compile:
        return empty, ["memory is not predicted for a compiled model"]
    try:
        found = memory(
            given, arg=arg, input=image_spec(settings),
            batch_size=-(-settings.batch_size // run.ranks.world_size),
            optimizer=settings.optimizer,
            optimizer_arg={"lr": settings.lr, **settings.optimizer_arg},
            amp=settings.amp, zero_grad_before_forward=True, measure=False,
            deterministic=settings.deterministic, tf32=run.torch_settings.tf32,
            cudnn_benchmark=run.torch_settings.cudnn_benchmark,
        )  # fmt: skip
    except NincostError as error:
        return empty, [f"the step's memory could not be predicted: {one_line(error)}"]
    return replace(empty, gpu=found.gpu, predicted_bytes=found.totals.peak_allocated_bytes), []
