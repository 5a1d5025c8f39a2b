"""The list of built-in variants with what each is and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nincost._environment import environment
from nincost._isolation import in_own_mode
from nincost._models.nin import VARIANTS
from nincost._result import Result, Tabular


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


@dataclass(frozen=True, slots=True, repr=False)
class Variants(Result):
    """The built-in variants, in order. `print` it, or go through it.

    Attributes:
        rows: one for each variant.
        environment: versions.
    """

    renderers: ClassVar[str] = "variants"

    rows: tuple[VariantSummary, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[VariantSummary]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> VariantSummary:
        return self.rows[place]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "variants",
            "environment": dict(self.environment),
            "variants": [row.to_dict() for row in self.rows],
        }

    def tabular(self) -> Tabular:
        """A row for each variant."""
        return Tabular.of(VariantSummary.__slots__, (row.to_dict() for row in self.rows))

    def headline(self) -> dict[str, Any]:
        """Their names."""
        return {"variants": [row.variant for row in self.rows]}


@in_own_mode
def variants() -> Variants:
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
    return Variants(tuple(rows), environment())
