"""The memory of a step by batch size, and the largest batch for cards of common sizes.

A step's memory is nearly linear in its batch: each allocation is a fixed number of bytes and a
number for each example. So the step is predicted in full at a few batches only, those that the
search for each card's largest batch needs, and linearly interpolated between them. A long step is
predicted at fewer, and the largest batches are interpolated as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from nincost._devices.cards import GPUS, Gpu
from nincost._isolation import collection_paused
from nincost._memory.fit import refuse_real_runs, search
from nincost._memory.predict import Prediction, predict
from nincost._report.results import BatchCurve, CardFit
from nincost._step.request import Request
from nincost.errors import InputError

#: Sizes as cards are sold, and a card of each, smallest first.
COMMON_CARDS = {
    "8 GB": "rtx3070", "12 GB": "rtx3060", "16 GB": "rtx4080", "24 GB": "rtx4090",
    "40 GB": "a100-40gb", "80 GB": "a100-80gb", "141 GB": "h200",
}  # fmt: skip

#: A recording with more entries is predicted at a few batches only, near those of these cards.
_LONG = 3000
_CARDS_OF_LONG = ("8 GB", "24 GB", "141 GB")
_FIRST = 8
_MANY = 1024
_LARGEST = 1 << 24
#: Batches on the line from one end to the other, evenly spaced on a logarithmic axis.
_ON_LINE = 60


def batch_curve(request: Request, given: Mapping[int, int]) -> BatchCurve:
    """The memory of a request's step by batch size.

    Args:
        request: the step, and the card that it is predicted for.
        given: bytes of the process at batch sizes that are predicted already.

    Raises:
        InputError: the input has a batch of its own, or memory does not grow with the batch.
    """
    specs = request.step.input
    if isinstance(specs, str) or specs is None:
        specs = ()
    if not isinstance(specs, list | tuple) or not all(isinstance(item, str) for item in specs):
        raise InputError(
            "example tensors have a batch of their own, which cannot be changed: "
            "give input as a shape, such as 3x224x224"
        )
    with collection_paused():
        return _Curve(request, given).result()


class _Curve:
    """Predictions in full by batch size, and the lines between them.

    Attributes:
        request: the step.
        known: predictions in full, by batch size.
        sizes: bytes of the process, by batch size.
        is_long: whether a prediction is slow, so that few are made.
    """

    def __init__(self, request: Request, given: Mapping[int, int]) -> None:
        self.request = request
        self.known: dict[int, Prediction] = {}
        self.sizes = dict(given)
        self.predict(1)
        refuse_real_runs(self.known[1])
        self.predict(_FIRST)
        if self.sizes[_FIRST] <= self.sizes[1]:  # so small that no segment is full yet
            self.predict(_MANY)
        self.is_long = len(self.known[_FIRST].recording.entries) > _LONG

    def predict(self, batch: int) -> int:
        """The process's bytes at a batch, predicted in full."""
        if batch not in self.known:
            self.known[batch] = predict(self.request.changed(batch_size=batch))
            self.sizes[batch] = self.known[batch].process_bytes
        return self.sizes[batch]

    def result(self) -> BatchCurve:
        if max(self.sizes.values()) <= self.sizes[1]:
            raise InputError(
                f"it is the same from batch 1 to {max(self.sizes):,}, as what grows with the batch "
                "is so small: use nincost fit to find the largest"
            )
        cards = [(label, GPUS[name]) for label, name in COMMON_CARDS.items()]
        budget = self.request.card.budget_bytes
        if budget is not None and all(gpu.memory_bytes != budget for _, gpu in cards):
            cards.append((f"{budget / 2**30:.1f} GiB", self.request.card.gpu))
        cards.sort(key=lambda item: item[1].memory_bytes)
        if self.is_long:
            for label, gpu in cards:
                batch = self.largest(gpu.memory_bytes)
                if batch > 1 and label in _CARDS_OF_LONG:
                    self.predict(min(batch, _LARGEST // 2))
        fits = tuple(self.card(label, gpu) for label, gpu in cards)
        last = max([*self.sizes, *(fit.batch_size or 0 for fit in fits)])
        return BatchCurve(
            points=tuple(sorted(self.sizes.items())),
            line=tuple((batch, self.at(batch)) for batch in _spread(last, self.sizes)),
            cards=fits,
        )

    def at(self, batch: int) -> int:
        """The process's bytes at a batch, interpolated between the nearest that are predicted.

        Beyond the last it grows as from batch 1 to the batch that takes most: the slope of two near
        ones is that of cuDNN's choices, and may be negative.
        """
        if batch in self.sizes:
            return self.sizes[batch]
        order = sorted(self.sizes)
        last = order[-1]
        if batch > last:
            most = max(order, key=lambda known: self.sizes[known])
            return self.sizes[last] + (batch - last) * (self.sizes[most] - self.sizes[1]) // (
                most - 1
            )
        after = next(place for place, known in enumerate(order) if known > batch)
        one, two = order[after - 1], order[after]
        low, high = self.sizes[one], self.sizes[two]
        return low + (batch - one) * (high - low) // (two - one)

    def largest(self, budget: int) -> int:
        """The largest batch within a budget, interpolated; 0 where none is, `_LARGEST` if any."""
        if self.sizes[1] > budget:
            return 0
        low, high = 1, _LARGEST
        if self.at(high) <= budget:
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.at(middle) <= budget else (low, middle)
        return low

    def card(self, label: str, gpu: Gpu) -> CardFit:
        """The largest batch on a card; searched in full unless that is slow."""
        budget, size = gpu.memory_bytes, 0
        own = self.request.card
        title = "the size given" if own.assumed and own.budget_bytes == budget else gpu.title
        batch = self.largest(budget)
        # For the card that the user named it is what `fit` finds, however slow that is.
        exact = (not self.is_long or budget == own.budget_bytes) and 0 < batch < _LARGEST
        if exact:
            try:
                found = search(self.request, budget, self.known)
            except InputError:  # any batch fits, as far as batches are predicted
                exact = False
            else:
                self.sizes |= {point.batch_size: point.process_bytes for point in found.points}
                batch, size = found.totals.batch_size, found.totals.process_bytes
        return CardFit(
            label=label,
            card=title.removeprefix("NVIDIA ").removeprefix("GeForce "),
            budget_bytes=budget,
            batch_size=None if batch >= _LARGEST else batch,
            process_bytes=size or self.at(min(max(batch, 1), _LARGEST)),
            exact=exact or batch == 0,
        )


def _spread(last: int, known: Mapping[int, int]) -> list[int]:
    """Batches from 1 to `last`, even on a logarithmic axis, and those that are known."""
    even = (round(last ** (step / _ON_LINE)) for step in range(_ON_LINE + 1))
    return sorted(set(itertools.chain(even, known)))
