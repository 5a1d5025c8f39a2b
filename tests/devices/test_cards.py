"""The table of GPUs against published figures, and sizes of memory as people write them."""

from __future__ import annotations

import pytest

from nincost._devices.cards import GPUS, card_or_bytes, get_gpu, parse_size
from nincost.errors import InputError

# The number on the box in GB of 10^9 or GiB, whichever the vendor means; SMs = CUDA cores / cores
# of an SM (64 before 8.6 but for 8.0 and 9.0/10.0's data-centre chips: 64, 128, 128; 128 from 8.6
# on), from NVIDIA's data sheets: 2560 cores on a T4, 5120 V100, 9216 A10, 6912 A100, 7424 L4,
# 18176 L40S, 16896 H100 SXM, 18944 B200, 4352 2080 Ti, 3584 3060, 5888 3070, 8704 3080, 10496
# 3090, 9728 4080, 16384 4090, 21760 5090, 3584 A30, 14592 H100 PCIe, 6144 A4000, 10752 A6000, 18176
# RTX 6000 Ada, 1920 2060, 3072 4060.
PUBLISHED = {
    "t4": (16, 2560, 64), "v100-16gb": (16, 5120, 64), "v100-32gb": (32, 5120, 64),
    "a10": (24, 9216, 128), "a30": (24, 3584, 64),
    "a100-40gb": (40, 6912, 64), "a100-80gb": (80, 6912, 64),
    "l4": (24, 7424, 128), "l40s": (48, 18176, 128), "h100": (80, 16896, 128),
    "h100-pcie": (80, 14592, 128), "rtx-a4000": (16, 6144, 128), "rtx-a6000": (48, 10752, 128),
    "rtx-6000-ada": (48, 18176, 128), "rtx2060": (6, 1920, 64), "rtx4060": (8, 3072, 128),
    "h200": (141, 16896, 128), "b200": (180, 18944, 128), "rtx2080ti": (11, 4352, 64),
    "rtx3060": (12, 3584, 128), "rtx3070": (8, 5888, 128), "rtx3080": (10, 8704, 128),
    "rtx3090": (24, 10496, 128),
    "rtx4080": (16, 9728, 128), "rtx4090": (24, 16384, 128), "rtx5090": (32, 21760, 128),
}  # fmt: skip


def test_all_cards_are_published() -> None:
    assert set(PUBLISHED) == set(GPUS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_memory_is_the_boxs_or_a_little_less(name: str) -> None:
    box, _, _ = PUBLISHED[name]
    memory = GPUS[name].memory_bytes
    # never more than GiB of the printed number; ECC and the driver take up to a tenth
    assert 0.90 * box * 2**30 < memory <= max(box * 2**30, 1.07 * box * 10**9)


@pytest.mark.parametrize("name", PUBLISHED)
def test_sms_are_cores_over_cores_of_an_sm(name: str) -> None:
    _, cores, of_an_sm = PUBLISHED[name]
    assert GPUS[name].sm_count == cores // of_an_sm


@pytest.mark.parametrize("card", GPUS.values(), ids=lambda card: card.name)
def test_a_card_is_consistent(card) -> None:
    low, high = card.context_range
    assert low < card.context_bytes < high < card.memory_bytes
    assert card.usable_bytes == card.memory_bytes - card.context_bytes
    assert card.limits.threads_per_sm % 32 == 0
    # tensor cores are never slower than plain cores, and bfloat16 came with Ampere
    assert card.fp16_flops >= card.fp32_flops > 0
    assert (card.bf16_flops > 0) == (card.tf32_flops > 0) == (card.capability >= (8, 0))
    # two FLOPs a core and cycle at the boost clock is the peak, within a tenth for boost's sake
    _, cores, _ = PUBLISHED[card.name]
    assert card.fp32_flops == pytest.approx(2 * cores * card.sm_clock_khz * 1000, rel=0.1)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("rtx4090", "rtx4090"),
        ("RTX-4090", "rtx4090"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("a100", "a100-40gb"),
        ("A100 80GB", "a100-80gb"),
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("v100", "v100-16gb"),
        ("Tesla T4", "t4"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("h100", "h100"),
        ("3090", "rtx3090"),
        ("RTX 3090", "rtx3090"),
        ("A6000", "rtx-a6000"),
        ("NVIDIA RTX A6000", "rtx-a6000"),
        ("RTX 6000 Ada", "rtx-6000-ada"),
        ("4060", "rtx4060"),
        ("2060", "rtx2060"),
        ("V100 32GB", "v100-32gb"),
        ("L40S", "l40s"),
        ("H100 PCIe", "h100-pcie"),
    ],
)
def test_names_and_aliases(given: str, name: str) -> None:
    assert get_gpu(given).name == name


def test_an_unknown_card_lists_all_and_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown GPU 'rtx4909'.*did you mean 'rtx4090'") as error:
        get_gpu("rtx4909")
    assert all(name in str(error.value) for name in GPUS)


@pytest.mark.parametrize(("number", "name"), [(24, "rtx4090"), (40, "a100-40gb"), (80, "h100")])
def test_a_size_in_gb_is_that_of_a_card_that_is_sold_so(number: int, name: str) -> None:
    found = card_or_bytes(f"{number}GB")
    assert found == pytest.approx(GPUS[name].memory_bytes, rel=0.006)
    assert card_or_bytes(f"{number} gb") == found
    assert card_or_bytes(f"{number}GiB") == number * 2**30
    assert card_or_bytes("23.5GB") == 23_500_000_000


def test_a_number_is_a_card_or_a_size() -> None:
    assert card_or_bytes("3090") is GPUS["rtx3090"]
    assert card_or_bytes("3090MiB") == 3090 * 2**20
    for unknown in ("4070 Ti", "1080"):
        with pytest.raises(InputError, match="unknown GPU"):
            card_or_bytes(unknown)
    for name in ("MI300X", "AMD Instinct MI300X"):
        with pytest.raises(InputError, match=r"no CUDA card.*--gpu 192GB"):
            card_or_bytes(name)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 24 * 1024**3),
        ("24gib", 24 * 1024**3),
        ("24GB", 24_000_000_000),
        ("24g", 24 * 1024**3),
        (" 512 MiB ", 512 * 1024**2),
        ("0.5TiB", 512 * 1024**3),
        ("23.5GB", 23_500_000_000),
        (".5GiB", 512 * 1024**2),
        ("1b", 1),
        ("0.1GB", 100_000_000),  # exact, although 0.1 is no binary fraction
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "24", "GiB", "-1GiB", "24 G B", "1e3GiB", "1,5GiB", "0GiB", "0.0g", "nan GiB", "inf GB",
     "24GiBs", "9" * 39 + "b", "9" * 10_000 + "GiB", "٢٤GiB", "99999999TiB"],
)  # fmt: skip
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InputError, match="write 24GiB"):
        parse_size(text)
