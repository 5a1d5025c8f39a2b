"""Wrong amounts of memory, each with the mistake that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from nincost import _units as units
from nincost._audit.figures.memory_formulas import BYTES, Formula, MemoryKind, Sizes, single
from nincost._audit.interpretations import Mistake


def wrong_sizes(
    kind: MemoryKind, sizes: Sizes, batch: int, copies: int, formulas: list[Formula]
) -> Iterator[tuple[Fraction, Mistake]]:
    """Wrong values with the mistakes that lead to them, the likeliest first."""
    params = Fraction(BYTES * sizes.params)
    if kind == "optimizer state":
        for count in range(4):
            words = f"{count} values for each parameter, where {copies} are kept"
            yield count * params, Mistake("optimizer-state", words)
    if kind in ("training", "inference"):
        whole = single("activations", sizes, batch, 0)
        lacking = "the activations are missing, most of the memory"
        values = "a number of values: each takes 4 bytes"
        for count in (1, 2) if kind == "training" else (1,):
            yield count * params / BYTES, Mistake("bytes-forgotten", values)
        half = "float32 takes 4 bytes, not 2"
        yield params / 2, Mistake("bytes-per-value", half)
        if kind == "inference":
            kept = "inference keeps no gradients and no optimizer state"
            for count in (2, 3, 4):
                yield count * params, Mistake("inference-like-training", kept)
        for count in (1, 2, 3, 4):
            yield count * params, Mistake("activations-missing", lacking)
        if kind == "training":
            for one in whole:
                less = f"the gradients are missing: {shown(params)}"
                yield params + one.bytes, Mistake("gradients-missing", less)
        else:
            for one in whole:
                more = "inference keeps no gradients and no optimizer state"
                for count in (2, 3, 4):
                    yield count * params + one.bytes, Mistake("inference-like-training", more)
    if kind == "parameters":
        for one in single("activations", sizes, batch, 0):
            words = "the outputs of the layers are counted, too: they are no parameters"
            yield params + one.bytes, Mistake("activations-for-parameters", words)
    for one in formulas:
        size = Fraction(one.bytes)
        yield size / BYTES, Mistake("bytes-forgotten", "a number of values: each takes 4 bytes")
        if batch > 1 and kind not in ("parameters", "gradients", "optimizer state"):
            words = f"of one input, where a batch of {batch} is asked for"
            yield size / batch, Mistake("batch-missing", words)
            yield size / batch / BYTES, Mistake("batch-missing", words)
        yield size * 8, Mistake("bits-for-bytes", "32 bits are 4 bytes")
        yield size * 2, Mistake("bytes-per-value", "float32 takes 4 bytes, not 8")
        yield size / 2, Mistake("bytes-per-value", "float32 takes 4 bytes, not 2")
        if kind == "data":
            words = "three channels, where this input has another number"
            yield size * 3, Mistake("channels-wrong", words)
            yield size / 3, Mistake("channels-wrong", words)
        if batch == 1:
            for usual in (16, 32, 64, 128, 256):
                words = f"one input of {usual} is counted, or one of a batch is asked for"
                if kind in ("data", "activations"):
                    yield size * usual, Mistake("batch-counted", words)
        for power in (10, 100):
            for factor, times in ((Fraction(power), "large"), (Fraction(1, power), "small")):
                words = f"{power} times too {times}: a decimal place"
                yield size * factor, Mistake("unit", words)
        for base in (1000, 1024):
            for power in (1, 2):
                for factor in (Fraction(base) ** power, 1 / Fraction(base) ** power):
                    large = "large" if factor > 1 else "small"
                    words = f"{base**power:,} times too {large}: another unit of bytes"
                    yield size * factor, Mistake("unit", words)


def shown(value: Fraction, *, in_values: bool = False) -> str:
    """Bytes in both units, or a number of values."""
    whole = round(value)
    if in_values:
        return f"{whole:,} values"
    return f"{whole:,} bytes ({whole / 10**6:,.2f} MB, {units.size(whole)})"
