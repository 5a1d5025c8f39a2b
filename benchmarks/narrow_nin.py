"""The textbook's network with a quarter of its channels: as deep, and 16 times less work.

For trainings on a CPU: `nincost train benchmarks/narrow_nin.py:narrow --resize 67`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nincost._models.nin import VARIANTS, MlpconvBlock, Variant, build_variant

if TYPE_CHECKING:
    from torch import nn


def narrow(ones: int = 2, dropout: float = 0.5) -> nn.Module:
    """D2L's network with `ones` 1x1 convolutions in each block, and 24, 64, 96 channels."""
    full = VARIANTS["two-1x1"]
    blocks = tuple(
        MlpconvBlock(b.kernel, b.stride, b.padding, (b.channels[0] // 4,) * (1 + ones), b.pool)  # type: ignore[arg-type]
        for b in full.blocks
    )
    return build_variant(Variant("narrow", full.source, blocks, 1, 224, 10, (3,)), dropout=dropout)
