"""The model against the plain reference: the same figures and layout after every operation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reference_allocator import Full, Reference

from nincost._allocator import AllocatorConfig, CachingAllocator, OutOfMemoryError

M = 1 << 20
BORDERS = [0, 512, 1024, 4096, 64 * 1024, M, 2 * M, 6 * M, 9 * M, 10 * M, 12 * M, 19 * M, 20 * M]
BORDERS += [21 * M, 31 * M, 32 * M, 40 * M, 52 * M, 60 * M]

sizes = st.one_of(
    st.builds(lambda border, by: max(1, border + by), st.sampled_from(BORDERS), st.integers(-2, 2)),
    st.builds(
        lambda border, by: max(1, border + by * 512), st.sampled_from(BORDERS), st.integers(-2, 2)
    ),
    st.integers(1, 3 * M),
    st.integers(1, 70 * M),
)
# (malloc, which of the example's few sizes, stream), (free, which of the live blocks, 0), (empty,):
# few sizes, so that blocks are used again and limits are met to the byte.
steps = st.one_of(
    st.tuples(st.just("malloc"), st.integers(0, 5), st.sampled_from([0, 0, 0, 1])),
    st.tuples(st.just("malloc"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("free"), st.integers(0, 1000), st.just(0)),
    st.tuples(st.sampled_from(["free"] * 15 + ["empty"]), st.integers(0, 1000), st.just(0)),
)
tables = st.tuples(*[st.sampled_from([0, 1, 2, 4, 8, 16])] * 6).map(lambda t: t + (8,) * 10)


@st.composite
def configs(draw: st.DrawFn) -> tuple[AllocatorConfig, int | None]:
    large = draw(st.sampled_from([20, 20, 11, 32])) * M
    split = draw(st.sampled_from([None, None, 0, 1, 12, 30]))
    capacity = draw(st.sampled_from([None, 64, 100, 101, 160, 300, 1000]))
    limited = capacity is not None and draw(st.booleans())
    off = (0,) * 16
    config = AllocatorConfig(
        expandable_segments=draw(st.booleans()),
        max_split_size=None if split is None else large + split * M,
        roundup_power2_divisions=draw(st.one_of(st.just(off), tables)),
        garbage_collection_threshold=draw(st.sampled_from([0.0, 0.3, 0.6, 0.9])),
        large_segment_size=large,
        max_non_split_rounding_size=large + draw(st.sampled_from([0, 0, 4])) * M,
        per_process_memory_fraction=draw(st.sampled_from([0.5, 0.75])) if limited else 1.0,
    )
    return config, None if capacity is None else capacity * M


def layout(allocator: CachingAllocator) -> list[object]:
    words = {"active_allocated": "used", "inactive": "free"}
    return [
        (
            segment.address,
            segment.stream,
            segment.pool == "small",
            [(b.address, b.size, b.requested, words[b.state]) for b in segment.blocks],
        )
        for segment in allocator.segments()
    ]


@settings(max_examples=300, deadline=None)
@given(
    configs(), st.lists(sizes, min_size=1, max_size=6), st.lists(steps, min_size=10, max_size=80)
)
def test_same_as_the_reference(
    setting: tuple[AllocatorConfig, int | None],
    words: list[int],
    todo: list[tuple[str, int, int]],
) -> None:
    config, capacity = setting
    allocator = CachingAllocator(config, capacity)
    reference = Reference(
        expandable=config.expandable_segments,
        max_split=config.max_split_size,
        divisions=config.roundup_power2_divisions,
        gc=config.garbage_collection_threshold,
        large=config.large_segment_size,
        slack=config.max_non_split_rounding_size,
        fraction=config.per_process_memory_fraction,
        capacity=capacity,
    )
    live = []
    peaks = [0, 0, 0]
    for what, which, stream in todo:
        if what == "malloc":
            size = words[which % len(words)]
            try:
                address = reference.malloc(size, stream)
            except Full as full:
                with pytest.raises(OutOfMemoryError) as caught:
                    allocator.malloc(size, stream)
                error = caught.value
                assert error.requested == size
                assert error.allocated == reference.allocated()
                assert error.reserved == reference.reserved()
                limit = reference.allowed() or capacity
                assert error.capacity == limit
                driver_needs = error.reserved + full.driver_request
                assert error.shortfall == driver_needs - error.capacity
            else:
                block = allocator.malloc(size, stream)
                assert block.address == address
                live.append(block)
        elif what == "free" and live:
            block = live.pop(which % len(live))
            reference.free(block.address)
            allocator.free(block)
        elif what == "empty":
            reference.empty_cache()
            allocator.empty_cache()
        now = [reference.allocated(), reference.requested(), reference.reserved()]
        assert now[:2] == [allocator.allocated_bytes, allocator.requested_bytes]
        assert now[2] == allocator.reserved_bytes
        assert layout(allocator) == reference.layout()
        peaks = [max(pair) for pair in zip(peaks, now, strict=True)]
        assert peaks[0] == allocator.peak_allocated_bytes
        assert peaks[1] == allocator.peak_requested_bytes
        # Cached memory may have come and gone inside one malloc.
        assert peaks[2] <= allocator.peak_reserved_bytes
        if capacity is not None:
            assert allocator.peak_reserved_bytes <= capacity
