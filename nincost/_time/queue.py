"""The host launches, the card works: a step is as long as the slower of both, operator by operator.

The host's thread runs ahead of the card by as many launches as the queue holds; where it does not,
the card waits for it. A step is followed by one like it, so it is the second of two that is timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nincost._time.operators import Launched
from nincost._time.parameters import HostCosts

#: Launches that may wait in a stream; measured by many, documented nowhere.
_QUEUE = 1024

_FORWARD = frozenset({"forward", "loss"})


class Span(NamedTuple):
    """When an operator was launched and its kernels ran, in seconds from the step's beginning.

    `seconds` is from the end of the operator before it on the card to its own end, so that all
    operators of a step add up to it; `waited` is how long of that the card had nothing to do.
    """

    launched: float
    begins: float
    ends: float
    seconds: float
    waited: float


class Queue(NamedTuple):
    """A step as it runs: a span for each operator, and seconds of the host's thread."""

    spans: list[Span]
    seconds: float
    host_seconds: float


def run_queue(
    launched: Sequence[Launched],
    card_seconds: Sequence[float],
    kernels: Sequence[int],
    host: HostCosts,
    *,
    graph: bool = False,
) -> Queue:
    """Run a step's operators twice, one step after the other, and time the second.

    Args:
        launched: the operators.
        card_seconds: what each takes on the card.
        kernels: how many kernels each launches.
        host: what the host takes for each.
        graph: all is launched at once, as by a CUDA graph.
    """
    costs = [0.0 if graph else _host_seconds(one, n, host) for one, n in zip(
        launched, kernels, strict=True)]  # fmt: skip
    clock = card = began = 0.0
    spans: list[Span] = []
    ends: list[float] = []
    for _ in range(2):
        began = card
        spans = []
        for one, cost, seconds, many in zip(launched, costs, card_seconds, kernels, strict=True):
            if len(ends) >= _QUEUE:
                clock = max(clock, ends[-_QUEUE])
            clock += cost
            if many:
                begins = max(clock, card)
                done = begins + seconds
                spans.append(
                    Span(clock - began, begins - began, done - began, done - card, begins - card)
                )
                ends.extend([done] * many)
                card = done
            else:
                spans.append(Span(clock - began, card - began, card - began, 0.0, 0.0))
            if one.waits:
                clock = max(clock, card)
    return Queue(spans, card - began, sum(costs))


def _host_seconds(one: Launched, kernels: int, host: HostCosts) -> float:
    """What the host's thread takes for an operator: its dispatch, and its launches."""
    if one.compiled:
        return kernels * host.kernel
    each = host.forward if one.phase in _FORWARD else host.backward
    if one.phase in ("step", "zero_grad"):
        each = host.step
    return each + kernels * host.kernel + one.tensors * host.tensor
