"""Sequences worked out by hand, one rule at a time: sizes in each comment are the expected ones."""

from __future__ import annotations

import pytest

from nincost._allocator import (
    AllocatorConfig,
    CachingAllocator,
    ConfigError,
    OutOfMemoryError,
    round_size,
)

K = 1024
M = 1024 * K


def shape(allocator: CachingAllocator) -> list[str]:
    """Each segment as `pool@stream: sizes`, KiB, blocks in use with a star."""
    return [
        f"{segment.pool}@{segment.stream}: "
        + " ".join(
            f"{block.size / K:g}{'*' if block.state == 'active_allocated' else ''}"
            for block in segment.blocks
        )
        for segment in allocator.segments()
    ]


def make(text: str = "", capacity: int | None = None) -> CachingAllocator:
    return CachingAllocator(AllocatorConfig.parse(text), capacity)


# --- sizes


@pytest.mark.parametrize(
    ("size", "block"), [(1, 512), (511, 512), (512, 512), (513, 1024), (1000448, 1000448)]
)
def test_sizes_round_up_to_512(size: int, block: int) -> None:
    allocator = make()
    assert allocator.malloc(size).size == block
    assert allocator.allocated_bytes == block
    assert allocator.requested_bytes == size


def test_zero_bytes_touch_nothing() -> None:
    allocator = make()
    block = allocator.malloc(0)
    allocator.free(block)
    allocator.free(block)
    assert block.size == 0
    assert allocator.segments() == ()
    assert allocator.reserved_bytes == allocator.peak_requested_bytes == 0


def test_negative_size() -> None:
    with pytest.raises(ValueError, match="size is -1: expected 0 or more"):
        make().malloc(-1)


@pytest.mark.parametrize(
    ("size", "segment"),
    [
        (1, 2 * M),
        (1 * M, 2 * M),  # the last small one
        (1 * M + 1, 20 * M),  # the first large one
        (10 * M - 512, 20 * M),  # the last to share a segment
        (10 * M - 511, 10 * M),  # rounds to 10 MiB, so a segment of its own
        (10 * M + 1, 12 * M),
        (19 * M, 20 * M),
        (21 * M, 22 * M),
    ],
)
def test_segment_sizes(size: int, segment: int) -> None:
    allocator = make()
    allocator.malloc(size)
    assert allocator.reserved_bytes == segment


# --- packing and splitting


def test_small_pool_packs() -> None:
    allocator = make()
    for _ in range(3):
        allocator.malloc(800 * K)
    # Two to a 2 MiB segment (448 KiB left), the third opens another.
    assert shape(allocator) == ["small@0: 800* 800* 448", "small@0: 800* 1248"]


def test_small_pool_splits_down_to_512_bytes() -> None:
    allocator = make()
    allocator.malloc(1 * M)
    allocator.malloc(1 * M - 512)
    assert shape(allocator) == ["small@0: 1024* 1023.5* 0.5"]
    allocator.malloc(1)
    assert shape(allocator) == ["small@0: 1024* 1023.5* 0.5*"]
    assert allocator.reserved_bytes == allocator.allocated_bytes


@pytest.mark.parametrize(
    ("size", "blocks"),
    [
        (11 * M, "11264* "),  # 12 MiB segment, exactly 1 MiB left: kept in the block
        (11 * M - 512, "11263.5* "),  # 1 MiB and 512 bytes left: split off
    ],
)
def test_large_pool_splits_only_over_1_mib(size: int, blocks: str) -> None:
    allocator = make()
    block = allocator.malloc(size)
    if size == 11 * M:
        # memory_allocated counts the whole block: 12 MiB for 11 MiB.
        assert block.size == allocator.allocated_bytes == 12 * M
        assert allocator.requested_bytes == 11 * M
        assert shape(allocator) == ["large@0: 12288*"]
    else:
        assert block.size == allocator.allocated_bytes == size
        assert shape(allocator) == [f"large@0: {blocks}1024.5"]


def test_large_requests_share_20_mib() -> None:
    allocator = make()
    for _ in range(3):
        allocator.malloc(6 * M)
    # 6 + 6 + 6 + 2 left; a fourth of 2 MiB takes all of what is left.
    allocator.malloc(2 * M)
    assert shape(allocator) == ["large@0: 6144* 6144* 6144* 2048*"]
    # 1 MiB is small: it does not look at the large pool.
    allocator.malloc(1 * M)
    assert shape(allocator)[1] == "small@0: 1024* 1024"


# --- best fit


def test_best_fit_takes_the_smallest_that_is_enough() -> None:
    allocator = make()
    blocks = [allocator.malloc(size * M) for size in (40, 12, 30)]
    for block in blocks:
        allocator.free(block)
    assert allocator.malloc(11 * M + 1).size == 12 * M
    assert allocator.malloc(20 * M).size == 20 * M
    assert shape(allocator) == ["large@0: 40960", "large@0: 12288*", "large@0: 20480* 10240"]


def test_equal_sizes_go_by_address() -> None:
    allocator = make()
    first, second, third = (allocator.malloc(30 * M) for _ in range(3))
    addresses = [first.address, second.address, third.address]
    assert addresses == sorted(addresses)
    for block in (third, first, second):
        allocator.free(block)
    assert [allocator.malloc(30 * M).address for _ in range(3)] == addresses


# --- freeing


def test_free_merges_with_both_neighbours() -> None:
    allocator = make()
    a, b, c, d = (allocator.malloc(size * K) for size in (100, 200, 300, 400))
    allocator.free(a)
    allocator.free(c)
    assert shape(allocator) == ["small@0: 100 200* 300 400* 1048"]
    assert allocator.inactive_split_bytes == (100 + 300 + 1048) * K
    allocator.free(b)
    assert shape(allocator) == ["small@0: 600 400* 1048"]
    allocator.free(d)
    assert shape(allocator) == ["small@0: 2048"]
    assert allocator.inactive_split_bytes == 0
    assert allocator.reserved_bytes == 2 * M  # cached, not given back
    assert allocator.allocated_bytes == allocator.requested_bytes == 0


@pytest.mark.parametrize("merged", [False, True])
def test_free_twice(merged: bool) -> None:
    allocator = make()
    a, b = allocator.malloc(512), allocator.malloc(512)
    if merged:
        allocator.free(a)
    allocator.free(b)
    with pytest.raises(ValueError, match="is not in use"):
        allocator.free(b)


def test_streams_do_not_share() -> None:
    allocator = make()
    allocator.free(allocator.malloc(1 * K, stream=1))
    allocator.malloc(1 * K, stream=2)
    assert shape(allocator) == ["small@1: 2048", "small@2: 1* 2047"]
    allocator.malloc(1 * K, stream=1)
    assert allocator.reserved_bytes == 4 * M


def test_empty_cache_gives_back_whole_segments_only() -> None:
    allocator = make()
    big = allocator.malloc(30 * M)
    small = allocator.malloc(600 * K)
    allocator.malloc(600 * K)
    allocator.free(big)
    allocator.free(small)
    allocator.empty_cache()
    assert shape(allocator) == ["small@0: 600 600* 848"]
    assert allocator.reserved_bytes == 2 * M
    assert allocator.peak_reserved_bytes == 32 * M


def test_peaks() -> None:
    allocator = make()
    block = allocator.malloc(30 * M - 1)
    allocator.free(block)
    allocator.malloc(10)
    assert (allocator.peak_allocated_bytes, allocator.peak_requested_bytes) == (30 * M, 30 * M - 1)
    allocator.empty_cache()
    allocator.reset_peak()
    assert allocator.peak_allocated_bytes == 512
    assert allocator.peak_requested_bytes == 10
    assert allocator.peak_reserved_bytes == allocator.reserved_bytes == 2 * M


# --- running out


def test_cached_segments_go_before_the_error() -> None:
    allocator = make(capacity=64 * M)
    cached = [allocator.malloc(30 * M), allocator.malloc(30 * M)]
    allocator.malloc(1 * K)  # 62 MiB held
    for block in cached:
        allocator.free(block)
    # 32 MiB fit no cached block, nor beside them: both 30 MiB segments go, though one would do.
    allocator.malloc(32 * M)
    assert shape(allocator) == ["small@0: 1* 2047", "large@0: 32768*"]
    assert allocator.peak_reserved_bytes == 62 * M


def test_out_of_memory_tells_the_numbers() -> None:
    allocator = make(capacity=50 * M)
    kept = allocator.malloc(15 * M - 512)  # 16 MiB segment, 1 MiB + 512 B split off
    allocator.free(allocator.malloc(20 * M))
    with pytest.raises(OutOfMemoryError) as caught:
        allocator.malloc(35 * M + 1)  # a 36 MiB segment
    error = caught.value
    assert error.requested == 35 * M + 1
    assert error.allocated == kept.size == 15 * M - 512
    assert error.reserved == 16 * M  # the cached 20 MiB went back first
    assert error.capacity == 50 * M
    assert error.shortfall == 16 * M + 36 * M - 50 * M == 2 * M
    assert "2097152 bytes short" in str(error)
    assert shape(allocator) == ["large@0: 15359.5* 1024.5"]
    allocator.malloc(34 * M)  # fits to the byte


def test_an_exbibyte_is_refused_without_a_capacity() -> None:
    with pytest.raises(OutOfMemoryError):
        make().malloc(1 << 60)


def test_memory_fraction_limits() -> None:
    allocator = make("per_process_memory_fraction:0.5", 40 * M)
    allocator.malloc(18 * M)
    with pytest.raises(OutOfMemoryError) as caught:
        allocator.malloc(1 * M + 1)  # a 20 MiB segment
    assert caught.value.capacity == 20 * M
    assert caught.value.shortfall == 18 * M
    assert allocator.malloc(1 * M).size == 1 * M


def test_memory_fraction_needs_the_cards_memory() -> None:
    with pytest.raises(ConfigError, match="expected capacity or device_memory"):
        make("per_process_memory_fraction:0.5")
    config = AllocatorConfig(per_process_memory_fraction=0.5)
    with pytest.raises(OutOfMemoryError):
        CachingAllocator(config, 60 * M, device_memory=80 * M).malloc(42 * M)


# --- options


def test_max_split_size() -> None:
    allocator = make("max_split_size_mb:32")
    block = allocator.malloc(60 * M)
    allocator.free(block)
    # Under 32 MiB may not use an oversize block.
    small = allocator.malloc(31 * M)
    assert shape(allocator) == ["large@0: 61440", "large@0: 32768*"]
    # 40 MiB + 20 MiB is not more than 60 MiB: too much waste, so a new segment.
    allocator.malloc(40 * M)
    assert allocator.reserved_bytes == (60 + 32 + 40) * M
    # One byte more is near enough; the block is not split, and counts whole.
    assert allocator.malloc(40 * M + 1).size == 60 * M
    allocator.free(small)
    assert allocator.allocated_bytes == 100 * M


def test_max_split_size_gives_back_just_enough() -> None:
    allocator = make("max_split_size_mb:32", 160 * M)
    for block in [allocator.malloc(size * M) for size in (30, 40, 80)]:
        allocator.free(block)
    # 10 MiB are left. 20 MiB may not use 80 (oversize), and gets 30 (split: not oversize).
    allocator.malloc(20 * M)
    assert shape(allocator) == ["large@0: 20480* 10240", "large@0: 40960", "large@0: 81920"]
    # 50 MiB: 80 is 30 too large, so it goes back alone, and 40 stays.
    allocator.malloc(50 * M)
    assert shape(allocator) == ["large@0: 20480* 10240", "large@0: 40960", "large@0: 51200*"]


def test_max_split_size_adds_up_the_largest() -> None:
    allocator = make("max_split_size_mb:32", 160 * M)
    for block in [allocator.malloc(size * M) for size in (34, 50, 60)]:
        allocator.free(block)
    # No block has 100 MiB: 60 and 50 go, which is enough, and 34 stays.
    allocator.malloc(100 * M)
    assert shape(allocator) == ["large@0: 34816", "large@0: 102400*"]


def test_max_split_size_adds_up_to_the_byte() -> None:
    allocator = make("max_split_size_mb:32", 160 * M)
    for block in [allocator.malloc(size * M) for size in (40, 48, 52)]:
        allocator.free(block)
    # 52 + 48 is exactly 100: 40 stays.
    allocator.malloc(100 * M)
    assert shape(allocator) == ["large@0: 40960", "large@0: 102400*"]


def test_roundup_power2_divisions() -> None:
    # PyTorch's own example: 1200 lies between 1024 and 2048; four steps are 1024 1280 1536 1792.
    # 1200 bytes are not over 512 * 4, so there the option is not heeded; 1200 KiB are.
    table = AllocatorConfig.parse("roundup_power2_divisions:[1:4,2:0,4:2]").roundup_power2_divisions
    assert round_size(1200, table) == 1536
    assert round_size(1200 * K, table) == 1280 * K
    assert round_size(1280 * K, table) == 1280 * K
    assert round_size(1793 * K, table) == 2048 * K
    assert round_size(513 * K, table) == 640 * K  # entry 1 MiB also holds for what is below
    assert round_size(2 * M + 1, table) == 2 * M + 512  # off
    assert round_size(4 * M + 1, table) == 6 * M
    assert round_size(8 * M + 1, table) == 8 * M + 512  # past the last entry: off
    assert round_size(1, table) == 512
    allocator = make("roundup_power2_divisions:4")
    # 900 KiB rounds to 1 MiB, which is small still; 10 MiB + 1 to 12 MiB.
    assert allocator.malloc(900 * K).size == 1 * M
    assert allocator.malloc(10 * M + 1).size == 12 * M
    assert allocator.allocated_bytes == 13 * M


def test_large_segment_size() -> None:
    allocator = make("large_segment_size_mb:12")
    allocator.malloc(2 * M)
    assert allocator.reserved_bytes == 12 * M


def test_garbage_collection_gives_back_the_older_half() -> None:
    allocator = make("garbage_collection_threshold:0.5,per_process_memory_fraction:0.5", 200 * M)
    # 100 MiB allowed, collection over 50 MiB. Searches of the large pool: 1, 2, 3.
    old, young, kept = (allocator.malloc(size * M) for size in (12, 14, 30))
    allocator.free(old)  # cached at 3
    allocator.malloc(13 * M)  # 4: 56 MiB held, over the limit by 6: the 12 MiB one goes
    assert shape(allocator) == ["large@0: 14336*", "large@0: 30720*", "large@0: 14336*"]
    allocator.free(young)  # cached at 4
    allocator.free(allocator.malloc(10 * M))  # 5: gets 10 of 14 MiB; merged and cached again at 5
    allocator.free(kept)  # cached at 5
    allocator.malloc(32 * M)  # 6: 58 held; ages 1 and 1, both at the average: both go
    assert shape(allocator) == ["large@0: 14336*", "large@0: 32768*"]


def test_garbage_collection_needs_a_memory_fraction() -> None:
    allocator = make("garbage_collection_threshold:0.1", 200 * M)
    allocator.free(allocator.malloc(50 * M))
    allocator.malloc(60 * M)
    assert allocator.reserved_bytes == 110 * M


# --- expandable segments


def test_expandable_segments_grow_by_pages() -> None:
    allocator = make("expandable_segments:True", 1024 * M)
    allocator.malloc(6 * M)
    # A page of 20 MiB; here also the large pool splits down to 512 bytes.
    assert shape(allocator) == ["large@0: 6144* 14336"]
    allocator.malloc(15 * M)
    # 15 MiB do not fit in 14: one more page behind it, and the block spans the border.
    assert shape(allocator) == ["large@0: 6144* 15360* 19456"]
    allocator.malloc(19 * M - 512)
    assert shape(allocator) == ["large@0: 6144* 15360* 19455.5* 0.5"]
    allocator.malloc(100 * M)
    # 99.9995 MiB more than is there: five pages, and 512 bytes remain.
    assert shape(allocator) == ["large@0: 6144* 15360* 19455.5* 102400* 0.5"]
    assert allocator.reserved_bytes == 140 * M
    allocator.malloc(700 * K)
    assert shape(allocator)[1] == "small@0: 700* 1348"
    assert allocator.reserved_bytes == 142 * M


def test_expandable_segments_unmap_whole_pages() -> None:
    allocator = make("expandable_segments:True", 1024 * M)
    first, second, third = (allocator.malloc(size * M) for size in (25, 50, 5))
    assert shape(allocator) == ["large@0: 25600* 51200* 5120*"]
    allocator.free(second)
    allocator.empty_cache()
    # Free from 25 to 75 MiB; whole pages are 40 to 60: the range falls in two.
    assert shape(allocator) == ["large@0: 25600* 15360", "large@0: 15360 5120*"]
    assert allocator.reserved_bytes == 60 * M
    # 40 MiB: the hole with its free neighbours takes it (15 + 20 + 5 of the 15 behind).
    again = allocator.malloc(40 * M)
    assert again.address == first.address + 25 * M
    assert shape(allocator) == ["large@0: 25600* 40960* 10240 5120*"]
    for block in (first, again, third):
        allocator.free(block)
    allocator.empty_cache()
    assert allocator.segments() == ()
    assert allocator.reserved_bytes == 0


def test_expandable_segments_keep_the_growing_end() -> None:
    allocator = make("expandable_segments:True", 1024 * M)
    hole, fence = allocator.malloc(16 * M), allocator.malloc(12 * M)
    assert shape(allocator) == ["large@0: 16384* 12288* 12288"]
    allocator.free(hole)
    # 10 MiB: the end's 12 MiB fit better than the hole's 16, but the end can grow.
    assert allocator.malloc(10 * M).address == hole.address
    assert fence.size == 12 * M
    assert shape(allocator) == ["large@0: 10240* 6144 12288* 12288"]


def test_expandable_segments_out_of_memory() -> None:
    allocator = make("expandable_segments:True", 50 * M)
    allocator.malloc(30 * M)
    with pytest.raises(OutOfMemoryError) as caught:
        allocator.malloc(11 * M)
    # 40 MiB are mapped; 11 MiB need 1 more than the 10 that are free there, so a page of 20.
    assert caught.value.reserved == 40 * M
    assert caught.value.shortfall == 10 * M
    assert allocator.malloc(10 * M).size == 10 * M
