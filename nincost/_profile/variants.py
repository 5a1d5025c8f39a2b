"""The list of built-in variants with what each is and costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nincost._models.nin import VARIANTS


@dataclass(frozen=True, slots=True)
class VariantSummary:
    """A built-in variant.

    Attributes:
        variant: its name.
        source: the paper, page or file that defines it.
        input: its default input without the batch, `1x224x224`.
        params: trainable elements.
        macs: multiply-accumulates of one forward pass at batch 1.
    """

    variant: str
    source: str
    input: str
    params: int
    macs: int

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def variants() -> tuple[VariantSummary, ...]:
    """Every built-in variant, profiled at its own input size and batch 1."""
    from nincost._profile.profile import profile

    rows = []
    for name, variant in VARIANTS.items():
        result = profile(name)
        rows.append(
            VariantSummary(
                name,
                variant.source,
                f"{variant.in_channels}x{variant.image_size}x{variant.image_size}",
                result.totals.params,
                result.totals.macs,
            )
        )
    return tuple(rows)
