"""The GPUs that nincost knows by name, and sizes of memory as people write them.

Where each figure comes from (looked up in 2026; `gpu.memory_source` says it for each card):

- memory: `torch.cuda.get_device_properties(0).total_memory`, or the capacity in an out-of-memory
  message (two decimals of a GiB), as people posted them. It is less than the number on the box,
  and differs by some tens of MiB with driver and ECC: of several values the smaller was taken.
- SM count, compute capability: the same printouts, else NVIDIA's data sheets.
- limits of a compute capability: "Technical Specifications per Compute Capability" in NVIDIA's
  CUDA C++ Programming Guide.
- speeds: NVIDIA's data sheets and architecture papers, dense (no sparsity), tensor-core figures
  with 32-bit accumulation, which is what PyTorch asks for. A GeForce card does that at half the
  rate of 16-bit accumulation, so its figures are lower than advertisements'. NOMINAL: no kernel
  reaches them.
- power: the board's rated power in NVIDIA's data sheets (TDP, "total graphics power").
- clocks and L2: as `deviceQuery` prints them; from memory, but for the L2 of RTX 4090, H100, H200
  and B200. NOMINAL: only cuDNN's heuristics read them, and seldom let them decide.
- context: what a process holds on the card before its first tensor. With lazy loading of modules
  (CUDA 11.7 and later) 300 to 400 MB (github.com/pytorch/pytorch/issues/107667 and 109888); it
  grows as kernels and libraries are loaded. NOMINAL: one figure with a range, but for the H100:
  638 to 766 MiB beyond what PyTorch reserved, as nvidia-smi said at the end of four training steps
  (reports/h100.md; driver 580, CUDA 13). The H200 is the same chip.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nincost.errors import InputError, did_you_mean

MIB = 2**20
GIB = 2**30

#: MODELLED, see the module's text: bytes of a CUDA context, and what it may lie between.
CONTEXT_BYTES = 420 * MIB
CONTEXT_RANGE = (250 * MIB, 750 * MIB)
#: Of the cards whose context was measured, by their number of multiprocessors and capability.
_MEASURED_CONTEXT = {(132, (9, 0)): (750 * MIB, (630 * MIB, 800 * MIB))}


@dataclass(frozen=True, slots=True)
class CapabilityLimits:
    """What all GPUs of one compute capability share (sizes in bytes)."""

    threads_per_sm: int
    blocks_per_sm: int
    shared_per_block: int


#: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability". The last is the
#: most shared memory that a block may opt into.
_LIMITS = {
    (7, 0): CapabilityLimits(2048, 32, 96 * 1024),
    (7, 5): CapabilityLimits(1024, 16, 64 * 1024),
    (8, 0): CapabilityLimits(2048, 32, 163 * 1024),
    (8, 6): CapabilityLimits(1536, 16, 99 * 1024),
    (8, 9): CapabilityLimits(1536, 24, 99 * 1024),
    (9, 0): CapabilityLimits(2048, 32, 227 * 1024),
    (10, 0): CapabilityLimits(2048, 32, 227 * 1024),
    (12, 0): CapabilityLimits(1536, 24, 99 * 1024),
}


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card: memory in bytes, peak speeds in FLOP/s (0 where it lacks the type), bytes/s, watts.

    `memory_bytes` is what CUDA reports, not the number on the box. `memory_source` names where it
    was read; it begins with "nominal" where no printout for this card was found.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    memory_bytes: int
    memory_source: str
    capability: tuple[int, int]
    sm_count: int
    fp32_flops: float
    tf32_flops: float
    fp16_flops: float
    bf16_flops: float
    bandwidth: float
    sm_clock_khz: int
    memory_clock_khz: int
    l2_bytes: int
    watts: int
    streaming: float = 0.9
    context_bytes: int = CONTEXT_BYTES
    context_range: tuple[int, int] = CONTEXT_RANGE

    @property
    def limits(self) -> CapabilityLimits:
        """The limits of this card's compute capability."""
        return _LIMITS[self.capability]

    @property
    def usable_bytes(self) -> int:
        """What PyTorch may reserve: the memory less the CUDA context."""
        return self.memory_bytes - self.context_bytes


def _card(  # a row of the table below, in the units that people quote
    name: str,
    title: str,
    memory: tuple[float, str],
    capability: tuple[int, int],
    sm_count: int,
    tflops: tuple[float, float, float, float],
    gigabytes_a_second: float,
    clocks_l2_watts: tuple[int, int, float, int],
    aliases: tuple[str, ...] = (),
) -> Gpu:
    fp32, tf32, fp16, bf16 = (round(value * 1e12) for value in tflops)
    sm_clock, memory_clock, l2, watts = clocks_l2_watts
    return Gpu(
        name, title, aliases, int(memory[0] * MIB), memory[1], capability, sm_count,
        fp32, tf32, fp16, bf16, gigabytes_a_second * 1e9,
        sm_clock * 1000, memory_clock * 1000, int(l2 * MIB), watts, _streaming(name),
        *_MEASURED_CONTEXT.get((sm_count, capability), (CONTEXT_BYTES, CONTEXT_RANGE)),
    )  # fmt: skip


#: Share of the data sheet's bandwidth that streaming kernels reach, as others measured it: T4 239.6
#: GB/s (bandwidthTest, github.com/router-gao/cuda-demo), V100 869 to 886 GB/s (four PCIe cards,
#: cuda-roofline's README), A100-PCIE-40GB 1,312 GB/s (BabelStream 4.0's triad), RTX 2080 Ti 557 and
#: RTX 2060 Super 404 GB/s (the same); H100: copies in benchmarks/data/h100.
_STREAMING = {"t4": 0.75, "v100-16gb": 0.97, "v100-32gb": 0.97, "a100-40gb": 0.84,
              "a100-80gb": 0.84, "a30": 0.84, "h100": 0.9}  # fmt: skip
#: GDDR keeps ECC's bits among the data, which costs bandwidth (T4); it is on in these. ASSUMED.
_ECC_IN_GDDR = frozenset({"a10", "l4", "l40s"})


def _streaming(name: str) -> float:
    """The share for a card; where nobody measured it, that of the RTX 2080 Ti."""
    return _STREAMING.get(name, 0.8 if name in _ECC_IN_GDDR else 0.9)


def _gib(value: float) -> int:
    """Whole MiB in a GiB value that was printed with two decimals."""
    return int(value * 1024)


_PRINTOUT = "get_device_properties as posted: "
_OOM = "an out-of-memory message: "

#: name, title, (MiB, source), capability, SMs, TFLOP/s of (fp32, tf32, fp16, bf16), GB/s,
#: (MHz of an SM, MHz of the memory, MiB of L2, watts), aliases.
_CARDS = (
    _card("t4", "NVIDIA Tesla T4", (14930, _PRINTOUT + "14930MB; older drivers 15102, 15110MB"),
          (7, 5), 40, (8.1, 0, 65, 0), 320, (1590, 5001, 4, 70), ("tesla-t4",)),
    _card("v100-16gb", "NVIDIA Tesla V100-SXM2-16GB", (16130, _PRINTOUT + "16130MB, also 16160MB"),
          (7, 0), 80, (15.7, 0, 125, 0), 900, (1530, 877, 6, 300), ("v100",)),
    _card("v100-32gb", "NVIDIA Tesla V100-SXM2-32GB", (_gib(31.73), _OOM + "31.73 GiB"),
          (7, 0), 80, (15.7, 0, 125, 0), 900, (1530, 877, 6, 300)),
    _card("a10", "NVIDIA A10", (_gib(22.0), "nominal: 24 GB less what ECC and the driver keep"),
          (8, 6), 72, (31.2, 62.5, 125, 125), 600, (1695, 6251, 6, 150)),
    _card("a30", "NVIDIA A30",
          (_gib(23.53), _OOM + "23.53 GiB, github.com/google/RB-Modulation/issues/5"),
          (8, 0), 56, (10.3, 82, 165, 165), 933, (1440, 1215, 24, 165)),
    _card("a100-40gb", "NVIDIA A100-SXM4-40GB",
          (42_298_834_944 / MIB, "deviceQuery: github.com/bottlerocket-os/bottlerocket/pull/3873"),
          (8, 0), 108, (19.5, 156, 312, 312), 1555, (1410, 1215, 40, 400), ("a100",)),
    _card("a100-80gb", "NVIDIA A100-SXM4-80GB",
          (_gib(79.25), _OOM + "79.25 GiB, github.com/levihsu/OOTDiffusion/issues/235"),
          (8, 0), 108, (19.5, 156, 312, 312), 2039, (1410, 1593, 40, 400)),
    _card("l4", "NVIDIA L4", (_gib(22.0), "nominal: 24 GB less what ECC and the driver keep"),
          (8, 9), 58, (30.3, 60, 121, 121), 300, (2040, 6251, 48, 72)),
    _card("l40s", "NVIDIA L40S", (45589, _PRINTOUT + "45589MB"),
          (8, 9), 142, (91.6, 183, 362, 362), 864, (2520, 9001, 96, 350)),
    _card("h100", "NVIDIA H100 80GB HBM3", (81082, _PRINTOUT + "81082MB, also 81089, 81090MB"),
          (9, 0), 132, (66.9, 494.7, 989.4, 989.4), 3350, (1980, 2619, 50, 700),
          ("h100-80gb", "h100-sxm")),
    _card("h100-pcie", "NVIDIA H100 PCIe", (_gib(79.1), "nominal: as of the H100 with HBM3"),
          (9, 0), 114, (51.2, 378, 756, 756), 2039, (1755, 1593, 50, 350)),
    _card("h200", "NVIDIA H200", (143156, _PRINTOUT + "143156MB"),
          (9, 0), 132, (66.9, 494.7, 989.4, 989.4), 4800, (1980, 3201, 60, 700), ("h200-141gb",)),
    _card("b200", "NVIDIA B200", (182631, _PRINTOUT + "182631MB, also 182642MB"),
          (10, 0), 148, (75, 1100, 2250, 2250), 7700, (1965, 3996, 126, 1000), ("b200-180gb",)),
    _card("rtx-a4000", "NVIDIA RTX A4000",
          (_gib(15.61), _OOM + "15.61 GiB, github.com/DengKaiCQ/VGGT-Long/issues/6"),
          (8, 6), 48, (19.2, 38.3, 76.7, 76.7), 448, (1560, 7001, 4, 140)),
    _card("rtx-a6000", "NVIDIA RTX A6000",
          (_gib(47.5), "nominal: 48 GB less what the driver keeps"),
          (8, 6), 84, (38.7, 77.4, 154.8, 154.8), 768, (1800, 8001, 6, 300)),
    _card("rtx-6000-ada", "NVIDIA RTX 6000 Ada Generation",
          (_gib(44.43), _OOM + "44.43 GiB with ECC, github.com/DINGYANB/MTVCrafter/issues/21"),
          (8, 9), 142, (91.1, 182.1, 364.2, 364.2), 960, (2505, 10001, 96, 300)),
    _card("rtx2060", "NVIDIA GeForce RTX 2060",
          (5926, "deviceQuery: 5926 MBytes, github.com/open-edge-platform/geti/issues/1035"),
          (7, 5), 30, (6.5, 0, 25.8, 0), 336, (1680, 7001, 3, 160)),
    _card("rtx2080ti", "NVIDIA GeForce RTX 2080 Ti", (11019, _PRINTOUT + "11019MB"),
          (7, 5), 68, (13.4, 0, 53.8, 0), 616, (1635, 7000, 5.5, 250)),
    _card("rtx3060", "NVIDIA GeForce RTX 3060", (11938, _PRINTOUT + "11938MB"),
          (8, 6), 28, (12.7, 12.7, 25.5, 25.5), 360, (1777, 7501, 2.25, 170), ("rtx3060-12gb",)),
    _card("rtx3070", "NVIDIA GeForce RTX 3070",
          (_gib(7.76), _OOM + "7.76 GiB, github.com/sshan-zhao/GASDA/issues/19; others 7.78 GiB"),
          (8, 6), 46, (20.3, 20.3, 40.6, 40.6), 448, (1725, 7001, 4, 220)),
    _card("rtx3080", "NVIDIA GeForce RTX 3080",
          (_gib(9.78), _OOM + "9.78 GiB, github.com/zai-org/CogVideo/issues/34"),
          (8, 6), 68, (29.8, 29.8, 59.5, 59.5), 760, (1710, 9501, 5, 320), ("rtx3080-10gb",)),
    _card("rtx3090", "NVIDIA GeForce RTX 3090", (24259, _PRINTOUT + "24259MB, also 24268MB"),
          (8, 6), 82, (35.6, 35.6, 71, 71), 936, (1695, 9751, 6, 350)),
    _card("rtx4060", "NVIDIA GeForce RTX 4060",
          (_gib(7.76), "nominal: as of the RTX 3070, which is sold as 8 GB, too"),
          (8, 9), 24, (15.1, 15.1, 30.2, 30.2), 272, (2460, 8501, 24, 115)),
    _card("rtx4080", "NVIDIA GeForce RTX 4080", (16049, _PRINTOUT + "16049MB"),
          (8, 9), 76, (48.7, 48.7, 97.5, 97.5), 717, (2505, 11201, 64, 320)),
    _card("rtx4090", "NVIDIA GeForce RTX 4090",
          (_gib(23.64),
           _OOM + "23.64 GiB, github.com/3DTopia/Phidias-Diffusion/issues/8; Windows 24563MB"),
          (8, 9), 128, (82.6, 82.6, 165.2, 165.2), 1008, (2520, 10501, 72, 450)),
    _card("rtx5090", "NVIDIA GeForce RTX 5090",
          (_gib(31.36),
           _OOM + "31.36 GiB, github.com/TrajectoryCrafter/TrajectoryCrafter/issues/20"),
          (12, 0), 170, (104.8, 104.8, 209.5, 209.5), 1792, (2407, 14001, 96, 575)),
)  # fmt: skip

GPUS: dict[str, Gpu] = {card.name: card for card in _CARDS}


#: Cards that are no CUDA cards, and GB of memory on them as they are sold.
_NOT_CUDA = {"mi210": 64, "mi250": 128, "mi250x": 128, "mi300x": 192, "mi325x": 256, "mi355x": 288}


def _plain(name: str) -> str:
    """`NVIDIA GeForce RTX 4090`, `rtx-4090` and `4090` as `4090`."""
    return re.sub("[^a-z0-9]|nvidia|geforce|tesla|rtx", "", name.lower())


_BY_PLAIN_NAME = {
    _plain(name): card for card in _CARDS for name in (card.title, *card.aliases, card.name)
}


def get_gpu(name: str) -> Gpu:
    """The card of that name or alias; case, spaces, hyphens and `RTX` do not matter.

    Raises:
        InputError: it is not known, or no CUDA card.
    """
    card = _BY_PLAIN_NAME.get(_plain(name))
    if card is None:
        sold = _NOT_CUDA.get(re.sub("[^a-z0-9]|amd|instinct", "", name.lower()))
        if sold is not None:
            raise InputError(
                f"{name!r} is no CUDA card, and other rules are not known: --gpu {sold}GB predicts "
                "what a CUDA card of its size would take"
            )
        known = sorted({name for card in _CARDS for name in (card.name, *card.aliases)})
        raise InputError(
            f"unknown GPU {name!r}: choose {', '.join(known)}, "
            f"or give a size such as 24GiB{did_you_mean(name.lower(), known)}"
        )
    return card


#: The share of the number on the box, in GiB, that CUDA reports: 0.985 for RTX 4090 and A100, 0.987
#: and 0.990 for RTX 3090 and H100. ECC on GDDR memory takes more: 0.93 on an L40S.
_REPORTED_SHARE = 0.985


def card_or_bytes(name: str) -> Gpu | int:
    """The card of a name, or the bytes of a size.

    `24GB` is a card that is sold as 24 GB, `24GiB` exactly that many bytes.

    Raises:
        InputError: neither.
    """
    text = name.strip()
    if _plain(text) in _BY_PLAIN_NAME or not text[:1].isdigit():
        return get_gpu(text)
    size = _SIZE.fullmatch(text)
    if re.match(r"[0-9]{4}", text) and not (size and size[2].lower() in _UNITS):
        return get_gpu(text)  # RTX 4070 Ti, as people write it
    sold = re.fullmatch(r"([0-9]{1,3}) ?[gG][bB]", text)
    return int(int(sold[1]) * GIB * _REPORTED_SHARE) if sold else parse_size(text)


def knows_capability(capability: tuple[int, int]) -> bool:
    """Whether the limits of a compute capability are in the table."""
    return capability in _LIMITS


#: What one unit stands for, in bytes. GB is 10^9 and GiB 2^30; a bare letter is binary, as in
#: nvidia-smi, docker and Slurm.
_UNITS = {
    "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
    "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40,
}  # fmt: skip

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Z]+)")
_MOST_BYTES = 2**60


def parse_size(text: str) -> int:
    """Bytes of `24GiB` (24 * 2^30), `24GB` (24 * 10^9), `24g` (as GiB), `512 MiB`, `0.5TiB`.

    A number without a unit is refused: 24 could be bytes or gigabytes.
    """
    match = _SIZE.fullmatch(text.strip()) if len(text) <= 40 else None
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise InputError(
            f"size {text[:40]!r} is no amount of memory: expected a number and a unit "
            "(GiB = 2^30 bytes, GB = 10^9 bytes, MiB, MB ...): write 24GiB"
        )
    whole, _, decimals = match[1].partition(".")
    bytes_: int = int(whole + decimals) * unit // 10 ** len(decimals)
    if not 0 < bytes_ <= _MOST_BYTES:
        raise InputError(
            f"size {text!r} is {'nothing' if bytes_ == 0 else 'more than any machine has'}: "
            "expected the memory of a card: write 24GiB"
        )
    return bytes_
