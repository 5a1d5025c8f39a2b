"""A timed step in the Chrome trace format: what the host launches, what the card runs, and why."""

from __future__ import annotations

import json
from typing import Any

from nincost._time.timed import Timed

_HOST, _CARD, _PHASES, _SENT = 1, 2, 3, 4


def chrome_trace(timed: Timed, title: str) -> str:
    """JSON of complete events (`ph: X`), in microseconds from the step's beginning.

    https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU ("Trace Event
    Format") describes the fields.
    """
    events: list[dict[str, Any]] = [_name(0, title)]
    events += [
        _name(thread, words)
        for thread, words in ((_HOST, "host: launches"), (_CARD, "card"), (_PHASES, "phase"))
    ]
    spans = timed.queue.spans
    start = min((span.launched for span in spans), default=0.0)  # the host runs ahead of the card
    before = start
    phases: list[tuple[str, float, float]] = []
    for one, span, on_card in zip(timed.operators.launched, spans, timed.of_operator, strict=True):
        works = [timed.operators.works[number] for number in one.works]
        details = {
            "layer": timed.operators.layers[one.layer],
            "phase": one.phase,
            "kernels": [work.family for work in works],
            "flops": sum(work.flops for work in works),
            "bytes": sum(work.moved for work in works),
            "bound by": [timed.bound(number) for number in one.works],
            "card waited (us)": round(1e6 * span.waited, 3),
        }
        events.append(_event(one.name, _HOST, before - start, span.launched - before, {}))
        before = span.launched
        if on_card:
            events.append(_event(one.name, _CARD, span.begins - start, on_card, details))
        if phases and phases[-1][0] == one.phase:
            phases[-1] = (one.phase, phases[-1][1], span.ends - start)
        else:
            phases.append((one.phase, span.begins - start, span.ends - start))
    if timed.beside.collectives:
        events.append(_name(_SENT, "communication"))
        sent = zip(timed.beside.collectives, timed.queue.sent, strict=True)
        events += [
            _event(sending.name, _SENT, begins - start, ends - begins, {"bytes": sending.moved})
            for sending, (begins, ends) in sent
        ]
    events += [_event(name, _PHASES, begins, ends - begins, {}) for name, begins, ends in phases]
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}) + "\n"


def _name(thread: int, words: str) -> dict[str, Any]:
    kind = "thread_name" if thread else "process_name"
    return {"name": kind, "ph": "M", "pid": 1, "tid": thread, "args": {"name": words}}


def _event(
    name: str, thread: int, begins: float, seconds: float, details: dict[str, Any]
) -> dict[str, Any]:
    return {
        "name": name, "ph": "X", "pid": 1, "tid": thread, "ts": round(1e6 * begins, 3),
        "dur": round(1e6 * seconds, 3), "args": details,
    }  # fmt: skip
