"""A pipeline's stages beside each other: each waits for what the others send it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from nincost._time.queue import Queue, walk_queue
from nincost._time.timed import Timed, kernels_of


@dataclass(slots=True)
class _Stage:
    """One that runs: `wants` is what it waits for, `queue` is there when it is done."""

    walk: Generator[tuple[int, int], float, Queue]
    sent: list[tuple[int, float]]
    wants: tuple[int, int] | None = None
    queue: Queue | None = None

    def go_on(self, arrival: float | None = None) -> None:
        """Run until it waits for something, or is done."""
        try:
            self.wants = next(self.walk) if arrival is None else self.walk.send(arrival)
        except StopIteration as end:
            self.wants, self.queue = None, end.value

    def sent_to(self, stage: int, place: int) -> float | None:
        """When it sent the stage what comes there; None where it has not yet."""
        found = [time for peer, time in self.sent if peer == stage]
        return found[place] if place < len(found) else None


def beside_each_other(timed: Sequence[Timed]) -> list[Timed]:
    """The stages of a pipeline, in order, with the queues that they have beside each other.

    A send does not wait for who receives it. Where each waits for another, which PyTorch's
    schedules do not do, what is waited for is taken to be there.
    """
    if len(timed) == 1:
        return list(timed)
    stages = [_start(one, []) for one in timed]
    for stage in stages:
        stage.go_on()
    while any(stage.wants for stage in stages):
        moved = False
        for number, stage in enumerate(stages):
            while stage.wants is not None:
                peer, place = stage.wants
                arrival = stages[peer].sent_to(number, place)
                if arrival is None:
                    break
                stage.go_on(arrival)
                moved = True
        if not moved:
            next(stage for stage in stages if stage.wants).go_on(0.0)
    queues = [stage.queue for stage in stages]
    return [replace(one, queue=queue) for one, queue in zip(timed, queues, strict=True) if queue]


def _start(one: Timed, sent: list[tuple[int, float]]) -> _Stage:
    launched = one.operators.launched
    walk = walk_queue(
        launched, one.of_operator, kernels_of(one.operators), one.parameters.host, one.beside,
        sent, graph=one.graph,
    )  # fmt: skip
    return _Stage(walk, sent)
