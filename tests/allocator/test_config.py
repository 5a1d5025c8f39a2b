"""The settings' text form, against what PyTorch 2.14's own parser answered to the same texts."""

from __future__ import annotations

import pytest

from nincost._allocator import AllocatorConfig, ConfigError
from nincost._allocator.blocks import MIB


def test_defaults_are_pytorchs() -> None:
    config = AllocatorConfig()
    assert config == AllocatorConfig.parse("") == AllocatorConfig.parse("  ")
    assert not config.expandable_segments
    assert config.max_split_size is None
    assert config.roundup_power2_divisions == (0,) * 16
    assert config.garbage_collection_threshold == 0
    assert config.large_segment_size == config.max_non_split_rounding_size == 20 * MIB
    assert config.per_process_memory_fraction == 1


def test_all_options_at_once_with_blanks() -> None:
    config = AllocatorConfig.parse(
        " expandable_segments : True , max_split_size_mb:128,garbage_collection_threshold:0.8,"
        "roundup_power2_divisions:[256:1,512:2,>:8],max_non_split_rounding_mb:30,"
        "per_process_memory_fraction:0.5,"
    )
    assert config == AllocatorConfig(
        expandable_segments=True,
        max_split_size=128 * MIB,
        garbage_collection_threshold=0.8,
        roundup_power2_divisions=(1,) * 9 + (2,) + (8,) * 6,
        max_non_split_rounding_size=30 * MIB,
        per_process_memory_fraction=0.5,
    )


# What `AcceleratorAllocatorConfig::roundup_power2_divisions` of libc10.so 2.14.1 gave for the sizes
# 1 MiB, 2 MiB, ... 32 GiB after each text.
@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("8", [8] * 16),
        ("1", [1] * 16),
        ("[256:1,512:2,>:8]", [1] * 9 + [2] + [8] * 6),
        ("[64:8,128:2,256:4,512:2,1024:4,>:1]", [8] * 7 + [2, 4, 2, 4] + [1] * 5),
        ("[>:4]", [0] + [4] * 15),
        ("[>:4,8:2]", [2] * 4 + [4] * 12),
        ("[4:2,2:4]", [2, 4, 2] + [0] * 13),
        ("[4:2,]", [2, 2, 2] + [0] * 13),
        ("[131072:4]", [4] * 16),
        ("[]", [0] * 16),
    ],
)
def test_divisions(text: str, table: list[int]) -> None:
    config = AllocatorConfig.parse(f"roundup_power2_divisions:{text}")
    assert list(config.roundup_power2_divisions) == table


@pytest.mark.parametrize(
    "text",
    [
        "backend:native",
        "pinned_use_background_threads:True",
        "pinned_num_register_threads:8",
        "pinned_reserve_segment_size_mb:4",
        "pinned_max_cached_size_mb:4",
        "pinned_use_cuda_host_register:True,release_lock_on_cudamalloc:True",
        "throw_on_cudamalloc_oom:False",
    ],
)
def test_options_without_effect(text: str) -> None:
    assert AllocatorConfig.parse(text) == AllocatorConfig()


def test_what_is_not_modelled_is_told() -> None:
    config = AllocatorConfig.parse("throw_on_cudamalloc_oom:True,expandable_segments:True")
    assert config.not_modelled == ("throw_on_cudamalloc_oom",)


def test_last_one_wins() -> None:
    assert not AllocatorConfig.parse(
        "expandable_segments:True,expandable_segments:False"
    ).expandable_segments


def test_large_segment_size_is_read_first() -> None:
    # 12 MiB is allowed only because the segment size, which stands behind it, is 11.
    config = AllocatorConfig.parse("max_split_size_mb:12,large_segment_size_mb:11")
    assert config.max_split_size == 12 * MIB
    assert config.large_segment_size == config.max_non_split_rounding_size == 11 * MIB


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_split_size_mb:19", "max_split_size is 19 MiB: expected at least large_segment_size"),
        ("large_segment_size_mb:10", "large_segment_size is 10 MiB: expected more than 10 MiB"),
        ("large_segment_size_mb:64,max_split_size_mb:40", "large_segment_size, 64 MiB"),
        ("max_non_split_rounding_mb:10", "max_non_split_rounding_size is 10 MiB"),
        ("garbage_collection_threshold:1.0", "both excluded"),
        ("garbage_collection_threshold:0", "both excluded"),
        ("garbage_collection_threshold:nan", "both excluded"),
        ("garbage_collection_threshold:x", "expected a number between 0 and 1"),
        ("per_process_memory_fraction:1.5", "expected a share from 0 to 1"),
        ("expandable_segments:true", "expected True or False, with a capital"),
        ("expandable_segments", "expected option:value pairs"),
        ("max_split_size_mb:abc", "expected a whole number"),
        ("max_split_size_mb:40.5", "expected a whole number"),
        ("max_split_size_mb:-1", "expected a whole number"),
        ("max_split_size_mb::40", "expected option:value pairs"),
        ("max_split_size_mb=40", "expected option:value pairs"),
        ("max_split_size_mb:40;expandable_segments:True", "expected option:value pairs"),
        (",max_split_size_mb:40", "expected option:value pairs"),
        ("roundup_power2_divisions:3", "expected a power of two"),
        ("roundup_power2_divisions:0", "expected a power of two"),
        ("roundup_power2_divisions:[4:3]", "expected 0 or a power of two"),
        ("roundup_power2_divisions:[3:2]", "expected a power of two in MiB"),
        ("roundup_power2_divisions:[4]", "expected MiB:divisions pairs"),
        ("roundup_power2_divisions:[4:2", "expected option:value pairs"),
        ("pinned_num_register_threads:3", "power of two up to 128"),
        ("pinned_num_register_threads:256", "power of two up to 128"),
        ("pinned_reserve_segment_size_mb:0", "expected a positive number"),
        ("backend:foo", "expected native"),
        ("backend:cudaMallocAsync", "try backend:native"),
        ("max_split_size:40", "did you mean max_split_size_mb?"),
        ("expandable_segment:True", "did you mean expandable_segments?"),
        ("zzz:1", "choose one of backend, "),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AllocatorConfig.parse(text)
    assert message in str(caught.value)


def test_the_dataclass_checks_too() -> None:
    with pytest.raises(ConfigError, match="max_split_size is 1 MiB"):
        AllocatorConfig(max_split_size=MIB)
    with pytest.raises(ConfigError, match="expected 16 powers of two"):
        AllocatorConfig(roundup_power2_divisions=(2,))
