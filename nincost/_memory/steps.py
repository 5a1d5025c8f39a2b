"""A recording's steps while they run, and what is said where they fail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nincost._devices.cuda.layouts import CUDA_LAYOUTS, cuda_layouts
from nincost._devices.substitutes import substituted
from nincost._devices.target import Target
from nincost._memory.storage_tracker import StorageTracker
from nincost._models.inputs import ModelInput, tensors_in
from nincost._step.activation_checkpointing import checkpoint_blocks
from nincost._step.autocast import autocast_on_meta
from nincost._step.gradients import clip_gradients, make_scaler
from nincost._step.loss import make_target, output_tensor, take_loss
from nincost._step.optimizer import make_optimizer, take_step, zero_grad
from nincost._step.step import Step
from nincost._trace.failure import explain_failure, tell_place
from nincost._trace.fallback import SENTENCES, FallbackReason, fallback_reason
from nincost._trace.layouts import LAYOUTS
from nincost._trace.module_tracker import ModuleTracker
from nincost._trace.recording import Recording
from nincost._trace.run import failed_module, is_lazy_module, refuse_threads
from nincost.errors import STOPS, InputError, Interruption, ModelError, NincostError, one_line


class ValuesNeededError(InputError):
    """The step came to a place where a tensor's values are needed; `reason` says why."""

    def __init__(self, message: str, reason: FallbackReason) -> None:
        super().__init__(message)
        self.reason = reason


class StepsRun:
    """One recording while it is made."""

    def __init__(
        self,
        step: Step,
        target: Target,
        module: nn.Module,
        inputs: ModelInput,
        *,
        on_meta: bool = True,
    ) -> None:
        self.step = step
        self.on_meta = on_meta
        self.target = target
        self.module = module
        self.inputs = inputs
        self.recorder = StorageTracker(
            on_meta=on_meta,
            layer_of_call=self._layer_of_call,
            layouts=cuda_layouts() if target.device == "cuda" else LAYOUTS,
            kernel_layouts=CUDA_LAYOUTS if target.device == "cuda" else {},
        )
        self.follower = ModuleTracker(self.recorder)

    def _layer_of_call(self, call: int) -> int:
        return self.follower.calls[call].module

    def record(self) -> Recording:
        step, module, follower = self.step, self.module, self.follower
        self._convert()
        module.train(not step.inference)
        try:
            if is_lazy_module(module):
                with torch.no_grad():  # followed, so that an error tells its layer
                    follower.follow(module, type(module).__name__)
                    module(*self.inputs.args, **self.inputs.kwargs)
                follower.unfollow()
                follower = self.follower = ModuleTracker(self.recorder)
            follower.follow(module, type(module).__name__)
            on_cuda, nothing = self.target.device == "cuda", contextlib.nullcontext()
            with (
                torch.set_grad_enabled(not step.inference),
                substituted(self.target, self.recorder, on_meta=self.on_meta),
                autocast_on_meta(self.target.device) if on_cuda and self.on_meta else nothing,
            ):
                self._place_model()
                if step.inference:
                    self._infer()
                else:
                    self._train()
            refuse_threads(step.model.name, follower)
        except NincostError:
            raise
        except STOPS as stop:
            if isinstance(stop, Interruption):
                tell_place(stop, failed_module(follower))
            raise
        except BaseException as error:
            refuse_threads(step.model.name, follower)
            raise self._explain(error) from error
        finally:
            follower.unfollow()
        return Recording(
            entries=self.recorder.entries[: self._length],  # without what goes when the run is over
            storages=self.recorder.storages,
            layers=[*[info.path for info in follower.modules], ""],
            model=step.model.name,
            input=self.inputs.specs,
            batch_size=self.inputs.batch_size,
            details=step.model.details,
        )

    def _explain(self, error: BaseException) -> NincostError:
        reason = fallback_reason(error)
        if self.on_meta and reason:
            does = (
                "looks at values while it runs"
                if reason == "values"
                else f"needs values: {SENTENCES[reason]}"
            )
            return ValuesNeededError(
                f"{self.step.model.name} {does} ({one_line(error)}), and cannot be run on the CPU "
                "with amp or with weights above 4 GiB: leave amp out, or put torch.where in the "
                "place of what depends on values",
                reason,
            )
        if "inplace operation" in one_line(error):
            return self._explain_in_place(error)
        info, failed = failed_module(self.follower), self.follower.failed
        return explain_failure(error, self.step.model.name, info, failed, self.inputs.specs)

    def _explain_in_place(self, error: BaseException) -> NincostError:
        """Backward found something changed that it had saved."""
        if self.step.activation_checkpointing == "none":
            return ModelError(f"{self.step.model.name} cannot be trained: {one_line(error)}")
        lone = [
            name for name, child in self.module.named_children() if getattr(child, "inplace", False)
        ]
        where = f"its layer {lone[0]!r} works" if lone else "a top-level block works"
        return InputError(
            f"{self.step.model.name} cannot be checkpointed block by block: {where} in place, "
            "which changes what the block before it has saved for backward (torch refuses it, "
            "too): set inplace=False there, put the layers into blocks, or leave "
            "activation_checkpointing out"
        )

    def _convert(self) -> None:
        step = self.step
        if step.dtype:
            dtype = getattr(torch, step.dtype)
            self.module.to(dtype)
            self.inputs = _map_inputs(
                self.inputs, lambda t: t.to(dtype) if t.is_floating_point() else t
            )
        if step.channels_last:
            if any(tensor.dim() == 5 for tensor in self.module.parameters()):
                raise InputError(
                    f"{step.model.name} has weights of five dimensions, which torch.channels_last "
                    "does not take: leave channels_last out"
                )
            self.module.to(memory_format=torch.channels_last)
            self.inputs = _map_inputs(
                self.inputs,
                lambda t: t.to(memory_format=torch.channels_last) if t.dim() == 4 else t,
            )
        if step.activation_checkpointing != "none":
            checkpoint_blocks(self.module, lambda: precision(step, self.target))

    def _place_model(self) -> None:
        """The parameters, buffers and inputs, as `.to(device)` puts them there."""
        recorder = self.recorder
        recorder.begin("model", 0)
        layers = {id(info.module): layer for layer, info in enumerate(self.follower.modules)}
        for module in _children_first(self.module):
            layer = layers[id(module)]
            for parameter in module._parameters.values():
                if parameter is not None:
                    recorder.place(parameter, "parameters", layer)
                    recorder.layer_of_parameter.setdefault(id(parameter), layer)
            for buffer in module._buffers.values():
                if buffer is not None:
                    recorder.place(buffer, "buffers", layer)
        recorder.begin("input", 0)
        for tensor in tensors_in((self.inputs.args, self.inputs.kwargs)):
            recorder.place(tensor, "inputs", -1)
        self._after_inputs = len(recorder.entries)

    def _infer(self) -> None:
        recorder = self.recorder
        recorder.begin("forward", 1)
        first = len(recorder.storages)
        with recorder, self._precision():
            output = self.module(*self.inputs.args, **self.inputs.kwargs)
        recorder.classify_alive(first)
        recorder.begin("end", 1)
        del output
        self._length = len(recorder.entries)

    def _train(self) -> None:
        recorder = self.recorder
        trained = [p for p in self.module.parameters() if p.requires_grad]
        implementation = self.step.optimizer_impl or self.target.optimizer_impl
        optimizer = make_optimizer(self.step, trained, implementation)
        for tensor in tensors_in(list(optimizer.state.values()) if optimizer else []):
            recorder.place(tensor, "optimizer_state", -1)  # what its constructor made
        device = "meta" if self.on_meta else "cpu"
        scaler = make_scaler(self.step, device) if optimizer is not None else None
        output: Any = None
        loss: Tensor | None = None
        self._labels: Tensor | None = None
        for number in range(1, self.step.steps + 1):
            for part in range(self.step.grad_accumulation):
                if part == 0 and self.step.zero_grad_before_forward:
                    self._zero_grad(optimizer, number)
                recorder.begin("forward", number)
                first = len(recorder.storages)
                with self._precision():
                    with recorder:
                        output = self.module(*self.inputs.args, **self.inputs.kwargs)
                    if number == 1 and part == 0:
                        self._place_labels(output)
                    recorder.begin("loss", number)
                    with recorder:
                        loss = take_loss(self.step.loss, output, self._labels)
                recorder.classify_alive(first)
                if part == 0 and not self.step.zero_grad_before_forward:
                    self._zero_grad(optimizer, number)
                if scaler is not None and loss.requires_grad:
                    with recorder:
                        loss = scaler.scale(loss)
                recorder.begin("backward", number)
                if loss.requires_grad:
                    # Anomaly mode would look at the gradients' values.
                    with torch.autograd.set_detect_anomaly(False), recorder:
                        loss.backward()  # type: ignore[no-untyped-call]
                recorder.classify([p.grad for p in trained if p.grad is not None], "gradients")
            if optimizer is not None:
                recorder.begin("step", number)
                kept = self._update(optimizer, scaler, trained)
                recorder.classify(kept, "optimizer_state")
            recorder.begin("end", number)
            if not self.step.hold_output:
                del output, loss
                output = loss = None
        self._length = len(recorder.entries)

    def _update(self, optimizer: Any, scaler: Any, trained: list[nn.Parameter]) -> list[Tensor]:
        """The optimizer's step with what stands before it; gives the state that is kept."""
        kept: list[Tensor] = []
        with self.recorder:
            if scaler is not None:
                scaler.unscale_(optimizer)
            if self.step.clip_grad_norm is not None:
                clip_gradients(trained, self.step.clip_grad_norm)
            take_step(optimizer)
            if scaler is not None:
                scaler.update()
                kept += [scaler._scale, scaler._growth_tracker]
        return kept + tensors_in(list(optimizer.state.values()))

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        return precision(self.step, self.target)

    def _zero_grad(self, optimizer: Any, number: int) -> None:
        if optimizer is not None:
            self.recorder.begin("zero_grad", number)
            with self.recorder:
                zero_grad(optimizer, set_to_none=self.step.grad_set_to_none)

    def _place_labels(self, output: Any) -> None:
        if callable(self.step.loss):
            return
        self._labels = make_target(self.step.loss, output_tensor(output))
        if self._labels is not None:
            self.recorder.place(self._labels, "inputs", -1, at=self._after_inputs)


def _map_inputs(inputs: ModelInput, convert: Any) -> ModelInput:
    from torch.utils._pytree import tree_map_only

    return ModelInput(
        tree_map_only(Tensor, convert, inputs.args),
        tree_map_only(Tensor, convert, inputs.kwargs),
        inputs.specs,
        inputs.batch_size,
    )


def _children_first(module: nn.Module) -> Iterator[nn.Module]:
    """The order in which `Module._apply` moves parameters: a module's own after its children's."""
    for child in module.children():
        yield from _children_first(child)
    yield module


def precision(step: Step, target: Target) -> contextlib.AbstractContextManager[Any]:
    """The autocast that forward and loss run in; a context that does nothing without `step.amp`."""
    if step.amp is None:
        return contextlib.nullcontext()
    return torch.autocast(target.device, dtype=getattr(torch, step.amp))
