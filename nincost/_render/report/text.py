"""What a report's page says in words: the four answers, and how each figure was obtained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nincost import _units as units
from nincost._memory.results import Memory
from nincost._render.memory import text as memory_words
from nincost._render.parts.times import WAITS
from nincost._render.profile import text as words
from nincost._report.results import Report
from nincost._time.results import StepTime

Kind = Literal["exact", "modelled", "measured"]


@dataclass(frozen=True, slots=True)
class AnswerCard:
    """One of the four answers: the figure, how it was obtained, and what goes with it."""

    title: str
    value: str
    kind: Kind | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FigureSource:
    """A figure, how it was obtained, and from what."""

    figure: str
    kind: Kind
    how: str


def lead(report: Report) -> str:
    """What was asked, on one line."""
    profile = report.profile
    parts = [f"input {', '.join(profile.input)}"]
    if report.step is not None:
        parts += [memory_words.setting(report.step.settings), f"memory on {report.step.gpu}"]
    return " · ".join([*parts, f"{report.created} UTC"])


def asked(report: Report) -> str:
    """`resnet18 on 32x3x224x224, NVIDIA GeForce RTX 3090`."""
    parts = [f"{report.profile.model} on {', '.join(report.profile.input)}"]
    if report.step is not None:
        parts.append(report.step.gpu)
    return ", ".join(parts)


def answers(report: Report) -> list[tuple[str, str]]:
    """The four questions, each with its answer on a line."""
    profile = report.profile
    totals, batch = profile.totals, profile.batch_size
    per = "for one input" if batch == 1 else f"at batch {batch:,}"
    frozen = f", {totals.frozen_params:,} of them frozen" if totals.frozen_params else ""
    uncounted = len(profile.uncounted)
    missed = f", and {uncounted} operators that were not counted" if uncounted else ""
    return [
        ("How many parameters?", f"{totals.params:,}{frozen} ({units.size(totals.param_bytes)})"),
        (
            "How much computation?",
            f"{totals.macs:,} MACs = {units.count(totals.flops)} FLOPs {per}{missed}",
        ),
        ("How much memory to train?", _memory_answer(report, "training")),
        ("How much memory to infer?", _memory_answer(report, "inference")),
    ]


def _memory_answer(report: Report, name: str) -> str:
    memory: Memory | None = getattr(report, name)
    if memory is None:
        return f"not predicted: {report.missing.get(name, '')}"
    totals = memory.totals
    said = f"{units.size(totals.process_bytes)}"
    if not memory.settings["inference"]:
        said += f" with {memory.settings['optimizer']}"
    if totals.budget_bytes is None:
        return said
    left = totals.budget_bytes - totals.process_bytes
    if left < 0:
        return f"{said}: DOES NOT FIT, {units.size(-left)} short"
    return f"{said}: FITS, {units.size(left)} to spare"


def cards(report: Report) -> list[AnswerCard]:
    """Parameters, computation, memory to train, memory to infer, time."""
    totals, batch = report.profile.totals, report.profile.batch_size
    per = "one input" if batch == 1 else f"batch {batch:,}"
    share = "all trainable" if not totals.frozen_params else (
        f"{totals.trainable_params:,} trainable, {totals.frozen_params:,} frozen"
    )  # fmt: skip
    parameters = [f"{units.size(totals.param_bytes)}, {share}"]
    if totals.buffers:
        parameters.append(f"and {totals.buffers:,} values in buffers")
    counted = [
        f"{totals.macs:,} MACs, {units.count(totals.flops)} FLOPs",
        f"and {units.count(totals.elementwise_flops)} element-wise FLOPs",
    ]
    if report.profile.uncounted:
        counted.append(f"{len(report.profile.uncounted)} operators not counted: see below")
    found = [
        AnswerCard("Parameters", f"{totals.params:,}", "exact", tuple(parameters)),
        AnswerCard(
            f"Computation, {per}", f"{units.count(totals.macs)} MACs", "exact", tuple(counted)
        ),
        _memory(report, "training", f"Memory to train, {per}"),
        _memory(report, "inference", f"Memory to infer, {per}"),
    ]
    return found if report.time is None else [*found, _time(report.time, per)]


def _time(step: StepTime, per: str) -> AnswerCard:
    totals = step.totals
    low, high = totals.interval
    kind = "forward pass" if step.settings["inference"] else "training step"
    return AnswerCard(
        f"Time of a {kind}, {per}", units.duration(totals.step_seconds), "modelled",
        (
            f"{totals.examples_per_second:,.1f} examples/s on {step.gpu}",
            f"range {units.duration(low)} to {units.duration(high)}",
            f"waits for {WAITS[totals.bound_by]}",
        ),
    )  # fmt: skip


def _memory(report: Report, name: str, title: str) -> AnswerCard:
    memory: Memory | None = getattr(report, name)
    if memory is None:
        return AnswerCard(title, "not predicted", None, (report.missing.get(name, ""),))
    totals = memory.totals
    low, high = totals.interval["process_bytes"]
    lines = [
        f"{units.size(totals.peak_allocated_bytes)} allocated at the peak, "
        f"{units.size(totals.peak_reserved_bytes)} reserved, plus the CUDA context",
        f"range {units.size(low)} to {units.size(high)}",
        *filter(None, [memory_words.verdict(memory)]),
    ]
    if totals.measured is not None:
        lines.append(f"measured: {memory_words.measured_words(memory)}")
    return AnswerCard(title, units.size(totals.process_bytes), "modelled", tuple(lines))


def peak(memory: Memory) -> str:
    """Where the peak is, and what is allocated over time, as two sentences."""
    words = dict(memory_words.summary(memory))
    return f"Peak: {words['Peak']}. Over time: {words['Over time']}."


def roofline(report: Report) -> str:
    """What the roofline shows, in words."""
    roof = report.roofline
    assert roof is not None
    share = 100 * roof.memory_seconds / roof.seconds if roof.seconds else 0
    biggest = max(roof.points, key=lambda point: point.seconds, default=None)
    text = (
        f"A forward pass takes at least {units.duration(roof.seconds)} on {roof.gpu} in "
        f"{roof.precision}, {share:.0f}% of it in layers that wait for memory."
    )
    if biggest is not None:
        text += f" The longest is {biggest.layer} with {units.duration(biggest.seconds)}."
    return text


def methods(report: Report) -> list[FigureSource]:
    """For each kind of figure on the page: exact, modelled or measured, and from what."""
    device = "the meta device" if report.profile.device == "meta" else "the CPU"
    rows = [
        FigureSource("Parameters and buffers", "exact",
               "elements of the model's own tensors, a shared one counted once"),
        FigureSource("MACs and FLOPs", "exact",
               f"one formula for each aten operator, recorded in a real run on {device}; "
               "2 FLOPs for each MAC"),
        FigureSource("Element-wise FLOPs", "exact",
               "operators recorded in the same run, counted by convention: kept apart"),
        FigureSource("Activations", "exact", "the sizes of the tensors that the run made"),
    ]  # fmt: skip
    step = report.step
    if step is not None:
        rows += [
            FigureSource("Memory allocated and reserved", "modelled",
                   "the real step recorded on the meta device, replayed through a model of "
                   f"PyTorch's caching allocator; rules: {memory_words.rules(step)}"),
            FigureSource("The CUDA context", "modelled",
                   f"{units.size(step.totals.context_bytes)} assumed for what the driver holds for "
                   "a process"),
        ]  # fmt: skip
    if report.batches is not None:
        about = any(not card.exact for card in report.batches.cards)
        rows.append(FigureSource(
            "Memory by batch", "modelled",
            f"predicted in full at {len(report.batches.points)} batch sizes, interpolated between "
            "them"
            + ("; largest batches marked ≈ are interpolated: nincost fit finds them exactly"
               if about else "; largest batches as nincost fit finds them"),
        ))  # fmt: skip
    if report.roofline is not None:
        rows.append(FigureSource(
            "Roofline", "modelled",
            "peaks and bandwidth as in NVIDIA's data sheets (dense, 32-bit accumulation), which no "
            "kernel reaches; each layer reads its inputs and parameters and writes its outputs "
            f"once a call, {report.roofline.element_bytes} bytes a value",
        ))  # fmt: skip
    if report.time is not None:
        rows.append(FigureSource(
            "Time of a step", "modelled",
            "each operator's kernels by physics, with efficiencies fitted to measured kernels and "
            "steps, and the host that launches them: docs/time.md has the errors on rows that "
            "nothing was fitted to",
        ))  # fmt: skip
    if step is not None and step.totals.measured is not None:
        measured = step.totals.measured
        versions = ", ".join(f"{name} {value}" for name, value in measured.versions.items())
        rows.append(FigureSource(
            "Measured memory", "measured",
            f"{measured.steps} real steps on {measured.device} in a fresh process ({versions})",
        ))  # fmt: skip
    return rows


_MISSING = {
    "training": "Memory of a training step",
    "inference": "Memory of a forward pass",
    "batches": "Memory by batch size",
    "roofline": "Roofline",
}


def notes(report: Report) -> list[str]:
    """What was not counted, not predicted, or is out of the ordinary."""
    lines = [
        f"{_MISSING[name]}: not predicted: {reason}" for name, reason in report.missing.items()
    ]
    lines += words.notes(report.profile)
    if report.step is not None:
        lines += memory_words.notes(report.step)
        settings = report.step.settings
        if settings["dtype"] or settings["amp"]:
            lines.append(
                "the layer table counts activations in the model's own type, not in "
                f"{settings['dtype'] or settings['amp']}"
            )
    return list(dict.fromkeys(lines))
