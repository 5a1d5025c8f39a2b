"""From the options of `memory` and `fit` to a step, a device and an allocator's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from nincost._allocator import AllocatorConfig
from nincost._devices.cards import Gpu, get_gpu, knows_capability, parse_size
from nincost._devices.settings import Settings
from nincost._devices.target import Target
from nincost._models.sources import resolve
from nincost._step.step import Loss, Step
from nincost.errors import InputError

#: Whose rules hold where no GPU is named and none is there.
DEFAULT_GPU = "a100-40gb"

#: Steps that are recorded: the first makes the optimizer's state, the second is like all others.
RECORDED_STEPS = 2


class StepOptions(TypedDict, total=False):
    """What `memory` and `fit` share; each is described in `nincost.memory`."""

    input: Any
    arg: Mapping[str, Any] | None
    loss: str | Loss
    optimizer: str
    optimizer_arg: Mapping[str, Any] | None
    optimizer_impl: str | None
    amp: str | None
    grad_scaler: bool | None
    clip_grad_norm: float | None
    dtype: str | None
    channels_last: bool
    grad_accumulation: int
    activation_checkpointing: str
    inference: bool
    grad_set_to_none: bool
    zero_grad_before_forward: bool
    cudnn_benchmark: bool
    alloc_conf: str


@dataclass(frozen=True, slots=True)
class Card:
    """The card that is asked about: its rules, and how much memory there is.

    `budget_bytes` is what the process may take, its context included; None where nobody said.
    `assumed` where the user named no card and none is there, so that rules are the default's.
    """

    gpu: Gpu
    budget_bytes: int | None
    assumed: bool

    @property
    def title(self) -> str:
        return self.gpu.title


def pick_card(name: str | None) -> Card:
    """The card of a name (`rtx4090`), of a size (`24GiB`, the default card's rules), or of None.

    None is the card in this machine where there is one that we know, else the default.
    """
    if name is None:
        present = _present()
        if present is not None:
            return Card(present, present.memory_bytes, assumed=False)
        return Card(get_gpu(DEFAULT_GPU), None, assumed=True)
    if not isinstance(name, str) or not name.strip():
        raise InputError(
            f"gpu is {name!r}: expected a card such as rtx4090 or a size such as 24GiB"
        )
    if name.strip()[0] in "0123456789.":
        size = parse_size(name)
        base = _present() or get_gpu(DEFAULT_GPU)
        return Card(replace(base, memory_bytes=size), size, assumed=True)
    gpu = get_gpu(name)
    return Card(gpu, gpu.memory_bytes, assumed=False)


def _present() -> Gpu | None:
    """The GPU of this machine, with the memory, multiprocessors and capability that CUDA tells."""
    import torch

    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties(0)
    try:
        known = get_gpu(found.name)
    except InputError:
        known = get_gpu(DEFAULT_GPU)
    here = replace(
        known,
        title=found.name,
        memory_bytes=found.total_memory,
        memory_source="get_device_properties",
        sm_count=found.multi_processor_count,
    )
    capability = (found.major, found.minor)
    return replace(here, capability=capability) if knows_capability(capability) else here


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be predicted: a step, on a card, with an allocator's settings."""

    step: Step
    card: Card
    config: AllocatorConfig
    alloc_conf: str = ""
    cudnn_benchmark: bool = False
    given: Any = None  # the model as the user gave it
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def target(self) -> Target:
        """The device that rules are asked for."""
        settings = replace(Settings.read(), cudnn_benchmark=self.cudnn_benchmark)
        return Target(device="cuda", gpu=self.card.gpu, settings=settings)

    def changed(self, **changes: Any) -> Request:
        """The same with some of the step's fields changed."""
        return replace(self, step=replace(self.step, **changes))

    def settings(self) -> dict[str, Any]:
        """The options as plain values, for a result and for a fresh process."""
        step = self.step
        return {
            "loss": step.loss if isinstance(step.loss, str) else getattr(
                step.loss, "__name__", type(step.loss).__name__
            ),
            "optimizer": step.optimizer,
            "optimizer_arg": dict(step.optimizer_arg),
            "optimizer_impl": step.optimizer_impl,
            "amp": step.amp,
            "grad_scaler": step.scales_gradients,
            "clip_grad_norm": step.clip_grad_norm,
            "dtype": step.dtype or None,
            "channels_last": step.channels_last,
            "grad_accumulation": step.grad_accumulation,
            "activation_checkpointing": step.activation_checkpointing,
            "inference": step.inference,
            "grad_set_to_none": step.grad_set_to_none,
            "zero_grad_before_forward": step.zero_grad_before_forward,
            "cudnn_benchmark": self.cudnn_benchmark,
            "alloc_conf": self.alloc_conf,
        }  # fmt: skip


def make_request(model: Any, gpu: str | None, batch_size: int, options: StepOptions) -> Request:
    """Check the options and find the model.

    Raises:
        NincostError: an option, a name or an argument does not fit.
    """
    card = pick_card(gpu)
    arguments = dict(options.get("arg") or {})
    optimizer_arg = options.get("optimizer_arg") or {}
    if not isinstance(optimizer_arg, Mapping):
        raise InputError(
            f"optimizer_arg is {optimizer_arg!r}: expected keyword arguments such as "
            "{'momentum': 0.9}"
        )
    alloc_conf = options.get("alloc_conf", "")
    config = AllocatorConfig.parse(alloc_conf)
    step = Step(
        model=resolve(model, arguments),
        input=options.get("input"),
        batch_size=batch_size,
        loss=options.get("loss", "cross-entropy"),
        optimizer=options.get("optimizer", "SGD"),
        optimizer_arg=dict(optimizer_arg),
        optimizer_impl=options.get("optimizer_impl"),  # type: ignore[arg-type]
        amp=options.get("amp"),  # type: ignore[arg-type]
        grad_scaler=options.get("grad_scaler"),
        clip_grad_norm=options.get("clip_grad_norm"),
        dtype=options.get("dtype") or "",
        channels_last=options.get("channels_last", False),
        grad_accumulation=options.get("grad_accumulation", 1),
        activation_checkpointing=options.get("activation_checkpointing", "none"),
        inference=options.get("inference", False),
        grad_set_to_none=options.get("grad_set_to_none", True),
        zero_grad_before_forward=options.get("zero_grad_before_forward", False),
        steps=RECORDED_STEPS,
    )
    cudnn_benchmark = options.get("cudnn_benchmark", False)
    return Request(step, card, config, alloc_conf, cudnn_benchmark, model, arguments)
