"""What depends on values that the card would have computed: sizes, truths, what is read back.

Kernels do nothing, so that what they would have written reads as zeros. What the host wrote is
known, until a kernel writes there (`writes.py`), and so is what follows from it (`host_values.py`).
For the rest,

- operators whose output's size comes from the card (`nonzero`, and with it boolean masks; `unique`)
  find as many elements as `NINCOST_EMULATED_ASSUME` says: `all` (the default), `half`, `none`, or a
  fraction, or as many as a caller that knows better has said with `expect_sizes`; `bincount` and
  `histc` count alike for each bin;
- a router of experts (`topk`, `argmax`, `max` over a short last dimension) chooses each of them
  alike, or with `NINCOST_EMULATED_ROUTING` set to `first` the first ones for all;
- `all` and `equal` are true, so that checks pass;
- each read of what a kernel would have written is counted, with the line that asked for it.

torch's own kernels run all the same, and allocate what they allocate.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from nincost._emulator.values.assumption_counts import assume
from nincost._emulator.values.host_values import ASSUMED, EXACT, FOLLOWED, UNKNOWN, HostValues
from nincost._emulator.values.writes import Writes
from nincost.errors import InputError

ASSUME = "NINCOST_EMULATED_ASSUME"
ROUTING = "NINCOST_EMULATED_ROUTING"
_FRACTIONS = {"all": 1.0, "half": 0.5, "none": 0.0}
_ROUTINGS = ("balanced", "first")
#: The longest dimension over which a choice is taken for a router's.
_MOST_EXPERTS = 1024


def parse_fraction(text: str) -> float:
    """`all`, `half`, `none` or a fraction as a number from 0 to 1."""
    try:
        value = _FRACTIONS[text] if text in _FRACTIONS else float(text)
    except (ValueError, TypeError):
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"assume is {text!r}: expected all, half, none or a number from 0 to 1")
    return value


def check_routing(text: str) -> str:
    """`balanced` or `first`."""
    if text not in _ROUTINGS:
        raise InputError(
            f"routing is {text!r}: expected balanced, or first (the first experts for all)"
        )
    return text


_expected: deque[int] = deque()


def expect_sizes(*found: int) -> None:
    """Have the next operators of unknown size find so many elements, one number for each.

    For a caller that knows what the card would find, such as the tokens that each expert gets.
    """
    _expected.extend(found)


def install(torch: Any) -> None:
    """Replace CUDA kernels that need an assumption, where torch lets their own be kept."""
    try:
        runtime = ctypes.PyDLL(None)  # these take no time: other threads need not run meanwhile
        runtime.nincost_emulated_answer.argtypes = [ctypes.c_int, ctypes.c_int64]
        values = HostValues(torch, runtime)
    except AttributeError:  # not preloaded
        return
    follows = hasattr(torch.library, "get_kernel")  # torch 2.10
    _report_reads(runtime, of_all=not follows)
    if follows:
        _Kernels(torch, runtime, values).replace()
    else:
        for owner in (torch, torch.Tensor):
            owner.multinomial = passes_check(owner.multinomial, runtime)


def passes_check(own: Callable[..., Any], runtime: Any) -> Callable[..., Any]:
    """`multinomial` of an older torch, which first reads back whether its numbers are valid.

    (It then reads whether they sum to zero: what no kernel wrote reads as not.)
    """

    @functools.wraps(own)
    def call(*args: Any, **kwargs: Any) -> Any:
        runtime.nincost_emulated_answer(1, 1)
        try:
            return own(*args, **kwargs)
        finally:
            runtime.nincost_emulated_answer(0, 0)

    return call


def _report_reads(runtime: Any, *, of_all: bool) -> None:
    def on_read(size: int, is_assumed: int) -> None:
        what = "follow from what was assumed" if is_assumed else "read as zeros"
        assume("value", "copy to the host", f"{size} bytes {what}")

    callback = ctypes.CFUNCTYPE(None, ctypes.c_size_t, ctypes.c_int)(on_read)
    runtime.nincost_emulated_on_read(callback, of_all)
    atexit.register(runtime.nincost_emulated_on_read, None, False)  # and keeps the callback
    _kept.append(callback)


_kept: list[Any] = []


class _Kernels:
    """The kernels that are replaced, over those that they replace."""

    def __init__(self, torch: Any, runtime: Any, values: HostValues) -> None:
        self.torch = torch
        self.runtime = runtime
        self.values = values
        self.fraction = parse_fraction(os.environ.get(ASSUME, "all"))
        self.is_balanced = os.environ.get(ROUTING, "balanced") == "balanced"
        self.library = torch.library.Library("aten", "IMPL")

    def replace(self) -> None:
        """Register each; one that this torch does not have is left out."""
        makers: dict[str, Callable[[str, Any], Callable[..., Any]]] = {
            **dict.fromkeys(FOLLOWED, self.values.follows),
            "topk": self.routes,
            "max.dim": self.routes,
            "argmax": self.routes,
            "nonzero": self.finds,
            "_unique": self.finds,
            "_unique2": self.finds,
            "unique_dim": self.finds,
            "unique_consecutive": self.finds,
            "unique_dim_consecutive": self.finds,
            "repeat_interleave.Tensor": self.repeats,
            "bincount": self.counts,
            "histc": self.counts,
            "all": self.is_true,
            "all.dim": self.is_true,
            "equal": self.equals,
        }
        for name, make in makers.items():
            try:
                own = self.torch.library.get_kernel(f"aten::{name}", "CUDA")
                self.library.impl(name, make(name, own), "CUDA", with_keyset=True)
            except RuntimeError:
                continue
        Writes(self.torch, self.runtime, self.values).replace(self.library)
        _kept.append(self.library)

    def finds(self, name: str, own: Any) -> Callable[..., Any]:
        """An operator that finds some of the elements of its first argument."""
        least = 0 if name == "nonzero" else 1
        compute = getattr(self.torch.ops.aten, name).default

        def kernel(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
            along = arguments[0] if name.startswith("unique_dim") else None
            many = tensor.numel()
            if along is not None:
                many = tensor.size(along) if tensor.dim() else many
            found = max(min(least, many), int(many * self.fraction))
            known: tuple[Any, ...] = ()
            state = self.values.state(tensor)
            if _expected:
                found, state = min(_expected.popleft(), many), EXACT
            elif state != UNKNOWN:
                known = _as_tuple(compute(self.values.read(tensor), *arguments, **options))
                found = known[0].size(along or 0)
            if many:
                if state != EXACT:
                    why = ", as routed" if state == ASSUMED else ""
                    assume("size", name, f"{found:,} of {many:,} elements{why}")
                self.runtime.nincost_emulated_answer(1, found)
            try:
                result = own.call_boxed(keys, tensor, *arguments, **options)
            finally:
                self.runtime.nincost_emulated_answer(0, 0)
            for written, content in zip(_as_tuple(result), known, strict=False):
                self.values.write(written, content, state)
            return result

        return kernel

    def routes(self, name: str, own: Any) -> Callable[..., Any]:
        """A choice among the last dimension's, such as a router's of experts: each alike."""
        position = 1 if name == "topk" else 0  # `dim` among the arguments behind the tensor

        def is_last(tensor: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
            given = arguments[position] if len(arguments) > position else options.get("dim", -1)
            return given is not None and given in (-1, tensor.dim() - 1)

        def kernel(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
            result = own.call_boxed(keys, tensor, *arguments, **options)
            chosen = result[1] if isinstance(result, tuple) else result
            many = (
                tensor.size(-1) if tensor.dim() > 1 and is_last(tensor, arguments, options) else 0
            )
            rows = tensor.numel() // many if many else 0
            if 1 < many <= _MOST_EXPERTS and rows > 1 and chosen.numel() % rows == 0:
                each = chosen.numel() // rows
                if 0 < each < many:
                    first = self.torch.arange(rows).unsqueeze(1) * (each if self.is_balanced else 0)
                    places = (first + self.torch.arange(each)) % many
                    self.values.write(chosen, places.view(chosen.shape), ASSUMED)
            return result

        return kernel

    def repeats(self, name: str, own: Any) -> Callable[..., Any]:
        """The places of repeated elements: as many as the host knows the repeats to add up to."""

        def kernel(keys: Any, repeats: Any, *, output_size: int | None = None) -> Any:
            state = self.values.state(repeats)
            if output_size is None:
                output_size = int(repeats.cpu().sum())
            result = own.call_boxed(keys, repeats, output_size=output_size)
            if state != UNKNOWN:
                places = self.torch.repeat_interleave(self.values.read(repeats))
                self.values.write(result, places, state)
            return result

        return kernel

    def counts(self, name: str, own: Any) -> Callable[..., Any]:
        """An operator that counts how many elements fall into each bin: alike, if not known."""

        def kernel(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
            state = self.values.state(tensor)
            counts = None
            if state != UNKNOWN and tensor.numel() and not tensor.is_floating_point():
                host = self.values.read(tensor)
                if name == "bincount":
                    weights, least = (*arguments, None, 0)[:2]
                    least = max(options.get("minlength", least), int(host.max()) + 1)
                    arguments, options = (weights, least), {}
                    counts = self.torch.bincount(host, minlength=least) if weights is None else None
                else:
                    counts = self.torch.histc(host.float(), *arguments, **options)
            self.runtime.nincost_emulated_answer(2, 0)  # the smallest and the largest
            try:
                result = own.call_boxed(keys, tensor, *arguments, **options)
            finally:
                self.runtime.nincost_emulated_answer(0, 0)
            bins = result.numel()
            if counts is None and bins:
                each, more = divmod(tensor.numel(), bins)
                counts = self.torch.full((bins,), each, dtype=result.dtype)
                counts[:more] += 1
                state = ASSUMED
            if bins:
                if state == ASSUMED:
                    assume("size", name, f"{tensor.numel():,} elements alike in {bins:,} bins")
                self.values.write(result, counts, state)
            return result

        return kernel

    def is_true(self, name: str, own: Any) -> Callable[..., Any]:
        """A check of all elements: true, if not known."""

        def kernel(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
            state = self.values.state(tensor)
            truth = None
            if state != UNKNOWN:
                truth = self.torch.all(self.values.read(tensor), *arguments, **options)
            result = own.call_boxed(keys, tensor, *arguments, **options)
            if truth is None and result.numel() == 1:
                assume("value", name, "taken to be true")
                truth, state = self.torch.ones(result.shape, dtype=result.dtype), EXACT
            if truth is not None:
                self.values.write(result, truth, state)
            return result

        return kernel

    def equals(self, name: str, own: Any) -> Callable[..., Any]:
        """Whether two tensors are equal: those of one shape are, if not known."""

        def kernel(keys: Any, *pair: Any, **options: Any) -> bool:
            truth = True
            if pair[0].shape == pair[1].shape and self.values.of_all(pair) != UNKNOWN:
                truth = bool(self.torch.equal(*map(self.values.read, pair)))
            else:
                assume("value", name, "taken to be true")
            self.runtime.nincost_emulated_answer(1, int(truth))
            try:
                return bool(own.call_boxed(keys, *pair, **options))
            finally:
                self.runtime.nincost_emulated_answer(0, 0)

        return kernel


def _as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)
