"""The fresh process that runs real steps: reads a job from stdin, prints one line of JSON.

Not imported by the rest of nincost. The steps are those of `record`, in the same order; what is
asked of the device goes through a `DeviceMeter`, so that the same code runs in tests without a GPU.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nincost._allocator import AllocatorConfig
from nincost._measure.device_meter import CudaMeter, DeviceMeter, shortfall
from nincost._measure.measured_parts import parts_at_peak
from nincost._models.build import Model
from nincost._models.copies import copy_structure
from nincost._models.inputs import make_input, tensors_in
from nincost._models.sources import resolve
from nincost._step.activation_checkpointing import checkpoint_blocks
from nincost._step.loss import make_target, output_tensor, take_loss
from nincost._trace.recording import CATEGORIES
from nincost._trace.run import float_dtype


def run(job: Mapping[str, Any], gauge: DeviceMeter) -> dict[str, Any]:
    """Run the job's steps; an out-of-memory error is part of the answer."""
    steps = _Steps(job, gauge)
    failure = ""
    try:
        steps.run()
    except torch.OutOfMemoryError as error:
        failure = str(error)
    steps.note_peak()
    return steps.answer(failure)


class _Steps:
    """Real steps while they run, and what was measured so far."""

    def __init__(self, job: Mapping[str, Any], gauge: DeviceMeter) -> None:
        self.job = job
        self.gauge = gauge
        self.phase = "model"
        self.after: dict[str, int | None] = {}
        self.peak = self.reserved = self.requested = 0
        self.peak_phase = "model"
        self.done = 0
        self.parts: dict[str, int | None] = dict.fromkeys(CATEGORIES)
        self.replayed: int | None = None
        self._began = 0
        self._before: dict[int, str] = {}
        self.loss: Any = job["loss"]
        if "loss_file" in job:
            self.loss = torch.load(job["loss_file"], weights_only=False)  # nosec B614

    def run(self) -> None:
        job, device = self.job, self.gauge.device
        module, meta = self._model()
        module.train(not job["inference"])
        torch.backends.cudnn.benchmark = job["cudnn_benchmark"]
        self.gauge.record()
        module.to(device)
        self.after["after_model"] = self.gauge.allocated()
        self._begin("input")
        inputs = _real_inputs(meta, job, device)
        self.args, self.kwargs = inputs
        self.labels = self._labels(module, meta)
        self.module = module
        if job["inference"]:
            self._infer()
        else:
            self._train()

    def _model(self) -> tuple[nn.Module, Any]:
        """The module with real weights on the CPU, and its input on meta."""
        job = self.job
        if "model_file" in job:
            given = torch.load(job["model_file"], weights_only=False, map_location="cpu")  # nosec B614
            found = Model(type(given).__name__, given)
        else:
            found = resolve(job["model"], job["arg"])
        source = job.get("input")
        if "input_file" in job:
            source = torch.load(job["input_file"], weights_only=False, map_location="cpu")  # nosec B614
        meta = make_input(
            source if source is not None else found.default_input,
            job["batch_size"],
            float_dtype(found.module),
        )
        module = found.rebuild() if found.rebuild else found.module
        if job["dtype"]:
            module.to(getattr(torch, job["dtype"]))
        if job["channels_last"]:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return module, meta

    def _labels(self, module: nn.Module, meta: Any) -> Tensor | None:
        """The target, on the device; its shape by a forward run on meta."""
        if callable(self.loss) or self.job["inference"]:
            return None
        copy = copy_structure(module)
        dtype = self.job["dtype"]

        def convert(value: Any) -> Any:
            return value.to(getattr(torch, dtype)) if dtype and value.is_floating_point() else value

        args, kwargs = _map((meta.args, meta.kwargs), convert)
        with torch.no_grad():
            target = make_target(self.loss, output_tensor(copy(*args, **kwargs)))
        if target is None:
            return None
        return torch.zeros(target.shape, dtype=target.dtype).to(self.gauge.device)

    def _begin(self, phase: str) -> None:
        self.note_peak()
        self.phase = phase

    def note_peak(self) -> None:
        """What the phase that ends has reached."""
        allocated, reserved, requested = self.gauge.peaks()
        if allocated > self.peak:
            self.peak, self.peak_phase = allocated, self.phase
        self.reserved = max(self.reserved, reserved)
        self.requested = max(self.requested, requested)

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        amp = self.job["amp"]
        if not amp:
            return contextlib.nullcontext()
        return torch.autocast(self.gauge.device.type, dtype=getattr(torch, amp))

    def _infer(self) -> None:
        with torch.no_grad():
            for number in range(self.job["steps"]):
                last = number == self.job["steps"] - 1
                if last:
                    self._began = self._entries()
                self._begin("forward")
                with self._precision():
                    output = self.module(*self.args, **self.kwargs)
                self.after["after_forward"] = self.gauge.allocated()
                if last:
                    self._note_parts(None, [])
                del output
                self._begin("end")
                self.done += 1

    def _train(self) -> None:
        job = self.job
        if job["activation_checkpointing"] != "none":
            checkpoint_blocks(self.module)
        trained = [p for p in self.module.parameters() if p.requires_grad]
        optimizer = _optimizer(job, trained)
        scaler = torch.amp.GradScaler(self.gauge.device.type, enabled=job["grad_scaler"])
        for number in range(job["steps"]):
            last = number == job["steps"] - 1
            if last:
                self._began = self._entries()
                self._before = _addresses("gradients", self._gradients())
            for part in range(job["grad_accumulation"]):
                if part == 0 and job["zero_grad_before_forward"]:
                    self._zero_grad(optimizer)
                with self._precision():
                    self._begin("forward")
                    output = self.module(*self.args, **self.kwargs)
                    self._begin("loss")
                    loss = take_loss(self.loss, output, self.labels)
                self.after["after_forward"] = self.gauge.allocated()
                forward = self._entries() if last else None
                if part == 0 and not job["zero_grad_before_forward"]:
                    self._zero_grad(optimizer)
                loss = scaler.scale(loss)
                self._begin("backward")
                loss.backward()  # type: ignore[no-untyped-call]
                self.after["after_backward"] = self.gauge.allocated()
            self._begin("step")
            if job["clip_grad_norm"] is not None:
                scaler.unscale_(optimizer)
                torch.nn.utils.clip_grad_norm_(trained, job["clip_grad_norm"])
            scaler.step(optimizer)
            scaler.update()
            self.after["after_step"] = self.gauge.allocated()
            self._begin("end")
            if last:
                self._note_parts(forward, tensors_in(list(optimizer.state.values())))
            del output, loss
            self.done += 1

    def _zero_grad(self, optimizer: Any) -> None:
        self._begin("zero_grad")
        optimizer.zero_grad(set_to_none=self.job["grad_set_to_none"])

    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.module.parameters() if p.grad is not None]

    def _entries(self) -> int:
        """How long the allocator's history is by now."""
        return len(self.gauge.history()["device_traces"][0])

    def _note_parts(self, forward_ended: int | None, state: list[Tensor]) -> None:
        known: list[tuple[str, list[Tensor]]] = [
            ("parameters", list(self.module.parameters())),
            ("buffers", list(self.module.buffers())),
            ("gradients", self._gradients()),
            ("optimizer_state", state),
            ("inputs", tensors_in((self.args, self.kwargs, self.labels))),
        ]
        categories: dict[int, str] = {}
        for name, tensors in known:
            categories |= _addresses(name, tensors)
        found = parts_at_peak(
            self.gauge.history(),
            categories,
            before=self._before,
            step_began=self._began,
            forward_ended=forward_ended,
            config=AllocatorConfig.parse(self.job["alloc_conf"]),
        )
        self.parts, self.replayed = found.categories, found.reserved

    def answer(self, failure: str) -> dict[str, Any]:
        device, versions = self.gauge.describe()
        return {
            "peak_allocated_bytes": self.peak,
            "peak_reserved_bytes": self.reserved,
            "peak_requested_bytes": self.requested or None,
            "replayed_reserved_bytes": self.replayed,
            "process_bytes": self.gauge.process_bytes(),
            "peak_phase": self.peak_phase,
            "categories_at_peak": self.parts,
            "phases": self.after,
            "device": device,
            "versions": versions,
            "steps": self.done,
            "out_of_memory": failure.strip().splitlines()[0] if failure.strip() else "",
            "shortfall_bytes": shortfall(failure),
        }


def _addresses(name: str, tensors: list[Tensor]) -> dict[int, str]:
    return {tensor.untyped_storage().data_ptr(): name for tensor in tensors}


def _optimizer(job: Mapping[str, Any], parameters: list[nn.Parameter]) -> Any:
    kind = getattr(torch.optim, job["optimizer"])
    options = dict(job["optimizer_arg"])
    if job["optimizer_impl"] in ("foreach", "fused"):
        options.setdefault(job["optimizer_impl"], True)
    elif job["optimizer_impl"] == "for-loop":
        options.setdefault("foreach", False)
    try:
        return kind(parameters, **options)
    except TypeError:
        return kind(parameters, lr=0.0, **options)


def _real_inputs(meta: Any, job: Mapping[str, Any], device: torch.device) -> Any:
    """Random floats and zeros for whole numbers, which every embedding has a row for."""

    def real(value: Tensor) -> Tensor:
        if value.is_floating_point():
            made = torch.randn(value.shape, dtype=torch.float32)
            made = made.to(getattr(torch, job["dtype"]) if job["dtype"] else value.dtype)
        else:
            made = torch.zeros(value.shape, dtype=value.dtype)
        if job["channels_last"] and made.dim() == 4:
            made = made.contiguous(memory_format=torch.channels_last)
        return made.to(device)

    return _map((meta.args, meta.kwargs), real)


def _map(value: Any, convert: Any) -> Any:
    from torch.utils._pytree import tree_map_only

    return tree_map_only(Tensor, convert, value)


def main() -> None:
    """Run the job on stdin; whatever the model prints goes to stderr."""
    job = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = run(job, CudaMeter())
        except Exception as error:
            text = str(error).strip().splitlines()
            answer = {"error": f"{type(error).__name__}: {text[0] if text else ''}"}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
