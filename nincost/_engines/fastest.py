"""Which of the batches that fit has the most examples a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nincost._memory.fit import at_batch_size
from nincost._memory.fit_results import Fit
from nincost._memory.predict import Prediction
from nincost._memory.record import record
from nincost._step.request import Request
from nincost._time.predict import time_recording
from nincost._time.speeds import is_timed


def with_fastest(found: Fit, request: Request, tried: Mapping[int, Prediction]) -> Fit:
    """The answer with its examples a second, and the fastest of some batches that fit.

    Timed are those that the search recorded, and the largest multiple of 64 and the largest power
    of two: tiles and waves fill there. A card that nobody named has no speed.
    """
    if not is_timed(request):
        return found
    batch = found.totals.batch_size
    rates: dict[int, float] = {}
    for size in sorted({*tried, batch // 64 * 64, 1 << (batch.bit_length() - 1)}):
        if not 0 < size <= batch:
            continue
        at = at_batch_size(request, size)
        known = tried.get(size)
        recording = record(at.step, at.target()) if known is None else known.recording
        rates[size] = time_recording(at, recording).examples_per_second
    fastest = max(rates, key=lambda size: rates[size])
    totals = replace(
        found.totals, examples_per_second=rates[batch], fastest_batch_size=fastest,
        fastest_examples_per_second=rates[fastest],
    )  # fmt: skip
    return replace(found, totals=totals)
