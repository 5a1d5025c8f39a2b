"""A verification in words: whether both agree, and where they part first."""

from __future__ import annotations

from nincost import _units as units
from nincost._emulator.verification.results import Difference, Verification

_NAMES = {"peak_allocated": "peak allocated", "peak_reserved": "peak reserved"}


def title(result: Verification) -> str:
    """`two-1x1 on 1x224x224 (batch 8), NVIDIA H100: predicted and emulated`."""
    inputs = ", ".join(result.input)
    return f"{result.model} on {inputs} (batch {result.batch_size}), {result.gpu}: verified"


def rows(result: Verification) -> list[tuple[str, int, int, str]]:
    """Each peak: its name, predicted, emulated, and what is between them."""
    return [
        (_NAMES[name], mine, real, f"{mine - real:+,}" if mine != real else "0")
        for name, mine, real in result.rows
    ]


def verdict(result: Verification) -> str:
    """Whether both peaks are the same to the byte."""
    if result.totals.agrees:
        return "AGREES: both peaks are the same to the byte"
    parts = [f"{name} by {between} bytes" for name, _, _, between in rows(result) if between != "0"]
    return f"DIFFERS: predicted less emulated, {' and '.join(parts)}"


def statements(result: Verification) -> list[tuple[str, str]]:
    """The answer in lines that each begin with a word."""
    changes = f"{units.exact(result.totals.changes)} allocations and frees"
    if result.difference is None:
        first = f"in none of {changes}: all are the same, in order"
    else:
        first = f"{_first(result.difference)} (of {changes})"
    versions = result.environment
    lines = [
        ("They part", first),
        (
            "Emulated",
            f"PyTorch {versions.get('torch', '?')}'s own CUDA code ran the step over a CUDA in "
            "which kernels do nothing: no measurement of a card",
        ),
    ]
    return lines + [("Note", note) for note in result.notes]


def _first(one: Difference) -> str:
    where = f"in {one.phase} of step {one.step}" if one.step else f"in {one.phase}"
    if one.layer:
        where += f", layer {one.layer}"
    mine = _change(one.predicted_bytes)
    if one.operator:
        mine += f" by {one.operator} ({one.category})"
    real = _change(one.emulated_bytes)
    if one.line:
        real += f" at {one.line}"
    return (
        f"first at number {units.exact(one.number + 1)}, {where}: predicted {mine}, PyTorch {real}"
    )


def _change(size: int | None) -> str:
    if size is None:
        return "nothing more"
    return f"{'allocates' if size > 0 else 'frees'} {abs(size):,} bytes"
