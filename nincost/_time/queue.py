"""The host launches, the card works: a step is as long as the slower of both, operator by operator.

The host's thread runs ahead of the card by as many launches as the queue holds; where it does not,
the card waits for it. A step is followed by one like it, so it is the second of two that is timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from nincost._time.operators import Launched
from nincost._time.parameters import HostCosts

#: Launches that may wait in a stream; measured by many, documented nowhere.
_QUEUE = 1024

#: Bytes a second that the host's own processor reads and writes, where an optimizer is offloaded to
#: it. ASSUMED: some cores of a server.
_HOST_MEMORY = 50e9

_FORWARD = frozenset({"forward", "loss"})


class Span(NamedTuple):
    """When an operator was launched and its kernels ran, in seconds from the step's beginning.

    `seconds` is from the end of the operator before it on the card to its own end, so that all
    operators of a step add up to it; `waited` is how long of that the card waited for the host, and
    `communicated` how long it waited for other ranks, copied what they sent, and was slowed by it.
    """

    launched: float
    begins: float
    ends: float
    seconds: float
    waited: float
    communicated: float


class Queue(NamedTuple):
    """A step as it runs.

    Attributes:
        spans: of each operator.
        host_seconds: of the host's thread.
        sent: when each collective began and ended, in seconds from the step's beginning.
    """

    spans: list[Span]
    seconds: float
    host_seconds: float
    sent: list[tuple[float, float]]


class Collective(NamedTuple):
    """Something that is sent.

    Attributes:
        seconds: that it takes.
        after: it may begin when the card has done all before the operator of this number, and the
            host has launched that; -1: with the step.
        before: the card begins the operator of this number when it is done; the next step's,
            where that comes before `after`.
        copied: bytes that the card copies beside it, once it is done.
    """

    name: str
    moved: int
    seconds: float
    after: int
    before: int
    copied: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """What a card does beside a step's operators: it sends and receives.

    Attributes:
        share: of the card's multiprocessors that a collective takes while it runs.
        copy_rate: bytes a second at which the card copies what came.
    """

    collectives: Sequence[Collective] = ()
    share: float = 0.0
    copy_rate: float = 1.0

    def quicker(self, times: float) -> Beside:
        """The same with collectives that take so many times less."""
        sent = [one._replace(seconds=one.seconds / times) for one in self.collectives]
        return replace(self, collectives=sent)


def run_queue(
    launched: Sequence[Launched],
    card_seconds: Sequence[float],
    kernels: Sequence[int],
    host: HostCosts,
    beside: Beside = Beside(),
    *,
    graph: bool = False,
) -> Queue:
    """Run a step's operators twice, one step after the other, and time the second.

    Args:
        launched: the operators.
        card_seconds: what each takes on the card.
        kernels: how many kernels each launches.
        host: what the host takes for each.
        beside: collectives, which run one after another on a stream of their own.
        graph: all is launched at once, as by a CUDA graph.
    """
    costs = [0.0 if graph else _host_seconds(one, n, host) for one, n in zip(
        launched, kernels, strict=True)]  # fmt: skip
    link = _Link(beside)
    clock = card = began = 0.0
    spans: list[Span] = []
    ends: list[float] = []
    for _ in range(2):
        began = card
        link.start(-1, began)
        spans = []
        for at, (one, cost, seconds, many) in enumerate(
            zip(launched, costs, card_seconds, kernels, strict=True)
        ):
            if len(ends) >= _QUEUE:
                clock = max(clock, ends[-_QUEUE])
            clock += cost
            if many:
                ready = max(clock, card)
                link.start(at, ready)
                begins = link.wait(at, ready)
                longer = link.slowed(begins, seconds)
                done = begins + seconds + longer
                spans.append(Span(
                    clock - began, begins - began, done - began, done - card, ready - card,
                    begins - ready + longer,
                ))  # fmt: skip
                ends.extend([done] * many)
                card = done
            else:
                spans.append(Span(clock - began, card - began, card - began, 0.0, 0.0, 0.0))
            if one.waits:
                clock = max(clock, card)
            if one.synchronizes:
                clock = max(clock, link.free)
    return Queue(spans, card - began, sum(costs), link.sent_since(began))


class _Link:
    """The stream of collectives: each begins when it may and the one before it is done."""

    def __init__(self, beside: Beside) -> None:
        self._beside = beside
        self.free = 0.0
        self._sent: dict[int, tuple[float, float]] = {}
        self._done: dict[int, float] = {}
        self._starts: dict[int, list[int]] = {}
        self._awaited: dict[int, list[int]] = {}
        for number, one in enumerate(beside.collectives):
            self._starts.setdefault(one.after, []).append(number)
            self._awaited.setdefault(one.before, []).append(number)

    def start(self, at: int, now: float) -> None:
        """The card comes to an operator."""
        for number in self._starts.get(at, ()):
            begins = max(self.free, now)
            self.free = begins + self._beside.collectives[number].seconds
            self._done[number] = self.free
            self._sent[number] = begins, self.free

    def sent_since(self, began: float) -> list[tuple[float, float]]:
        """When each collective last began and ended."""
        spans = (self._sent.get(n, (began, began)) for n in range(len(self._beside.collectives)))
        return [(begins - began, ends - began) for begins, ends in spans]

    def wait(self, at: int, now: float) -> float:
        """When an operator may begin, that could begin now if it waited for nothing."""
        copied = 0
        for number in self._awaited.get(at, ()):
            if number in self._done:  # else it is the first step, and waits for none before it
                now = max(now, self._done.pop(number))
                copied += self._beside.collectives[number].copied
        return now + copied / self._beside.copy_rate

    def slowed(self, begins: float, seconds: float) -> float:
        """How much longer kernels take beside the collective that runs meanwhile."""
        share = self._beside.share
        return max(min(self.free - begins, seconds), 0.0) * share / (1 - share)


def _host_seconds(one: Launched, kernels: int, host: HostCosts) -> float:
    """What the host's thread takes for an operator: its dispatch, and its launches."""
    if one.compiled:
        return kernels * host.kernel
    each = host.forward if one.phase in _FORWARD else host.backward
    if one.phase in ("step", "zero_grad"):
        each = host.step
    there = one.on_host / _HOST_MEMORY
    return each + kernels * host.kernel + one.tensors * host.tensor + there
