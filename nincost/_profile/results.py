"""What a profile gives: plain values, one row for each place where something is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nincost._result import Result, Tabular, render
from nincost._trace.records import Shape
from nincost._trace.values.assumptions import Assumption

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nincost._profile.view import View

#: The columns of a profile's CSV, in order, and the keys of a layer in its JSON.
COLUMNS = (
    "layer",
    "type",
    "depth",
    "calls",
    "input_shape",
    "output_shape",
    "params",
    "trainable_params",
    "macs",
    "flops",
    "activation_elements",
    "activation_bytes",
)
#: The columns that add up over the rows to the totals.
COUNTS = COLUMNS[COLUMNS.index("params") :]
#: Every column that can be asked for.
ALL_COLUMNS = (*COLUMNS, "elementwise_flops")


@dataclass(frozen=True, slots=True)
class LayerCost:
    """One row: the calls of a leaf module with equal shapes, or of an operator outside any leaf.

    Attributes:
        module: dotted path of the module, or the model's class for the root.
        operator: `aten.add`, say, where the row is an operator's; empty for a leaf module's.
        type: the module's class, or the operator, or `uncounted` for an operator that computes
            and has no formula.
        depth: how many modules lie above it.
        calls: how often it ran; 0 for a module that holds parameters and was never called.
        input_shapes, output_shapes: of each tensor, batch included.
        params, trainable_params: elements, each parameter in the row that first used it.
        macs: multiply-accumulates of contractions, all calls together.
        elementwise_flops: FLOPs of everything else.
        activation_elements, activation_bytes: of output tensors that came to be here (an in-place
            operator or a view makes none).
    """

    module: str
    operator: str
    type: str
    depth: int
    calls: int
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    params: int
    trainable_params: int
    macs: int
    elementwise_flops: int
    activation_elements: int
    activation_bytes: int

    @property
    def layer(self) -> str:
        """The row's name: the module, and the operator where it is one."""
        return f"{self.module} [{self.operator}]" if self.operator else self.module

    @property
    def flops(self) -> int:
        """FLOPs of contractions: two for each MAC."""
        return 2 * self.macs

    @property
    def input_shape(self) -> Shape:
        """The first input's shape (empty where there is none)."""
        return self.input_shapes[0] if self.input_shapes else Shape()

    @property
    def output_shape(self) -> Shape:
        """The first output's shape (empty where there is none)."""
        return self.output_shapes[0] if self.output_shapes else Shape()

    def to_dict(self) -> dict[str, str | int]:
        """The row as plain values under the names in `ALL_COLUMNS`."""
        row: dict[str, str | int] = {name: getattr(self, name) for name in ALL_COLUMNS}
        row["input_shape"] = ";".join(map(str, self.input_shapes))
        row["output_shape"] = ";".join(map(str, self.output_shapes))
        return row


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole model: elements, MACs, FLOPs (2 for each MAC) and bytes."""

    params: int
    trainable_params: int
    frozen_params: int
    buffers: int
    macs: int
    flops: int
    activation_elements: int
    activation_bytes: int
    elementwise_flops: int
    param_bytes: int
    buffer_bytes: int

    def to_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An operator that computes and has no formula: how often it ran, and in which layers."""

    operator: str
    calls: int
    layers: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"operator": self.operator, "calls": self.calls, "layers": list(self.layers)}


@dataclass(frozen=True, slots=True)
class ModuleNode:
    """A module with children that was called: its place in the tree, its first call's shapes."""

    path: str
    type: str
    depth: int
    calls: int
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Profile(Result):
    """What a model costs, layer by layer. `print` it, or take `layers` and `totals`.

    Attributes:
        model, input, batch_size, mode: what was profiled.
        device: `meta`, or `cpu` where the model could not run on meta.
        layers: the rows, in order of execution.
        totals: sums over the model.
        uncounted: operators without a formula; empty when every operator was counted.
        never_called: paths of leaf modules that the forward run did not call.
        modules: the modules above the rows, for drawing the tree.
        notes: what a careful reader should know.
        assumptions: what was assumed where the model looks at values that depend on weights or
            activations, with the operator and the line that asked.
        details: how the model was built, where that is out of the ordinary.
        environment: versions.
    """

    renderers: ClassVar[str] = "profile"

    model: str
    input: tuple[str, ...]
    batch_size: int
    mode: str
    device: str
    layers: tuple[LayerCost, ...]
    totals: Totals
    uncounted: tuple[Uncounted, ...]
    never_called: tuple[str, ...]
    modules: tuple[ModuleNode, ...]
    notes: tuple[str, ...]
    assumptions: tuple[Assumption, ...] = ()
    details: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "profile",
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "mode": self.mode,
            "device": self.device,
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
            "uncounted": [item.to_dict() for item in self.uncounted],
            "never_called": list(self.never_called),
            "assumptions": [one.to_dict() for one in self.assumptions],
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """The layers with every column, in order of execution."""
        return Tabular.of(ALL_COLUMNS, (layer.to_dict() for layer in self.layers))

    def headline(self) -> dict[str, Any]:
        """The model, its input and the totals."""
        return {
            "model": self.model,
            "input": ", ".join(self.input),
            "params": self.totals.params,
            "macs": self.totals.macs,
            "activation_bytes": self.totals.activation_bytes,
        }

    def to_json(
        self, path: str | Path | None = None, *, view: View | None = None, force: bool = False
    ) -> str:
        """The profile as a JSON document with the rows that `view` picks; each has every column."""
        return self._rendered("json", path, force, view=view)

    def to_csv(
        self, path: str | Path | None = None, *, view: View | None = None, force: bool = False
    ) -> str:
        """The rows as CSV text, written to `path` as well where one is given.

        `view` picks rows and columns as the command's options do. An existing file is left alone
        unless `force`; a file is never half-written.
        """
        return self._rendered("csv", path, force, view=view)

    def to_markdown(
        self, path: str | Path | None = None, *, view: View | None = None, force: bool = False
    ) -> str:
        """The rows that `view` picks, and the totals, as a Markdown table."""
        return self._rendered("markdown", path, force, view=view)

    def to_latex(
        self, path: str | Path | None = None, *, view: View | None = None, force: bool = False
    ) -> str:
        """The rows that `view` picks as a LaTeX tabular for booktabs and siunitx."""
        return self._rendered("latex", path, force, view=view)

    def to_table(self, *, view: View | None = None, width: int | None = None) -> str:
        """The table that the command prints, for a terminal `width` columns wide."""
        return str(render(self, "table", view=view, width=width))

    def plot(
        self,
        path: str | Path | None = None,
        *,
        view: View | None = None,
        width: str | float = "page",
        force: bool = False,
    ) -> Figure:
        """A picture of parameters, MACs and activation memory, layer by layer.

        A matplotlib figure, which a notebook shows; written to `path` as well where one is given
        (.svg, .png or .pdf). `view` picks rows and columns as it does for a table, `width` is
        `column` (3.4 inches), `page` (7), or a number of inches.

        Raises:
            OutputError: matplotlib is not installed, or `path` cannot be written.
            InputError: a width or a view that no picture can have.
        """
        return self._drawn(path, width, force, view=view)
