"""What a prediction of memory says: its rows, the peak in words, and what would reduce it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nincost import _units as units
from nincost._memory.change_results import Change
from nincost._memory.results import PHASES, LayerMemory, Memory
from nincost._step.parallel import parallel_words
from nincost._step.step_words import step_words

#: Categories as people call them, in the order of a table.
CATEGORY_NAMES = {
    "parameters": "parameters",
    "buffers": "buffers",
    "gradients": "gradients",
    "optimizer_state": "optimizer state",
    "inputs": "inputs",
    "activations": "activations",
    "kv_cache": "KV cache",
    "temporaries": "temporaries",
    "workspace": "workspace",
}
#: Those that only a step on several ranks has.
SHARED_NAMES = {
    "unsharded_parameters": "unsharded parameters",
    "communication": "communication",
}
#: All that a picture or a result of the emulated GPU may have.
ALL_NAMES = {**CATEGORY_NAMES, **SHARED_NAMES, "other": "other"}
#: Columns of a table of layers, and the categories that each adds up.
PARTS = {
    "Model": ("parameters", "buffers"),
    "Gradients": ("gradients",),
    "Optimizer": ("optimizer_state",),
    "Inputs": ("inputs",),
    "Activations": ("activations",),
    "KV cache": ("kv_cache",),
    "Temporary": ("temporaries", "workspace"),
}
SHARED_PARTS = {
    "Unsharded": ("unsharded_parameters",),
    "Communication": ("communication",),
    "Other": ("other",),
}
ALL_PARTS = {**PARTS, **SHARED_PARTS}
_PHASES = {
    "after_model": "with the model",
    "after_prefill": "after the prompt",
    "after_decode": "after the last token",
    "after_forward": "after forward",
    "after_backward": "after backward",
    "after_step": "after the step",
}
#: Where the peak is, for a reader who does not know the phase's name.
_IN_PHASE = {
    "model": "while the model is placed",
    "input": "while the input is placed",
    "forward": "in forward",
    "loss": "in the loss",
    "zero_grad": "in zero_grad",
    "backward": "in backward",
    "step": "in the optimizer's step",
    "end": "at the end of the step",
    "prefill": "while the prompt is read",
    "decode": "while a token is generated",
}
_SOURCES_SHOWN = 3

#: Layers in a table unless asked otherwise; CSV and JSON have them all.
TOP = 8


def title(result: Memory) -> str:
    """`two-1x1 on 128x1x224x224 (batch 128), SGD, one step of training`."""
    inputs = f" on {', '.join(result.input)}" if result.input else ""
    return f"{result.model}{inputs}: {setting(result.settings)}"


def setting(settings: Mapping[str, Any]) -> str:
    """The step, and which of its options are out of the ordinary, on one line."""
    words = step_words(settings)
    spread = parallel_words(settings) if "ranks" in settings else ""
    return f"{words}, {spread}" if spread else words


def summary(result: Memory) -> list[tuple[str, str]]:
    """The answer: where the peak is, what it consists of, and what would reduce it."""
    totals = result.totals
    where = _IN_PHASE[totals.peak_phase]
    if totals.peak_layer and not totals.peak_layer.startswith("["):
        where += f" at {totals.peak_layer}"
    if totals.peak_op:
        where += f" ({totals.peak_op})"
    lines = [
        ("Peak", f"{units.size(totals.peak_allocated_bytes)} allocated, reached {where}"),
        ("Breakdown", breakdown(totals.categories_at_peak, totals.peak_allocated_bytes)),
        *by_model(result),
        *generation(result),
        ("Over time", ", ".join(f"{units.size(size)} {words}" for words, size in phases(result))),
        ("On the GPU", on_the_gpu(result)),
    ]
    lines += [("To reduce", text) for text in reductions(result)]
    if result.alternative is not None:
        lines.append(("Alternative", alternative(result, result.alternative)))
    measured = totals.measured
    if measured is not None:
        lines.append(("Measured", measured_words(result)))
    else:
        lines.append(("Measured", "no: there is no GPU here, or --no-measure was given"))
    lines += ranks(result)
    if result.engine == "emulated":
        lines.append(("Emulated", emulated(result)))
    else:
        lines.append(("Rules", rules(result)))
    return lines


def ranks(result: Memory) -> list[tuple[str, str]]:
    """Each rank that differs, with those that it stands for; nothing of a step on one."""
    if not result.ranks:
        return []
    parts = [
        f"{'rank' if rank.stands_for == str(rank.rank) else 'ranks'} {rank.stands_for}: "
        f"{units.size(rank.peak_allocated_bytes)} allocated, "
        f"{units.size(rank.peak_reserved_bytes)} reserved, "
        f"{units.size(rank.process_bytes)} the process"
        for rank in result.ranks
    ]
    return [("Ranks", "; ".join(parts))]


def emulated(result: Memory) -> str:
    """Which engine the figures are of."""
    torch = result.environment.get("torch", "")
    return (
        f"PyTorch {torch} ran the step itself on an emulated {result.gpu}, whose kernels do nothing"
    )


def by_model(result: Memory) -> list[tuple[str, str]]:
    """What each model of a step of one's own holds at the peak; nothing of any other step."""
    own = result.settings.get("own_step")
    if not own:
        return []
    sizes = dict.fromkeys(own["models"], 0)
    for layer in result.layers:
        name = layer.layer.partition(".")[0]
        if name in sizes:
            sizes[name] += layer.bytes
    held = ", ".join(f"{name} {units.size(size)}" for name, size in sizes.items())
    rest = result.totals.peak_allocated_bytes - sum(sizes.values())
    return [("Models", f"{held}, outside of them {units.size(rest)}, at the peak")]


def generation(result: Memory) -> list[tuple[str, str]]:
    """What a model that generates takes over its tokens; nothing of any other step."""
    found = result.generation
    if found is None:
        return []
    words = f"{units.size(found.prefill_peak_bytes)} at most with the prompt and the first token"
    if found.decode_peak_bytes:
        words += (
            f", {units.size(found.decode_peak_bytes)} behind it (token "
            f"{found.decode_peak_token:,} of {found.tokens:,})"
        )
    return [("Tokens", f"{words}; keys and values {units.size(found.cache_bytes)} at the end")]


def phases(result: Memory) -> list[tuple[str, int]]:
    """What is allocated when each phase has ended, with its words."""
    return phase_rows(result.totals.phases)


def phase_rows(found: Mapping[str, int]) -> list[tuple[str, int]]:
    """`MemoryTotals.phases` with the words for each, in order."""
    return [(words, found[name]) for name, words in _PHASES.items() if name in found]


def breakdown(categories: Mapping[str, int], total: int) -> str:
    """The categories, largest first, with their share."""
    found = sorted(
        ((size, ALL_NAMES[name]) for name, size in categories.items() if size), reverse=True
    )
    return ", ".join(
        f"{name} {units.size(size)} ({100 * size / total:.1f}%)" for size, name in found
    )


def on_the_gpu(result: Memory) -> str:
    """Reserved, the process as nvidia-smi shows it, and its range."""
    totals = result.totals
    low, high = totals.interval["process_bytes"]
    nccl = f" and {units.size(totals.nccl_bytes)} of NCCL's" if totals.nccl_bytes else ""
    return (
        f"{units.size(totals.peak_reserved_bytes)} reserved "
        f"({units.size(totals.cached_bytes)} more than allocated), "
        f"{units.size(totals.process_bytes)} with the CUDA context{nccl} (range {units.size(low)} "
        f"to {units.size(high)})"
    )


def verdict(result: Memory) -> str:
    """`FITS: ...` or `DOES NOT FIT: ...`; empty where no card is known."""
    budget = result.totals.budget_bytes
    if budget is not None and result.totals.ran_out and result.totals.process_bytes <= budget:
        return "DOES NOT FIT: the allocator finds no room for a request, though all of them fit"
    return "" if budget is None else fit_sentence(result.totals.process_bytes, budget)


def fit_sentence(need: int, card: int) -> str:
    """Whether a process of `need` bytes fits a card of `card` bytes, and by how much."""
    if need > card:
        return (
            f"DOES NOT FIT: needs {units.size(need)}, the card has {units.size(card)} "
            f"({units.size(need - card)} short)"
        )
    return (
        f"FITS: needs {units.size(need)}, the card has {units.size(card)} "
        f"({units.size(card - need)} to spare)"
    )


def reductions(result: Memory) -> list[str]:
    """Each change that saves memory, with how much, and those that save none in one line."""
    lines, useless = [], []
    for change in result.suggestions:
        if change.saved_bytes > 0:
            share = 100 * change.saved_bytes / result.totals.process_bytes
            lines.append(
                f"{change.option} ({change.description}): {units.size(change.process_bytes)}, "
                f"saves {units.size(change.saved_bytes)} ({share:.0f}%)"
            )
        else:
            useless.append(change.option)
    if useless:
        verb = "saves" if len(useless) == 1 else "save"
        lines.append(f"{' and '.join(useless)} {verb} nothing")
    return lines


def alternative(result: Memory, change: Change) -> str:
    """The other model beside this one, by peak allocated, as the textbook asks."""
    totals = result.totals
    saved = totals.peak_allocated_bytes - change.peak_allocated_bytes
    share = 100 * abs(saved) / totals.peak_allocated_bytes
    return (
        f"{change.description} would allocate {_less(saved)} ({share:.1f}%) at the peak, and need "
        f"{_less(change.saved_bytes)} on the GPU"
    )


def _less(saved: int) -> str:
    return f"{units.size(abs(saved))} {'less' if saved >= 0 else 'more'}"


def measured_words(result: Memory) -> str:
    """The memory of real steps, and the error of the prediction."""
    measured = result.totals.measured
    assert measured is not None
    if measured.out_of_memory:
        short = measured.shortfall_bytes
        lacking = f", {units.size(short)} short" if short is not None else ""
        return f"out of memory on {measured.device}{lacking}: {measured.out_of_memory}"
    return (
        f"{units.size(measured.peak_allocated_bytes)} allocated, "
        f"{units.size(measured.peak_reserved_bytes)} reserved on {measured.device} in "
        f"{measured.steps} steps; error of the prediction "
        f"{difference(result, 'peak_allocated_bytes')} and "
        f"{difference(result, 'peak_reserved_bytes')}"
    )


def difference(result: Memory, name: str) -> str:
    """`+1.20%`: the error of the prediction, relative to what was measured."""
    measured = getattr(result.totals.measured, name)
    if not measured:
        return "-"
    return f"{100 * (getattr(result.totals, name) - measured) / measured:+.2f}%"


def rules(result: Memory) -> str:
    """How many operators follow from PyTorch's source, and which from a model of a library."""
    modelled = [rule.operator for rule in result.rules if rule.kind == "modelled"]
    derived = len(result.rules) - len(modelled)
    text = f"{derived} from PyTorch's source"
    if modelled:
        names = ", ".join(modelled[:_SOURCES_SHOWN])
        more = len(modelled) - _SOURCES_SHOWN
        text += f", {len(modelled)} from a model of a library: {names}"
        text += f" and {more} more" if more > 0 else ""
    return f"{text}; for {result.gpu}"


def statements(result: Memory) -> list[tuple[str, str]]:
    """All that is said below the tables: the answer, then the notes."""
    return [*summary(result), *(("Note", text) for text in notes(result))]


def notes(result: Memory) -> list[str]:
    """What a careful reader should know."""
    return [*result.notes, *uncounted(result)]


def uncounted(result: Memory) -> list[str]:
    """A line on operators that have no rule, where there are some."""
    if not result.uncounted:
        return []
    names = ", ".join(result.uncounted)
    return [f"uncounted: scratch memory of {names}: no rule is known, so only outputs are counted"]


def peak_rows(result: Memory) -> list[tuple[str, int, int | None]]:
    """Each category, the three totals and the phases: its name, predicted, measured."""
    totals, measured = result.totals, result.totals.measured
    rows: list[tuple[str, int, int | None]] = [
        (
            words,
            totals.categories_at_peak[name],
            measured.categories_at_peak.get(name) if measured else None,
        )
        for name, words in ALL_NAMES.items()
        if name in totals.categories_at_peak
    ]
    rows += [
        (name.replace("_bytes", "").replace("_", " "), getattr(totals, name),
         getattr(measured, name) if measured else None)
        for name in ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes")
    ]  # fmt: skip
    rows += [
        (
            f"allocated {name.replace('_', ' ')}",
            totals.phases[name],
            measured.phases.get(name) if measured else None,
        )
        for name in PHASES
        if name in totals.phases
    ]
    return rows


def largest(result: Memory, top: int) -> tuple[list[LayerMemory], list[LayerMemory]]:
    """The layers that hold most at the peak, and the others."""
    order = sorted(result.layers, key=lambda layer: -layer.bytes)
    return order[:top], order[top:]
