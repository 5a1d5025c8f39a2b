"""The host launches, the card works: a step is as long as the slower of both, operator by operator.

The host's thread runs ahead of the card by as many launches as the queue holds; where it does not,
the card waits for it. A step is followed by one like it, so it is the second of two that is timed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
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
        peer: the stage of a pipeline that it is sent to, or that sends it, apart from all other
            collectives; -1 of what is no such.
    """

    name: str
    moved: int
    seconds: float
    after: int
    before: int
    copied: int = 0
    peer: int = -1


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
    walk = walk_queue(launched, card_seconds, kernels, host, beside, [], graph=graph)
    try:
        next(walk)
        while True:
            walk.send(0.0)  # what another stage sends is there
    except StopIteration as end:
        found: Queue = end.value
        return found


def walk_queue(
    launched: Sequence[Launched],
    card_seconds: Sequence[float],
    kernels: Sequence[int],
    host: HostCosts,
    beside: Beside,
    sent: list[tuple[int, float]],
    *,
    graph: bool,
) -> Generator[tuple[int, int], float, Queue]:
    """As `run_queue`, beside other stages of a pipeline.

    Args:
        sent: gets, in order, to which stage something is sent, and from when on.

    Yields:
        What is waited for: the stage that sends it, and how many it sends before that. It is sent
        the time from which on that is sent.
    """
    costs = [0.0 if graph else _host_seconds(one, n, host) for one, n in zip(
        launched, kernels, strict=True)]  # fmt: skip
    link = _Link(beside, sent)
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
                begins = yield from link.wait(at, ready)
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

    def __init__(self, beside: Beside, outbox: list[tuple[int, float]]) -> None:
        self._beside = beside
        self._outbox = outbox
        self.free = 0.0
        self._posted: dict[int, tuple[int, float]] = {}
        self._received: dict[int, int] = {}
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
            one = self._beside.collectives[number]
            if one.peer >= 0:  # NCCL has a stream for each pair
                if one.name == "send":
                    self._outbox.append((one.peer, now))
                    self._sent[number] = now, now + one.seconds
                else:
                    before = self._received.get(one.peer, 0)
                    self._received[one.peer] = before + 1
                    self._posted[number] = before, now
                continue
            begins = max(self.free, now)
            self.free = begins + one.seconds
            self._done[number] = self.free
            self._sent[number] = begins, self.free

    def sent_since(self, began: float) -> list[tuple[float, float]]:
        """When each collective last began and ended."""
        spans = (self._sent.get(n, (began, began)) for n in range(len(self._beside.collectives)))
        return [(begins - began, ends - began) for begins, ends in spans]

    def wait(self, at: int, now: float) -> Generator[tuple[int, int], float, float]:
        """When an operator may begin, that could begin now if it waited for nothing."""
        copied = 0
        for number in self._awaited.get(at, ()):
            if number in self._posted:
                one = self._beside.collectives[number]
                place, posted = self._posted.pop(number)
                begins = max(posted, (yield one.peer, place))
                self._sent[number] = begins, begins + one.seconds
                now = max(now, begins + one.seconds)
            elif number in self._done:  # else it is the first step, and waits for none before it
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
