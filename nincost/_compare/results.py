"""The result of a comparison: pairs of layers with their differences, and totals with ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nincost._chinese.translate import Lang
from nincost._profile.results import LayerCost, Profile
from nincost._result import Result, Tabular, render

if TYPE_CHECKING:
    from nincost._compare.view import ComparisonView

Status = Literal["same", "changed", "added", "removed"]

#: What is compared, layer by layer and in total.
AMOUNTS = ("params", "macs", "activation_elements", "activation_bytes")
#: The totals of a model; the last two are there where a training step is predicted, and timed.
TOTALS = (
    "params", "macs", "flops", "activation_elements", "activation_bytes", "training_bytes",
    "examples_per_second",
)  # fmt: skip
#: Columns of the two tables: a row for each pair of layers, a row for each model.
LAYER_COLUMNS = (
    "status", "layer", "type", "left_layer", "right_layer", "left_output_shape",
    "right_output_shape",
    *(column for a in AMOUNTS for column in (f"left_{a}", f"right_{a}", f"{a}_change")),
)  # fmt: skip
MODEL_COLUMNS = ("model", "input", "batch_size", *TOTALS, *(f"{a}_ratio" for a in TOTALS))


@dataclass(frozen=True, slots=True)
class Difference:
    """A layer of the first network and its counterpart in the second; None where there is none."""

    left: LayerCost | None
    right: LayerCost | None

    @property
    def status(self) -> Status:
        if self.left is None:
            return "added"
        if self.right is None:
            return "removed"
        alike = ("type", "input_shapes", "output_shapes", *AMOUNTS)
        same = all(getattr(self.left, name) == getattr(self.right, name) for name in alike)
        return "same" if same else "changed"

    @property
    def layer(self) -> str:
        """The layer's name, with the second network's where it is another."""
        names = [row.layer for row in (self.left, self.right) if row is not None]
        return " -> ".join(dict.fromkeys(names))

    @property
    def type(self) -> str:
        names = [row.type for row in (self.left, self.right) if row is not None]
        return " -> ".join(dict.fromkeys(names))

    @property
    def output_shape(self) -> str:
        shapes = [str(row.output_shape) for row in (self.left, self.right) if row is not None]
        return " -> ".join(dict.fromkeys(shapes))

    def amount(self, name: str) -> tuple[int, int]:
        """An amount on both sides, one of `AMOUNTS`; 0 where there is no layer."""
        left = getattr(self.left, name) if self.left else 0
        right = getattr(self.right, name) if self.right else 0
        return left, right

    def change(self, name: str) -> int:
        """The second network's amount less the first's."""
        left, right = self.amount(name)
        return right - left

    def to_dict(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "status": self.status,
            "layer": self.layer,
            "type": self.type,
            "left_layer": self.left.layer if self.left else None,
            "right_layer": self.right.layer if self.right else None,
            "left_output_shape": str(self.left.output_shape) if self.left else None,
            "right_output_shape": str(self.right.output_shape) if self.right else None,
        }
        for name in AMOUNTS:
            left, right = self.amount(name)
            row |= {f"left_{name}": left, f"right_{name}": right, f"{name}_change": right - left}
        return row


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Result):
    """Networks side by side; ratios are to the first.

    Attributes:
        names: the networks' names, distinct.
        profiles: of each.
        layers: pairs of layers where two are compared; else empty.
        training: the predicted peak of each one's training step, allocated bytes; None where it
            could not be predicted; empty with `memory=False`.
        speeds: the predicted examples a second of these steps; None where it could not be
            predicted; empty where no card was named.
        notes: what a careful reader should know.
        environment: versions.
        lang: the language of its words; None for that of the environment.
    """

    renderers: ClassVar[str] = "compare"

    names: tuple[str, ...]
    profiles: tuple[Profile, ...]
    layers: tuple[Difference, ...]
    training: tuple[int | None, ...] = ()
    speeds: tuple[float | None, ...] = ()
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    lang: Lang | None = field(default=None, compare=False)

    @property
    def amounts(self) -> tuple[str, ...]:
        """The names of the totals that there are."""
        missing = {name for name, values in (
            ("training_bytes", self.training), ("examples_per_second", self.speeds)
        ) if not values}  # fmt: skip
        return tuple(name for name in TOTALS if name not in missing)

    def total(self, name: str) -> tuple[int | float | None, ...]:
        """An amount of each network, one of `amounts`; what a step takes may be None."""
        if name == "training_bytes":
            return self.training
        if name == "examples_per_second":
            return self.speeds
        return tuple(getattr(profile.totals, name) for profile in self.profiles)

    def ratios(self, name: str) -> tuple[float | None, ...]:
        """Each network's amount divided by the first's; None where that is 0 or not known."""
        first, *_ = amounts = self.total(name)
        return tuple(None if not first or n is None else n / first for n in amounts)

    @property
    def changed(self) -> tuple[Difference, ...]:
        """The layers that differ."""
        return tuple(row for row in self.layers if row.status != "same")

    def to_dict(self) -> dict[str, Any]:
        names = self.amounts
        return {
            "schema": 1,
            "command": "compare",
            "models": [
                {
                    "name": name,
                    "model": profile.model,
                    "input": list(profile.input),
                    "batch_size": profile.batch_size,
                    "totals": profile.totals.to_dict(),
                }
                for name, profile in zip(self.names, self.profiles, strict=True)
            ],
            "environment": dict(self.environment),
            "totals": {name: list(self.total(name)) for name in names},
            "ratios": {name: list(self.ratios(name)) for name in names},
            "layers": [row.to_dict() for row in self.layers],
            "uncounted": sorted({u.operator for p in self.profiles for u in p.uncounted}),
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """The pairs of layers where two networks are compared, else a row for each network."""
        if not self.layers:
            return self.by_model()
        return Tabular.of(LAYER_COLUMNS, (row.to_dict() for row in self.layers))

    def by_model(self) -> Tabular:
        """A row for each network: its totals, and their ratios to the first network's."""
        amounts = self.amounts
        ratios = {amount: self.ratios(amount) for amount in amounts}
        rows = []
        for place, (name, profile) in enumerate(zip(self.names, self.profiles, strict=True)):
            of_first = [ratios[amount][place] for amount in amounts]
            rows.append((
                name, ";".join(profile.input), profile.batch_size,
                *(self.total(amount)[place] for amount in amounts),
                *(None if ratio is None else round(ratio, 4) for ratio in of_first),
            ))  # fmt: skip
        columns = ("model", "input", "batch_size", *amounts, *(f"{a}_ratio" for a in amounts))
        return Tabular(columns, tuple(rows))

    def to_csv(
        self,
        path: str | Path | None = None,
        *,
        view: ComparisonView | None = None,
        force: bool = False,
    ) -> str:
        """The rows as CSV text, written to `path` as well where one is given.

        `view` picks columns and the rows' order as the command's `--columns` and `--sort` do.
        """
        return self._rendered("csv", path, force, view=view)

    def to_markdown(
        self,
        path: str | Path | None = None,
        *,
        view: ComparisonView | None = None,
        force: bool = False,
    ) -> str:
        """The rows that `view` picks, and the totals, as Markdown tables."""
        return self._rendered("markdown", path, force, view=view)

    def to_latex(
        self,
        path: str | Path | None = None,
        *,
        view: ComparisonView | None = None,
        force: bool = False,
    ) -> str:
        """The rows that `view` picks as a LaTeX tabular for booktabs and siunitx."""
        return self._rendered("latex", path, force, view=view)

    def to_table(self, *, view: ComparisonView | None = None, width: int | None = None) -> str:
        """The table that the command prints, for a terminal `width` columns wide."""
        return str(render(self, "table", view=view, width=width))

    def headline(self) -> dict[str, Any]:
        """The networks and their totals."""
        names = ["params", "macs", *(["training_bytes"] if self.training else [])]
        return {"names": list(self.names), **{name: list(self.total(name)) for name in names}}
