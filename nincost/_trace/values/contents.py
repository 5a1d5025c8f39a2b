"""What a storage holds, as a computation that runs on the CPU when something looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nincost._trace.values.assumptions import Assumption

#: Bytes of the largest tensor that is computed: a mask of 4096 x 4096 float32.
LARGEST = 2**26

#: Bytes that are computed for one model in all.
_LARGEST_IN_ALL = 2**30


class UnknownError(Exception):
    """What a tensor holds does not follow from what is known, or is too large to compute."""


class View(NamedTuple):
    """A tensor in a storage whose content is known."""

    content: Content
    dtype: torch.dtype
    shape: torch.Size
    stride: tuple[int, ...]
    offset: int

    @classmethod
    def of(cls, tensor: Tensor, content: Content) -> View:
        offset = int(tensor.storage_offset())
        return cls(content, tensor.dtype, tensor.shape, tensor.stride(), offset)

    def on(self, storage: torch.UntypedStorage) -> Tensor:
        """The tensor on another storage with the same content."""
        empty = torch.empty(0, dtype=self.dtype, device="cpu")
        return empty.set_(storage, self.offset, self.shape, self.stride)  # type: ignore[call-overload]


class Computation:
    """Makes the contents of one storage or several, once, when one of them is looked at.

    Args:
        run: gets the storages of `needs` and gives one for each content; it must not change what
            it gets.
        needs: what must be there before.
        sizes: bytes of each content.
        assumption: made of its kind, name, detail, file and line, where `run` rests on one.
    """

    __slots__ = ("assumption", "failed", "needs", "results", "run", "sizes")

    def __init__(
        self,
        run: Callable[[Sequence[torch.UntypedStorage]], Sequence[torch.UntypedStorage]],
        needs: Sequence[Content] = (),
        sizes: Sequence[int] = (),
        assumption: Assumption | None = None,
    ) -> None:
        self.run: Callable[..., Sequence[torch.UntypedStorage]] | None = run
        self.needs = tuple(needs)
        self.sizes = tuple(sizes)
        self.assumption = assumption
        self.results: Sequence[torch.UntypedStorage] | None = None
        self.failed = False

    @property
    def is_done(self) -> bool:
        return self.results is not None or self.failed

    def contents(self) -> list[Content]:
        """What it makes. (The contents hold the computation, and not the other way round.)"""
        return [Content(self, place, size) for place, size in enumerate(self.sizes)]


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What a storage holds: result number `place` of a computation."""

    computation: Computation
    place: int
    bytes: int


class Evaluation:
    """Computes contents when they are looked at, within a limit.

    Attributes:
        assumed: the assumptions that what was looked at rests on, with their counts.
    """

    def __init__(self) -> None:
        self.assumed: dict[Assumption, int] = {}
        self._left = _LARGEST_IN_ALL

    def tensor(self, view: View) -> Tensor:
        """What a tensor holds, to be read and not to be changed.

        Raises:
            UnknownError: it cannot be computed, or is too large.
        """
        self._evaluate(view.content.computation)
        results = view.content.computation.results
        if results is None:
            raise UnknownError
        return view.on(results[view.content.place])

    def _evaluate(self, wanted: Computation) -> None:
        stack = [wanted]
        while stack:
            one = stack[-1]
            if one.is_done:
                stack.pop()
                continue
            pending = [c.computation for c in one.needs if not c.computation.is_done]
            if pending:
                stack.extend(pending)
                continue
            self._run(one)
            stack.pop()

    def _run(self, one: Computation) -> None:
        assert one.run is not None
        found = [content.computation.results for content in one.needs]
        size = sum(one.sizes)
        self._left -= size
        if None in found or size > LARGEST or self._left < 0:
            one.failed = True
        else:
            given = [
                results[content.place]
                for results, content in zip(found, one.needs, strict=True)
                if results is not None
            ]
            try:
                with torch.no_grad():
                    one.results = one.run(given)
            except Exception:  # whatever an operator refuses on the CPU
                one.failed = True
        if one.assumption is not None and not one.failed:
            self.note(one.assumption)
        one.run, one.needs = None, ()

    def note(self, assumption: Assumption) -> None:
        """Something was looked at that rests on this."""
        self.assumed[assumption] = self.assumed.get(assumption, 0) + 1


def storage_like(tensor: Tensor, layout: View | Any, size: int) -> torch.UntypedStorage:
    """A storage of `size` bytes that holds `tensor`, laid out as a `View` says."""
    storage = tensor.untyped_storage()
    same = (
        tensor.stride() == layout.stride
        and tensor.storage_offset() == layout.offset
        and storage.nbytes() == size
    )
    if tensor.dtype is not layout.dtype or tensor.shape != layout.shape:
        raise UnknownError
    if same:
        return storage
    fresh = torch.zeros(size, dtype=torch.uint8, device="cpu").untyped_storage()
    layout.on(fresh).copy_(tensor)
    return fresh
