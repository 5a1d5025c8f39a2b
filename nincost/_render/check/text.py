"""A check in words: the verdict, and what explains the differences."""

from __future__ import annotations

from nincost import _units as units
from nincost._closed_form.check_results import Check


def title(check: Check) -> str:
    """`two-1x1 on 1x1x224x224 (batch 1)`."""
    return f"{check.model} on {', '.join(check.input)} (batch {check.batch_size})"


def statements(check: Check) -> list[tuple[str, str]]:
    """The verdict, FlopCounterMode's total, and the explanations, in words."""
    wrong = [row for row in check.rows if row.verdict == "differs"]
    only = check.totals.trace_only_macs
    if wrong:
        verdict = f"{len(wrong)} of {len(check.rows)} layers differ between hand and trace"
    else:
        verdict = "hand formulas and trace agree in every layer that has a hand formula"
        if only:
            share = 100 * only / check.totals.trace_macs
            verdict += f"; only the trace counts functions: {units.exact(only)} MACs ({share:.1f}%)"
    lines = [("Verdict", verdict)]
    for row in wrong:
        lines.append(("Differs", f"{row.layer}: {row.note}"))
    for name, macs in (
        ("fvcore", check.totals.fvcore_macs),
        ("FlopCounterMode", check.totals.flop_counter_macs),
    ):
        if macs is not None:
            lines.append((name, f"{units.exact(macs)} MACs, {_beside_trace(macs, check)}"))
    return lines + [("Note", note) for note in check.notes]


def _beside_trace(macs: int, check: Check) -> str:
    """How a tool's total differs from the trace's."""
    difference = macs - check.totals.trace_macs
    if not difference:
        return "the same as the trace"
    return f"{abs(difference):,} {'more' if difference > 0 else 'fewer'} than the trace"
