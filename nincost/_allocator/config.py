"""The settings of PyTorch's CUDA caching allocator, and how `PYTORCH_CUDA_ALLOC_CONF` spells them.

Sources (PyTorch 2.13 and 2.14): `ConfigTokenizer` in c10/core/AllocatorConfig.h,
`AcceleratorAllocatorConfig::parse*` in c10/core/AllocatorConfig.cpp and
`CUDAAllocatorConfig::parseArgs` in c10/cuda/CUDAAllocatorConfig.cpp.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from nincost._allocator.errors import ConfigError

MIB = 1 << 20

#: Sizes are distinguished by power of two, 1 MiB up to 32 GiB; smaller ones use the first entry,
#: larger ones the last (`AcceleratorAllocatorConfig::roundup_power2_divisions`).
ROUNDUP_INTERVALS = 16

#: `parseLargeSegmentSize` wants more than this, because requests below it share such a segment.
_LARGE_SEGMENT_OVER_MIB = 10

#: What one of our options may be set to, for the messages.
_SIZE_TRY = "write whole MiB, as in max_split_size_mb:128"


@dataclass(frozen=True, slots=True)
class AllocatorConfig:
    """The caching allocator's options; the defaults are PyTorch's.

    >>> AllocatorConfig.parse("max_split_size_mb:128,expandable_segments:True").max_split_size
    134217728
    """

    #: Grow one mapped range per pool and stream instead of one cudaMalloc per segment.
    expandable_segments: bool = False
    #: Bytes. Blocks this large are never split, nor given to smaller requests. None: no limit.
    max_split_size: int | None = None
    #: Divisions between two powers of two, for sizes from 1 MiB, 2 MiB, 4 MiB ...; 0 and 1: off.
    roundup_power2_divisions: tuple[int, ...] = (0,) * ROUNDUP_INTERVALS
    #: Share of the allowed memory above which old cached segments are released; 0: never.
    #: PyTorch heeds it only while `per_process_memory_fraction` is below 1.
    garbage_collection_threshold: float = 0.0
    #: Bytes. Segment for requests over 1 and under 10 MiB; page of a large expandable segment.
    large_segment_size: int = 20 * MIB
    #: Bytes. With `max_split_size`: a cached block may be larger than asked for by less than this.
    max_non_split_rounding_size: int = 20 * MIB
    #: Share of the card's memory that the process may hold.
    per_process_memory_fraction: float = 1.0
    #: Options that were set, can change memory in rare cases, and are not modelled.
    not_modelled: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        divisions = self.roundup_power2_divisions
        if len(divisions) != ROUNDUP_INTERVALS or any(d < 0 or d & (d - 1) for d in divisions):
            raise ConfigError(
                f"roundup_power2_divisions is {divisions!r}: expected {ROUNDUP_INTERVALS} powers of"
                " two or zeros, one for each power of two from 1 MiB up; try AllocatorConfig.parse"
            )
        if self.large_segment_size <= _LARGE_SEGMENT_OVER_MIB * MIB:
            _too_small("large_segment_size", self.large_segment_size, "more than 10 MiB")
        least = self.large_segment_size
        limit = f"at least large_segment_size, {least // MIB} MiB"
        if self.max_split_size is not None and self.max_split_size < least:
            _too_small("max_split_size", self.max_split_size, limit)
        if self.max_non_split_rounding_size < least:
            _too_small("max_non_split_rounding_size", self.max_non_split_rounding_size, limit)
        if not 0.0 <= self.garbage_collection_threshold < 1.0:
            raise ConfigError(
                f"garbage_collection_threshold is {self.garbage_collection_threshold}: expected a"
                " share between 0 and 1, both excluded; try garbage_collection_threshold:0.8"
            )
        if not 0.0 <= self.per_process_memory_fraction <= 1.0:
            raise ConfigError(
                f"per_process_memory_fraction is {self.per_process_memory_fraction}: expected a"
                " share from 0 to 1; try per_process_memory_fraction:0.5"
            )

    @classmethod
    def parse(cls, text: str) -> AllocatorConfig:
        """Read the `option:value,option:value` form of PYTORCH_CUDA_ALLOC_CONF.

        Blanks do not count, the last of two equal options wins, an empty text gives the defaults.
        Stricter than PyTorch in one way: trailing characters in a number (`40.5`, `40MB`, `-1`),
        which std::stoull skips or wraps without a word, are an error.

        Raises ConfigError, with what was wrong, what was expected and what to try.
        """
        values: dict[str, Any] = {}
        not_modelled: list[str] = []
        for option, raw in _options(text):
            read = _READERS.get(option)
            if read is not None:
                field, value = read(option, raw)
                values[field] = value
            elif option in _NO_EFFECT:
                _NO_EFFECT[option](option, raw)
            elif option in _NOT_MODELLED:
                if _boolean(option, raw):
                    not_modelled.append(option)
            else:
                _unknown(option)
        # parseArgs reads large_segment_size_mb before the rest, whatever the order in the text,
        # and it is the default of max_non_split_rounding_mb.
        if "large_segment_size" in values:
            values.setdefault("max_non_split_rounding_size", values["large_segment_size"])
        return cls(**values, not_modelled=tuple(dict.fromkeys(not_modelled)))


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Split `a:1,b:[2:3,4:5]` into ("a", "1"), ("b", "[2:3,4:5]"); blanks are dropped first."""
    # One trailing comma is allowed (parseArgs), as is none at all.
    rest = re.sub(r"\s+", "", text)
    while rest:
        match = re.match(r"([^:,\[\]]+)(?::(\[[^\[\]]*\]|[^:,\[\]]+))?(?:,|$)", rest)
        if match is None or match[2] is None:
            raise ConfigError(
                f"cannot read {rest!r} in the allocator settings {text!r}: expected option:value"
                " pairs with commas between; try expandable_segments:True,max_split_size_mb:128"
            )
        yield match[1], match[2]
        rest = rest[match.end() :]


def _boolean(option: str, raw: str) -> bool:
    if raw not in ("True", "False"):
        raise ConfigError(
            f"{option} is {raw!r}: expected True or False, with a capital; try {option}:True"
        )
    return raw == "True"


def _whole(option: str, raw: str, hint: str) -> int:
    if not (raw.isascii() and raw.isdigit()):
        raise ConfigError(f"{option} is {raw!r}: expected a whole number; {hint}")
    return int(raw)


def _share(option: str, raw: str) -> float:
    try:
        return float(raw)
    except ValueError:
        raise ConfigError(
            f"{option} is {raw!r}: expected a number between 0 and 1; try {option}:0.8"
        ) from None


def _size(option: str, raw: str) -> tuple[str, int]:
    return option.removesuffix("_mb").replace("rounding", "rounding_size"), (
        _whole(option, raw, _SIZE_TRY) * MIB
    )


def _flag(option: str, raw: str) -> tuple[str, bool]:
    return option, _boolean(option, raw)


def _fraction(option: str, raw: str) -> tuple[str, float]:
    return option, _share(option, raw)


def _threshold(option: str, raw: str) -> tuple[str, float]:
    value = _share(option, raw)
    # 0 is the default, and means never, but it may not be said (parseGarbageCollectionThreshold).
    if not 0.0 < value < 1.0:
        raise ConfigError(
            f"{option} is {raw!r}: expected a share between 0 and 1, both excluded; leave it out"
            f" to turn it off, or try {option}:0.8"
        )
    return option, value


def _divisions(option: str, raw: str) -> tuple[str, tuple[int, ...]]:
    """One number for all sizes, or [MiB:divisions, ..., >:divisions] (parseRoundUpPower2Divisions).

    The first boundary's divisions also hold for everything below it. Sizes between two boundaries
    keep 0 (off). `>` fills what lies above the last boundary before it; alone, it leaves the first
    entry at 0, as in PyTorch 2.14.
    """
    hint = f"try {option}:8 or {option}:[256:1,512:2,>:8]"
    if not raw.startswith("["):
        value = _whole(option, raw, hint)
        if not value or value & (value - 1):
            raise ConfigError(f"{option} is {value}: expected a power of two; {hint}")
        return option, (value,) * ROUNDUP_INTERVALS
    table = [0] * ROUNDUP_INTERVALS
    last = 0
    first_boundary = True
    for pair in filter(None, raw[1:-1].split(",")):
        boundary, colon, divisions = pair.partition(":")
        if not colon:
            raise ConfigError(f"{option} has {pair!r}: expected MiB:divisions pairs; {hint}")
        value = _whole(option, divisions, hint)
        if value & (value - 1):
            raise ConfigError(f"{option} has {pair!r}: expected 0 or a power of two; {hint}")
        if boundary == ">":
            table[last + 1 :] = [value] * (ROUNDUP_INTERVALS - last - 1)
            continue
        mib = _whole(option, boundary, hint)
        if not mib or mib & (mib - 1):
            raise ConfigError(f"{option} has {pair!r}: expected a power of two in MiB; {hint}")
        last = min(mib.bit_length() - 1, ROUNDUP_INTERVALS - 1)
        if first_boundary:
            table[:last] = [value] * last
            first_boundary = False
        table[last] = value
    return option, tuple(table)


def _backend(_option: str, raw: str) -> None:
    if raw == "cudaMallocAsync":
        raise ConfigError(
            "backend is cudaMallocAsync: the driver allocates then, and only PyTorch's own"
            " allocator is modelled; try backend:native"
        )
    if raw != "native":
        raise ConfigError(f"backend is {raw!r}: expected native; try backend:native")


def _register_threads(option: str, raw: str) -> None:
    value = _whole(option, raw, f"try {option}:8")
    if not 1 <= value <= 128 or value & (value - 1):
        raise ConfigError(f"{option} is {value}: expected a power of two up to 128; try {option}:8")


def _whole_ignored(option: str, raw: str) -> None:
    _whole(option, raw, f"try {option}:64")


def _positive_ignored(option: str, raw: str) -> None:
    if not _whole(option, raw, f"try {option}:64"):
        raise ConfigError(f"{option} is 0: expected a positive number; try {option}:64")


def _boolean_ignored(option: str, raw: str) -> None:
    _boolean(option, raw)


def _too_small(name: str, value: int, limit: str) -> NoReturn:
    raise ConfigError(f"{name} is {value / MIB:g} MiB: expected {limit}; raise it, or leave it out")


def _unknown(option: str) -> NoReturn:
    known = [*_READERS, *_NO_EFFECT, *_NOT_MODELLED]
    near = difflib.get_close_matches(option, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(sorted(known))}"
    raise ConfigError(f"unknown allocator option {option!r}: expected one of PyTorch's; {hint}")


_READERS: dict[str, Callable[[str, str], tuple[str, Any]]] = {
    "expandable_segments": _flag,
    "max_split_size_mb": _size,
    "max_non_split_rounding_mb": _size,
    "large_segment_size_mb": _size,
    "garbage_collection_threshold": _threshold,
    "roundup_power2_divisions": _divisions,
    "per_process_memory_fraction": _fraction,
}

#: Known to PyTorch, checked as it does, without any effect on device memory: pinned memory is the
#: host's, and the lock only matters to other threads.
_NO_EFFECT: dict[str, Callable[[str, str], None]] = {
    "backend": _backend,
    "pinned_free_catch_all": _boolean_ignored,
    "pinned_max_cached_size_mb": _whole_ignored,
    "pinned_max_round_threshold_mb": _whole_ignored,
    "pinned_num_register_threads": _register_threads,
    "pinned_reserve_segment_size_mb": _positive_ignored,
    "pinned_use_background_threads": _boolean_ignored,
    "pinned_use_cuda_host_register": _boolean_ignored,
    "pinned_use_hip_host_register": _boolean_ignored,
    "release_lock_on_cudamalloc": _boolean_ignored,
    "release_lock_on_hipmalloc": _boolean_ignored,
}

#: Change when memory runs out, or CUDA graph capture; neither is modelled.
_NOT_MODELLED = ("graph_capture_record_stream_reuse", "throw_on_cudamalloc_oom")
