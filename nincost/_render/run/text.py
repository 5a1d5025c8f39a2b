"""What a run on the emulated GPU says in words: whether it fits, where the peak is, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nincost import _units as units
from nincost._emulator.results import Assumed, OutOfMemory, RankRun, Run
from nincost._render.memory.text import (
    ALL_NAMES,
    ALL_PARTS,
    fit_sentence,
    phase_rows,
)
from nincost._render.parts.rank_kinds import rank_kinds
from nincost._render.parts.run_time import time_words

#: Lines and layers in a table unless asked otherwise; CSV and JSON have them all.
TOP = 8
NAMES = ALL_NAMES

#: Columns of lines and layers, and the categories that each adds up.
PARTS = ALL_PARTS
_IN_PHASE = {
    "model": "before the first forward",
    "forward": "in forward",
    "loss": "after forward, in the loss",
    "zero_grad": "in zero_grad",
    "backward": "in backward",
    "step": "in the optimizer's step",
    "end": "between two steps",
}
#: Out of memory that a script caught: how many are described.
_CAUGHT = 3
#: Places of assumptions that are described, and how much of a line's code.
_ASSUMED, _CODE = 4, 60
#: The share of the peak from which on a line is shown by the library's lines that it called.
_MUCH = 1 / 3


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: what holds the bytes, and how many of each category."""

    name: str
    bytes: int
    categories: Mapping[str, int]
    #: The beginning of the name that is not to be cut: a line's file and number, without its code.
    place: str = ""


def title(result: Run) -> str:
    """`train.py --batch-size 32 on NVIDIA H100 80GB HBM3, emulated`."""
    ranks = f", rank {_numbers(result)} of {result.world_size}" if result.world_size > 1 else ""
    return f"{command(result)} on {result.gpu}, emulated{ranks}"


def command(result: Run) -> str:
    """The script and its arguments."""
    return " ".join((result.script, *result.arguments))


def _numbers(result: Run) -> str:
    return ", ".join(str(rank.rank) for rank in result.ranks)


def verdict(result: Run) -> str:
    """`FITS: ...` or `DOES NOT FIT: ...`, and by how much."""
    totals = result.totals
    failed = next((r.out_of_memory for r in result.ranks if r.out_of_memory), None)
    if failed is not None:
        return f"DOES NOT FIT: {out_of_memory(failed, result)}"
    need, card = totals.process_bytes, totals.card_bytes
    if need > card:
        return fit_sentence(need, card)
    has = f"the card has {units.size(card)} ({units.size(card - need)} to spare)"
    budget = totals.budget_bytes
    if budget is not None and need > budget:
        return (
            f"OVER BUDGET: needs {units.size(need)}, the budget is {units.size(budget)} "
            f"({units.size(need - budget)} short); {has}"
        )
    if result.failure:
        what = "was not done" if _timed_out(result) else "failed"
        return f"UNKNOWN: the script {what}; until then it needed {units.size(need)}, {has}"
    return fit_sentence(need, card)


def _timed_out(result: Run) -> bool:
    return any(rank.ended == "timeout" for rank in result.ranks)


def out_of_memory(failed: OutOfMemory, result: Run) -> str:
    """Where the card's memory ended, what was held and how much more was needed."""
    where = f"in step {failed.step}" if failed.step else "before the first step"
    if result.world_size > 1:
        where = f"on rank {failed.rank} {where}"
    if failed.line:
        where += f" at {failed.line}"
    if failed.code:
        where += f" `{failed.code}`"
    if failed.layer:
        where += f", layer {failed.layer}"
    return (
        f"out of memory {where}: {units.size(failed.requested_bytes)} were asked for and "
        f"{units.size(failed.free_bytes)} free, with {units.size(failed.allocated_bytes)} "
        f"allocated and {units.size(failed.reserved_bytes)} reserved; at least "
        f"{units.size(failed.shortfall_bytes)} short"
    )


def statements(result: Run) -> list[tuple[str, str]]:
    """The answer in lines that each begin with a word."""
    totals = result.totals
    lines = [
        ("Peak", f"{units.size(totals.peak_allocated_bytes)} allocated, reached {_peak(result)}"),
        ("Over time", ", ".join(_over_time(totals.phases))),
        ("On the card", _on_the_card(result)),
    ]
    lines = [(name, text) for name, text in lines if text]
    if result.time is not None:
        lines += time_words(result.time, several=len(result.ranks) > 1)
    lines += [("Ranks", text) for text in rank_kinds(result)]
    lines += [("Caught", text) for text in _caught(result.ranks, result)]
    if any(rank.out_of_memory for rank in result.ranks):
        lines.append(
            (
                "To know more",
                "--capacity unlimited goes on past the card's end and finds what the script needs",
            )
        )
    if result.failure:
        lines.append(("Failed", result.failure))
    lines.append(("Emulated", _how(result)))
    lines += [("Assumed", text) for text in assumed(result)]
    lines += [("Note", text) for text in notes(result)]
    return lines


def _peak(result: Run) -> str:
    totals = result.totals
    where, unit = _IN_PHASE[totals.peak_phase], result.ranks[0].unit
    if unit == "call" and totals.peak_phase == "loss":
        where = "after forward"  # where nothing is trained there is no loss
    if totals.peak_step:
        where += f" of {unit} {totals.peak_step}" if totals.peak_phase != "end" else ""
    if totals.peak_layer and not totals.peak_layer.startswith("["):
        where += f", layer {totals.peak_layer}"
    if totals.peak_line:
        where += f", at {totals.peak_line} `{totals.peak_code}`"
    return where


def _over_time(phases: Mapping[str, int]) -> Iterable[str]:
    return (f"{units.size(size)} {words}" for words, size in phase_rows(phases))


def _on_the_card(result: Run) -> str:
    totals = result.totals
    text = (
        f"{units.size(totals.peak_reserved_bytes)} reserved ({units.size(totals.cached_bytes)} "
        f"more than allocated), {units.size(totals.context_bytes)} for the CUDA context (modelled)"
    )
    if totals.nccl_bytes:
        least, most = map(units.size, totals.nccl_range_bytes)
        text += f", {units.size(totals.nccl_bytes)} for NCCL, modelled ({least} to {most})"
    if totals.outside_bytes:
        text += f", {units.size(totals.outside_bytes)} beside PyTorch's allocator"
    return f"{text}: {units.size(totals.process_bytes)} as nvidia-smi would show it"


def _caught(ranks: Iterable[RankRun], result: Run) -> list[str]:
    """Times that the script caught being out of memory."""
    found = [failed for rank in ranks for failed in rank.caught]
    lines = [f"{out_of_memory(failed, result)}; the script went on" for failed in found[:_CAUGHT]]
    if len(found) > _CAUGHT:
        lines.append(f"{len(found) - _CAUGHT} more times out of memory")
    return lines


def _how(result: Run) -> str:
    versions = result.environment
    ended = {
        "steps": "ended after the steps that were asked for",
        "calls": "ended after the calls that were asked for",
        "repeated": "ended when a step had set no new peak",
        "exit": "which ended by itself",
        "interrupt": "interrupted",
        "terminated": "ended by a signal",
        "timeout": "ended when its time was up",
        "exception": "which failed",
    }[result.ranks[0].ended]
    steps = len(result.ranks[0].steps)
    unit = result.ranks[0].unit
    return (
        f"PyTorch {versions.get('torch', '?')} ran the script, {ended}, with {steps} {unit}"
        f"{'' if steps == 1 else 's'} seen; kernels did nothing, so values are zeros (docs/run.md)"
    )


def assumed(result: Run) -> list[str]:
    """What a card would have computed: sizes that memory depends on, choices, numbers read back."""
    by_kind: dict[str, list[Assumed]] = {}
    for one in result.assumed:
        by_kind.setdefault(one.kind, []).append(one)
    found = [
        f"{one.name} found {one.detail}{' the first time' if one.varies else ''}{_at(one)}"
        for one in by_kind.get("size", ())
    ]
    if len(found) > _ASSUMED:
        more = len(found) - _ASSUMED
        found[_ASSUMED:] = [f"{more} more sizes (all are in JSON)"]
    if found:
        found.append("what memory would be otherwise, --assume none or half and --routing say")
    choices = by_kind.get("choice", ())
    if choices:
        names = ", ".join(dict.fromkeys(one.name for one in choices))
        found.append(f"autotuning took the first choice of each kernel, without timing it: {names}")
    values = by_kind.get("value", ())
    if values:
        places = [f"{one.name}{_at(one)}" for one in values[:_ASSUMED]]
        if len(values) > _ASSUMED:
            places.append(f"{len(values) - _ASSUMED} more")
        found.append(
            f"zeros, or true, for what was read back from the card: {'; '.join(places)}. What the "
            "script decides by it may be otherwise on a card"
        )
    return found


def _at(one: Assumed) -> str:
    """` at train.py:8 `x[mask]` > nets.py:3 (7 times)`."""
    words = f" at {one.line}" if one.line else ""
    if one.code:
        words += f" `{one.code if len(one.code) <= _CODE else f'{one.code[: _CODE - 1]}…'}`"
    if one.via:
        words += f" > {one.via}"
    return f"{words} ({one.count} times)" if one.count > 1 else words


def notes(result: Run) -> list[str]:
    """What a careful reader should know."""
    found = list(result.notes)
    if result.uncounted:
        found.append(f"called and not emulated: {', '.join(result.uncounted)}")
    return found


def peak_rows(result: Run) -> list[tuple[str, int]]:
    """Each category that holds something, and the three totals."""
    totals = result.totals
    rows = [
        (words, size)
        for name, words in NAMES.items()
        if (size := totals.categories_at_peak.get(name, 0))
    ]
    return [
        *rows,
        ("peak allocated", totals.peak_allocated_bytes),
        ("peak reserved", totals.peak_reserved_bytes),
        *([("NCCL, modelled", totals.nccl_bytes)] if totals.nccl_bytes else []),
        ("process", totals.process_bytes),
    ]


def line_rows(result: Run) -> list[Row]:
    """The user's lines, all layers of each added up, the largest first.

    A line that holds much of the peak through a library is shown by the library's lines.
    """
    wholes: dict[str, int] = {}
    for row in result.lines:
        wholes[row.line] = wholes.get(row.line, 0) + row.bytes
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for row in result.lines:
        place, code = (row.line, row.code) if row.line else ("(no line of the script's)", "")
        if row.via and wholes[row.line] > result.totals.peak_allocated_bytes * _MUCH:
            place, code = f"{row.line} > {row.via}", row.via_code
        parts = sums.setdefault((place, code), dict.fromkeys(NAMES, 0))
        for category, size in row.categories.items():
            parts[category] += size
    rows = [
        Row(f"{place} {code}".rstrip(), sum(parts.values()), parts, place)
        for (place, code), parts in sums.items()
    ]
    return sorted(rows, key=lambda row: -row.bytes)


def layer_rows(result: Run) -> list[Row]:
    """Layers, the largest first."""
    rows = [Row(layer.layer, layer.bytes, layer.categories) for layer in result.layers]
    return sorted(rows, key=lambda row: -row.bytes)


def shown(rows: list[Row], top: int) -> list[Row]:
    """The first rows, and one for the rest."""
    first, rest = rows[:top], rows[top:]
    if not rest:
        return first
    parts = {name: sum(row.categories.get(name, 0) for row in rest) for name in NAMES}
    plural = "s" if len(rest) > 1 else ""
    return [*first, Row(f"{len(rest)} other{plural}", sum(parts.values()), parts)]


def step_rows(result: Run, most: int = 6) -> list[tuple[str, ...]]:
    """Each rank's steps: the first, the last, and that of the peak where there are many."""
    rows = []
    for rank in result.ranks:
        steps = rank.steps
        if len(steps) > most:
            peak = max(steps, key=lambda step: step.peak_allocated_bytes)
            chosen = {id(step) for step in (*steps[: most - 2], peak, steps[-1])}
            steps = tuple(step for step in steps if id(step) in chosen)
        for step in steps:
            sizes = (
                step.peak_allocated_bytes, step.peak_reserved_bytes, step.process_bytes,
            )  # fmt: skip
            after = [
                units.size(step.phases[name]) if name in step.phases else ""
                for name in ("after_forward", "after_backward", "after_step")
            ]
            rows.append((str(rank.rank), str(step.step), *map(units.size, sizes), *after))
    return rows
