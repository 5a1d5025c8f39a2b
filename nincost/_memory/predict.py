"""Predicts the CUDA memory of a training step: recorded on meta, lowered, and simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nincost._allocator import CachingAllocator
from nincost._devices.libraries.cudnn_plans import plans_on
from nincost._devices.target import WorkspaceEstimate
from nincost._environment import environment
from nincost._memory.device_allocations import Timeline, device_allocations
from nincost._memory.over_tokens import over_tokens
from nincost._memory.record import record
from nincost._memory.replay import Simulation, layer_name, simulate
from nincost._memory.results import LayerMemory, Memory, MemoryTotals, UsedRule
from nincost._step.request import Request
from nincost._trace.recording import CATEGORIES, GENERATION_CATEGORIES, Category, Recording


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A request, its events, and how they simulation."""

    request: Request
    recording: Recording
    timeline: Timeline
    simulation: Simulation

    @property
    def process_bytes(self) -> int:
        """What nvidia-smi would show."""
        return self.simulation.reserved + self.request.card.gpu.context_bytes


def predict(request: Request, *, quick: bool = False) -> Prediction:
    """Record a step, turn it into allocations, and simulate them; `quick` as in `simulate`."""
    target = request.target()
    recording = record(request.step, target)
    timeline = device_allocations(recording, target)
    return Prediction(
        request,
        recording,
        timeline,
        simulate(timeline, CachingAllocator(request.config), repeat=repeats(request), quick=quick),
    )


def repeats(request: Request) -> bool:
    """Whether the recorded steps are followed by others like them; a model generates once."""
    return request.step.generate is None


def predict_changed(before: Prediction, request: Request) -> Prediction:
    """Predict a request, by another's recording where only the allocator's settings differ.

    Quickly, as one of several: later steps may reserve a few percent more.
    """
    if (request.card, request.settings) == (before.request.card, before.request.settings):
        conf = before.request.step.alloc_conf
        if request.step == before.request.step:
            return before
        if replace(request.step, alloc_conf=conf) == before.request.step:
            allocator = CachingAllocator(request.config)
            timeline = before.timeline
            replayed = simulate(timeline, allocator, repeat=repeats(request), quick=True)
            return Prediction(request, before.recording, timeline, replayed)
    return predict(request, quick=True)


def describe(prediction: Prediction) -> Memory:
    """A prediction as a result."""
    request, simulation = prediction.request, prediction.simulation
    generates = request.step.generate is not None
    known = GENERATION_CATEGORIES if generates else CATEGORIES
    layers = _layers(simulation, known)
    categories: dict[str, int] = dict.fromkeys(known, 0)
    for layer in layers:
        for name, size in layer.categories.items():
            categories[name] += size
    gpu = request.card.gpu
    mark, alloc = simulation.peak_mark, simulation.peak_alloc
    totals = MemoryTotals(
        peak_allocated_bytes=simulation.peak,
        peak_reserved_bytes=simulation.reserved,
        process_bytes=prediction.process_bytes,
        peak_phase=mark.phase,
        peak_layer=layer_name(simulation.layers, alloc.layer, mark.phase) if alloc else "",
        peak_op=alloc.operator if alloc else "",
        categories_at_peak=categories,
        phases=dict(simulation.after),
        measured=None,
        peak_requested_bytes=simulation.requested,
        cached_bytes=simulation.reserved - simulation.peak,
        context_bytes=gpu.context_bytes,
        budget_bytes=request.card.budget_bytes,
        interval=_interval(prediction),
    )
    return Memory(
        model=request.step.model.name,
        input=prediction.recording.input,
        batch_size=prediction.recording.batch_size,
        settings=request.options(),
        gpu=request.card.title,
        totals=totals,
        layers=layers,
        uncounted=prediction.timeline.uncounted,
        rules=tuple(
            UsedRule(rule.operator, rule.kind, rule.source)
            for rule in prediction.timeline.used_rules
        ),
        notes=_notes(prediction),
        assumptions=prediction.recording.assumptions,
        details=prediction.recording.details,
        generation=over_tokens(simulation, request.step) if generates else None,
        environment=environment(),
        history=simulation,
    )


def _interval(prediction: Prediction) -> dict[str, tuple[int, int]]:
    """Between which the figures lie: convolutions with no scratch memory, and with the most."""
    request, simulation = prediction.request, prediction.simulation
    ends: tuple[WorkspaceEstimate, WorkspaceEstimate] = ("none", "cap")
    found = [simulation]
    # Whether they are apart shows in what was recorded, however often it is repeated.
    recorded = replace(prediction.recording, further=None)
    events = prediction.timeline.events
    if prediction.recording.further is not None:
        events = device_allocations(recorded, prediction.timeline.target).events
    for workspace in ends:
        target = replace(prediction.timeline.target, workspace=workspace)
        if device_allocations(recorded, target).events != events:
            timeline = device_allocations(prediction.recording, target)
            allocator = CachingAllocator(request.config)
            found.append(simulate(timeline, allocator, repeat=repeats(request), quick=True))
    context = request.card.gpu.context_range
    allocated = [one.peak for one in found]
    reserved = [one.reserved for one in found]
    return {
        "peak_allocated_bytes": (min(allocated), max(allocated)),
        "peak_reserved_bytes": (min(reserved), max(reserved)),
        "process_bytes": (min(reserved) + context[0], max(reserved) + context[1]),
    }


def _layers(simulation: Simulation, known: tuple[Category, ...]) -> tuple[LayerMemory, ...]:
    found: dict[str, dict[str, int]] = {}
    for held in simulation.held_at(simulation.peak_at):
        name = layer_name(simulation.layers, held.alloc.layer, held.phase)
        row = found.setdefault(name, dict.fromkeys(known, 0))
        row[held.alloc.category] += held.bytes
    return tuple(LayerMemory(name, sum(row.values()), row) for name, row in found.items())


def _notes(prediction: Prediction) -> tuple[str, ...]:
    request = prediction.request
    notes = [*prediction.request.step.model.notes, *prediction.recording.notes]
    if compiled := request.step.model.compiled:
        which = ", ".join(compiled[:3]) + (f" and {len(compiled) - 3} more" * (len(compiled) > 3))
        notes.append(
            f"torch.compile is not modelled: {which} was predicted operator by operator, and takes "
            "other memory compiled; nincost run runs it as it is"
        )
    if request.step.optimizer.startswith("torchao.") and not request.step.inference:
        notes.append(
            "torchao's optimizers compile their update, which is not modelled: it was predicted "
            "operator by operator, and takes less compiled; nincost run runs it as it is"
        )
    if request.step.generate is not None:
        notes.append(
            "one call of generate in a new process, greedy and not compiled: sampling takes a "
            "little more; beam search, assisted decoding, and what a static cache is compiled for "
            "are not modelled"
        )
    if request.card.assumed:
        notes.append(
            f"no GPU was named, so rules and context are those of {request.card.title}: "
            "name yours with --gpu"
            if request.card.budget_bytes is None
            else f"a size names no card, so rules and context are those of {request.card.title}"
        )
    if refused := plans_on(request.card.gpu).refused:
        notes.append(refused)
    if stops := prediction.timeline.refused:
        notes.append(
            f"torch has no deterministic kernel of {', '.join(stops)}: the step raises an error "
            "there, unless torch.use_deterministic_algorithms is set with warn_only=True"
        )
    if not prediction.simulation.settled and repeats(request):
        notes.append("the steps had not begun to repeat exactly; later ones may take a little more")
    notes += [
        f"the allocator's option {name} is not modelled" for name in request.config.not_modelled
    ]
    return tuple(notes)
