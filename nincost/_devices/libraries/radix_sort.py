"""Scratch memory of CUB's radix sort, by which PyTorch sorts indices and long rows, and scans."""

from __future__ import annotations


def aligned(size: int) -> int:
    """Bytes up to the next multiple of 256: how CUB cuts one allocation into parts."""
    return -(-size // 256) * 256


def _items(major: int, key: int, value: int) -> int:
    """Elements that each of a block's 384 threads sorts.

    Shorter keys leave room for more on Hopper; on Ampere the tuning for them asks for fewer.
    """
    hopper = major >= 9
    if not value:
        return 15 if hopper else 10
    if key <= 4:
        return 14 if hopper else 8
    return 12 if hopper else 10


def radix_sort_bytes(count: int, bits: int, major: int, *, key: int = 8, value: int = 8) -> int:
    """Scratch of a radix sort of `count` pairs on `bits` bits of their keys.

    CCCL 13.0, cub/device/dispatch/dispatch_radix_sort.cuh and its tuning for keys or values of 8
    bytes: a single tile asks for a byte; else histograms and look-back tables of the one-sweep
    sort, and a second buffer where there are several passes.

    Args:
        major: of the compute capability.
        key, value: their bytes; no values where 0.
    """
    if count <= 256 * 9:
        return 1
    tile = 384 * _items(major, key, value)
    passes = -(-bits // 8)
    portion = ((1 << 28) - 1) // tile * tile
    portions = -(-count // portion)
    blocks = -(-min(count, portion) // tile)
    parts = [
        portions * passes * 256 * 8,
        blocks * 256 * 4,
        0 if passes <= 1 else count * key,
        0 if passes <= 1 else count * value,
        portions * passes * 4,
    ]
    return sum(map(aligned, parts)) + 255


def scan_bytes(count: int, tile: int, width: int) -> int:
    """Scratch of a scan of `count` values of `width` bytes: a descriptor a tile and for 32 more.

    Value and status lie in one word where they fit (8 bytes), else beside each other (16); another
    part has a byte. CCCL 13.0, cub/agent/single_pass_scan_operators.cuh, dispatch_scan.cuh,
    dispatch_unique_by_key.cuh.
    """
    descriptor = 8 if width <= 4 else 16
    return aligned(descriptor * (-(-count // tile) + 32)) + aligned(1) + 255
