"""What `fit` gives: the batch, and the memory at it and at one more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nincost._memory.results import Memory

if TYPE_CHECKING:
    from nincost._render.figures.picture import Picture
    from nincost._render.figures.style import Width


@dataclass(frozen=True, slots=True)
class FitTotals:
    """The answer, in examples and bytes.

    Attributes:
        batch_size: the largest batch that fits.
        process_bytes: what the process takes at it, context included.
        next_process_bytes: what it would take at one more.
        budget_bytes: the card's memory, or the size that was given.
    """

    batch_size: int
    process_bytes: int
    next_process_bytes: int
    budget_bytes: int

    def to_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class FitPoint:
    """What a step takes at a batch, predicted in full; sizes in bytes."""

    batch_size: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int

    def to_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Fit:
    """The largest batch for a budget. `print` it, or take `totals`.

    Attributes:
        model, settings: what was asked about; `input` as at the answer.
        gpu: the card whose rules and context were taken.
        totals: the answer.
        memory, next_memory: the whole prediction at the answer, and at one more.
        traced: the batches at which the step was recorded and predicted in full.
        points: what it takes at each of these.
        notes: what a careful reader should know.
        environment: versions.
    """

    model: str
    input: tuple[str, ...]
    settings: Mapping[str, Any]
    gpu: str
    totals: FitTotals
    memory: Memory
    next_memory: Memory
    traced: tuple[int, ...]
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    points: tuple[FitPoint, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content; `layers` are those of the peak at the answer."""
        return {
            "schema": 1,
            "command": "fit",
            "model": self.model,
            "input": list(self.input),
            "settings": dict(self.settings),
            "gpu": self.gpu,
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "memory": self.memory.totals.to_dict(),
            "next_memory": self.next_memory.totals.to_dict(),
            "layers": [layer.to_dict() for layer in self.memory.layers],
            "uncounted": list(self.memory.uncounted),
            "traced": list(self.traced),
            "points": [point.to_dict() for point in self.points],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The answer as a JSON document."""
        from nincost._render import json

        return json.render(self)

    def to_markdown(self) -> str:
        """Both batches side by side as Markdown."""
        from nincost._render.fit import table as fit_table

        return fit_table.render_markdown(self)

    def to_csv(self) -> str:
        """One row for each of the two batches."""
        from nincost._render.fit import table as fit_table

        return fit_table.render_csv(self)

    def plot(
        self, path: str | Path | None = None, *, width: Width = "page", force: bool = False
    ) -> Picture:
        """A picture of memory by batch size up to the card's budget, the answer marked.

        A matplotlib figure, which a notebook shows; written to `path` as well where one is given
        (.svg, .png or .pdf). `width` is `column` (3.4 inches), `page` (7), or a number of inches.

        Raises:
            OutputError: matplotlib is not installed, or `path` cannot be written.
            InputError: a width that no picture can have.
        """
        from nincost._render.figures import picture
        from nincost._render.fit import figure as fit

        return picture.plot(lambda: fit.draw(self, width=width), path, force=force)

    def __str__(self) -> str:
        from nincost._render.fit import table as fit_table

        return fit_table.render(self, width=120)

    def _repr_html_(self) -> str:
        from nincost._render.fit import table as fit_table

        return fit_table.render_html(self)
