"""The cards of the measured rows, those that nincost does not know by name included.

P4, P100 and the PCIe models of V100 and A100 are described here alone, from NVIDIA's data sheets.
What their memory reaches: P100 522 of 732 GB/s (bandwidthTest on Princeton's TIGER, published in
github.com/jdh4/della-gpu-A100); the P4's is taken as the T4's, which has GDDR with ECC, too.
"""

from __future__ import annotations

from dataclasses import replace

from nincost._devices.cards import GPUS, Gpu

_V100, _A100 = GPUS["v100-32gb"], GPUS["a100-40gb"]

#: By the name in NeuSight's files: the same card, as `Gpu` describes it.
CARDS: dict[str, Gpu] = {
    "Tesla P4": replace(
        GPUS["t4"], name="p4", title="NVIDIA Tesla P4", capability=(6, 1), sm_count=20,
        fp32_flops=5.5e12, tf32_flops=0, fp16_flops=0, bf16_flops=0, bandwidth=192e9,
        sm_clock_khz=1_113_000, l2_bytes=2 * 2**20, watts=75, streaming=0.75,
    ),
    "Tesla P100-PCIE-16GB": replace(
        _V100, name="p100-pcie", title="NVIDIA Tesla P100-PCIE-16GB", capability=(6, 0),
        sm_count=56, fp32_flops=9.3e12, tf32_flops=0, fp16_flops=0, bf16_flops=0, bandwidth=732e9,
        sm_clock_khz=1_328_000, l2_bytes=4 * 2**20, watts=250, streaming=0.71,
    ),
    "Tesla V100-PCIE-32GB": replace(
        _V100, name="v100-pcie", title="NVIDIA Tesla V100-PCIE-32GB", fp32_flops=14e12,
        fp16_flops=112e12, sm_clock_khz=1_380_000, watts=250,
    ),
    "Tesla T4": GPUS["t4"],
    "NVIDIA A100-PCIE-40GB": replace(_A100, name="a100-pcie", watts=250),
    "NVIDIA A100 80GB PCIe": replace(
        GPUS["a100-80gb"], name="a100-80gb-pcie", bandwidth=1935e9, watts=300
    ),
}  # fmt: skip


def card_of(name: str) -> Gpu:
    """The card of a row; `model_latency.csv` writes underscores for spaces."""
    return CARDS[name.replace("_", " ")]
