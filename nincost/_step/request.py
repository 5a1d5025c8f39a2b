"""From the options of `memory` and `fit` to a step, a device and an allocator's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

from nincost._allocator import AllocatorConfig
from nincost._devices.cards import Gpu, card_or_bytes, get_gpu, knows_capability
from nincost._devices.settings import Settings
from nincost._devices.target import Target
from nincost._models.module_inputs import boxes_note, graph_input, takes_graph, training_input
from nincost._models.prompts import prompt_input, text_input
from nincost._models.sources import resolve
from nincost._step.lightning import batch_input, has_training_step, with_training_step
from nincost._step.option_fields import options_of, refuse_unknown
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions
from nincost.errors import InputError

#: Whose rules hold where no GPU is named and none is there.
DEFAULT_GPU = "a100-40gb"

#: Steps that are recorded: the first makes the optimizer's state, the second is like all others.
RECORDED_STEPS = 2


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
    found = card_or_bytes(name)
    if isinstance(found, int):
        base = _present() or get_gpu(DEFAULT_GPU)
        return Card(replace(base, memory_bytes=found), found, assumed=True)
    return Card(found, found.memory_bytes, assumed=False)


def _present() -> Gpu | None:
    """The GPU of this machine, with memory, multiprocessors and capability as CUDA reports them."""
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
    """What is to be predicted: a step, on a card, as torch is set.

    Attributes:
        settings: torch's, with those that the step's options set.
        given: the model as the user gave it.
        arguments: keyword arguments for the model's factory.
    """

    step: Step
    card: Card
    settings: Settings
    given: Any = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> AllocatorConfig:
        """The settings of the caching allocator."""
        return AllocatorConfig.parse(self.step.alloc_conf)

    def target(self) -> Target:
        """The device whose rules hold."""
        return Target(device="cuda", gpu=self.card.gpu, settings=self.settings)

    def changed(self, **changes: Any) -> Request:
        """The same with some of the step's fields changed."""
        step = replace(self.step, **changes)
        return replace(self, step=step, settings=with_options_set(self.settings, step))

    def options(self) -> dict[str, Any]:
        """The step's options as plain values: those that torch decides as it is set."""
        found = self.step.options()
        for item, declared in options_of(self.step):
            if declared.sets:
                found[item.name] = getattr(self.settings, declared.sets[0])
        own = self.step.model.own_step
        return found if own is None else {**found, "own_step": own.words}


def with_options_set(settings: Settings, step: Step) -> Settings:
    """Torch's settings, with those that a step's options set."""
    given: dict[str, Any] = {}
    for item, declared in options_of(step):
        value = getattr(step, item.name)
        if value is not None:
            given |= dict.fromkeys(declared.sets, value)
    return replace(settings, **given)


def check_options(gpu: str | None, step: StepOptions) -> None:
    """Refuse a card's name or an option that fits no model, before any work is done.

    Raises:
        InputError: as `make_request`.
    """
    refuse_unknown(step, Step)
    pick_card(gpu)
    no_model: Any = None
    options: Any = step
    Step(no_model, **options)


def make_request(
    model: Any,
    gpu: str | None = None,
    batch_size: int = 1,
    *,
    input: Any = None,
    arg: Mapping[str, Any] | None = None,
    **step: Unpack[StepOptions],
) -> Request:
    """Check the options, find the model, and read torch's settings.

    Raises:
        NincostError: an option, a name or an argument does not fit.
    """
    refuse_unknown(step, Step)
    card = pick_card(gpu)
    arguments = dict(arg or {})
    options: Any = step
    found = resolve(model, arguments, own_step=True)
    checked = Step(found, **options)  # its checks come first
    if has_training_step(found.module) and not checked.inference and options.get("loss") is None:
        found = with_training_step(found)
    given = _input(checked, input)
    note = "" if given is input else boxes_note(given)
    if found.training_step and given is None:
        given, note = batch_input(found)
    if note:
        found = replace(found, source_notes=(*found.source_notes, note))
    asked = Step(
        found,
        input=given,
        batch_size=batch_size,
        steps=RECORDED_STEPS,
        **options,
    )
    if asked.model.own_step is not None:
        _refuse_made_step(asked)
    return Request(asked, card, with_options_set(Settings.read(), asked), model, arguments)


def _input(step: Step, given: Any) -> Any:
    """The input of a step: as given, else by the options that say how large it is.

    Raises:
        InputError: an option does not fit the model, or the input is given as well.
    """
    model = step.model
    if step.generate is not None:
        return prompt_input(model, given, step.prompt, step.generate)
    sizes = [name for name in ("seq", "nodes", "edges", "boxes") if getattr(step, name) is not None]
    if sizes and given is not None:
        raise InputError(
            f"{sizes[0]} and input both say how large the input is: leave one of the two out"
        )
    if len(sizes) > 1 and sizes != ["nodes", "edges"]:
        raise InputError(
            f"{' and '.join(sizes)} are given, which are of different models: give what yours takes"
        )
    if given is not None or model.own_step is not None:
        return given
    if step.seq is not None:
        return text_input(model, step.seq)
    if step.nodes is not None or step.edges is not None:
        return graph_input(model, step.nodes, step.edges)
    if not model.default_input and takes_graph(model.module):
        raise InputError(
            f"{model.name} takes a graph: give its size, such as --nodes 2708 --edges 10556"
        )
    if step.inference and step.boxes is None:
        return given
    if step.inference:
        raise InputError("boxes are of a training step's targets: leave boxes or inference out")
    return training_input(model, step.boxes)


def refuse_own_step(request: Request, what: str) -> None:
    """Say that `what` is not known of a step of one's own.

    Raises:
        InputError: the request is of one.
    """
    if request.step.model.own_step is not None:
        raise InputError(
            f"{what} is not known of a step of your own ({request.step.model.name}): give one "
            "model, or have a script that calls the step run by nincost run"
        )


def _refuse_made_step(step: Step) -> None:
    """Refuse options of the step that nincost makes, where the user's own is to run."""
    for item, declared in options_of(step):
        kept = declared.sets or item.name in ("alloc_conf", "assume", "on_cpu")
        usual = (declared.usual, declared.check(item.name, item.default))
        if not kept and getattr(step, item.name) not in usual:
            raise InputError(
                f"{item.name} is {getattr(step, item.name)!r}, but {step.model.name} is a step of "
                "your own: what it does is for it to say; leave the option out"
            )
