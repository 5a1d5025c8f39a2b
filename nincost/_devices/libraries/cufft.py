"""How much work area cuFFT's plans ask for, which only the library says: a model of ours.

Read off what an H100 said of 2,775 plans (cuFFT 12.0; benchmarks/data/h100/libraries.jsonl.gz), and
the same as the emulated GPU's (nincost/_emulator/runtime/cufft.c).
"""

from __future__ import annotations

from collections.abc import Sequence

#: Lengths up to this are transformed by one kernel, but for those with a prime above `_PRIME`.
_ONE_KERNEL = 20_000
_PRIME = 4096

#: Odd lengths of real data up to this need nothing.
_ODD_OF_REAL = 128


def work_area_bytes(sizes: Sequence[int], batch: int, itemsize: int, *, real: bool) -> int:
    """Bytes of a plan's work area: lengths that one kernel transforms need none.

    Longer ones need a copy of the data, large primes some four, and odd lengths of real data the
    data as complex.

    Args:
        sizes: of the transformed dimensions, in their real lengths.
        itemsize: bytes of what is transformed, or of the complex numbers of its precision.
        real: input or output is real, so that its last dimension has half as many numbers.
    """
    elements, most = batch, 0.0
    for place, size in enumerate(sizes):
        halved = real and place == len(sizes) - 1
        odd = halved and size % 2 == 1
        elements *= size // 2 + 1 if halved else size
        if odd and size > _ODD_OF_REAL:
            copies = 2 + _copies(size) * 1.5
        else:
            copies = _copies(size // 2 if halved and not odd else size)
        most = max(most, copies)
    return int(elements * most) * itemsize


def _copies(length: int) -> float:
    """Copies of the data that a length needs beside it."""
    return 4 if _largest_prime(length) > _PRIME else int(length > _ONE_KERNEL)


def _largest_prime(of: int) -> int:
    largest, prime = 1, 2
    while prime * prime <= of:
        while of % prime == 0:
            largest, of = prime, of // prime
        prime += 1
    return max(of, largest)
