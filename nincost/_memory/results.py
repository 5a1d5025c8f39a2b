"""What a prediction of memory gives: plain values, all sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nincost._trace.recording import CATEGORIES

if TYPE_CHECKING:
    import pandas as pd

    from nincost._memory.replay import Simulation
    from nincost._render.figures.picture import Picture
    from nincost._render.figures.style import Width

#: The columns of a prediction's CSV and the keys of a layer in its JSON; the categories sum to
#: `bytes`.
MEMORY_COLUMNS = ("layer", "bytes", *CATEGORIES)

#: When `MemoryTotals.phases` looks: the end of each, in the last step.
PHASES = ("after_model", "after_forward", "after_backward", "after_step")


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """What a layer holds at the peak: `bytes`, and the same by category.

    `layer` is a module's dotted path, or in brackets what no module did: `[input]`, `[loss]`,
    `[backward]`, `[optimizer]`.
    """

    layer: str
    bytes: int
    categories: Mapping[str, int]

    def to_dict(self) -> dict[str, str | int]:
        """The row as plain values under the names in `MEMORY_COLUMNS`."""
        return {"layer": self.layer, "bytes": self.bytes, **self.categories}


@dataclass(frozen=True, slots=True)
class Measured:
    """What `torch.cuda.memory` said of real steps; None where it cannot tell.

    Attributes:
        process_bytes: what the driver says the process holds, the context included.
        categories_at_peak: parameters, buffers, gradients, optimizer state and inputs by the
            addresses of their tensors; activations are what forward had left; temporaries are the
            rest, workspace included.
        replayed_reserved_bytes: what the allocator's model reserves for the recorded history; equal
            to `peak_reserved_bytes` where the model is right.
        out_of_memory: the error's first line where the steps did not fit, and the figures are
            those of that moment.
        shortfall_bytes: how much more the request that failed would have needed.
    """

    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int | None
    peak_phase: str
    categories_at_peak: Mapping[str, int | None]
    phases: Mapping[str, int | None]
    device: str
    versions: Mapping[str, str]
    steps: int
    peak_layer: str | None = None
    peak_op: str | None = None
    peak_requested_bytes: int | None = None
    replayed_reserved_bytes: int | None = None
    out_of_memory: str = ""
    shortfall_bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return _plain(self)


@dataclass(frozen=True, slots=True)
class MemoryTotals:
    """The step as a whole.

    Attributes:
        peak_allocated_bytes: `torch.cuda.max_memory_allocated`.
        peak_reserved_bytes: `torch.cuda.max_memory_reserved`.
        process_bytes: reserved, and the CUDA context: what nvidia-smi shows.
        peak_phase, peak_layer, peak_op: where `peak_allocated_bytes` was first reached.
        categories_at_peak: sum to `peak_allocated_bytes`.
        phases: allocated when a phase had ended.
        measured: the same of real steps on a GPU; None where none were run.
        peak_requested_bytes: as asked for, before the allocator rounded.
        cached_bytes: reserved less allocated, each at its peak: rounding of segments, and what is
            cached in pieces that do not fit.
        context_bytes: the part of `process_bytes` that is the CUDA context.
        budget_bytes: the memory of the card named or present; None where there is none.
        interval: for each of the first three, the least and the most that it may be: convolutions
            without any scratch memory and with the most that a plan of theirs takes, a small
            context and a large one.
    """

    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int
    peak_phase: str
    peak_layer: str
    peak_op: str
    categories_at_peak: Mapping[str, int]
    phases: Mapping[str, int]
    measured: Measured | None
    peak_requested_bytes: int
    cached_bytes: int
    context_bytes: int
    budget_bytes: int | None
    interval: Mapping[str, tuple[int, int]]

    def to_dict(self) -> dict[str, Any]:
        return _plain(self)


@dataclass(frozen=True, slots=True)
class UsedRule:
    """A rule of the device's that had a say: for which operator, read where, and how sure.

    `kind` is `derived` (the source determines the bytes) or `modelled` (a library decides, and
    this is a description of it).
    """

    operator: str
    kind: Literal["derived", "modelled"]
    source: str

    def to_dict(self) -> dict[str, str]:
        return _plain(self)


@dataclass(frozen=True, slots=True)
class Change:
    """The same step with one thing changed, predicted: how much that saves (negative: costs).

    `option` is what to add on the command line, and `description` says it in words.
    """

    option: str
    description: str
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int
    saved_bytes: int

    def to_dict(self) -> dict[str, Any]:
        return _plain(self)


@dataclass(frozen=True, slots=True)
class Memory:
    """The predicted memory of a step. `print` it, or take `totals` and `layers`.

    Attributes:
        model, input, batch_size: what was predicted.
        settings: the step's options as plain values.
        gpu: the card whose rules and context were taken.
        totals: the answer.
        layers: what each layer holds at the peak, in the order of first allocation.
        uncounted: operators that the device's rules do not know.
        rules: the rules that had a say.
        suggestions: changes that were predicted, the largest saving first; empty where not asked.
        what_if: the same step of another model.
        notes: what a careful reader should know.
        environment: versions.
        history: every allocation, for `to_timeline` and `to_snapshot`; not in `to_dict`.
    """

    model: str
    input: tuple[str, ...]
    batch_size: int
    settings: Mapping[str, Any]
    gpu: str
    totals: MemoryTotals
    layers: tuple[LayerMemory, ...]
    uncounted: tuple[str, ...]
    rules: tuple[UsedRule, ...]
    suggestions: tuple[Change, ...] = ()
    what_if: Change | None = None
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    history: Simulation | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "memory",
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "settings": dict(self.settings),
            "gpu": self.gpu,
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
            "uncounted": list(self.uncounted),
            "rules": [rule.to_dict() for rule in self.rules],
            "suggestions": [change.to_dict() for change in self.suggestions],
            "what_if": self.what_if.to_dict() if self.what_if else None,
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The prediction as a JSON document."""
        from nincost._render import json

        return json.render(self)

    def to_csv(self, path: str | Path | None = None, *, force: bool = False) -> str:
        """The layers at the peak as CSV text, written to `path` as well where one is given."""
        from nincost._files import write_file
        from nincost._render.memory import table as memory_table

        text = memory_table.render_csv(self)
        if path is not None:
            write_file(path, text, force=force)
        return text

    def to_markdown(self) -> str:
        """Categories, layers and words as Markdown."""
        from nincost._render.memory import table as memory_table

        return memory_table.render_markdown(self)

    def to_dataframe(self) -> pd.DataFrame:
        """The layers at the peak as a pandas DataFrame with the CSV's columns."""
        import pandas as pd

        return pd.DataFrame([layer.to_dict() for layer in self.layers], columns=MEMORY_COLUMNS)

    def plot(
        self, path: str | Path | None = None, *, width: Width = "page", force: bool = False
    ) -> Picture:
        """A picture of the memory over the operators of a step, by category, the peak marked.

        A matplotlib figure, which a notebook shows; written to `path` as well where one is given
        (.svg, .png or .pdf). `width` is `column` (3.4 inches), `page` (7), or a number of inches.

        Raises:
            OutputError: matplotlib is not installed, or `path` cannot be written.
            InputError: a width that no picture can have.
        """
        from nincost._render.figures import picture
        from nincost._render.memory import figure as memory

        return picture.plot(lambda: memory.draw(self, width=width), path, force=force)

    def to_timeline(
        self, path: str | Path | None = None, *, width: Width = "page", force: bool = False
    ) -> str:
        """`plot`'s picture as SVG text; also written to `path`, as its ending says."""
        from nincost._render.figures import picture
        from nincost._render.memory import figure as memory

        drawn = memory.draw(self, width=width)
        if path is not None:
            picture.save(drawn, path, force=force)
        return picture.render(drawn, "svg").decode()

    def to_snapshot(self, path: str | Path, *, force: bool = False) -> None:
        """A pickle as `torch.cuda.memory._dump_snapshot` writes, for pytorch.org/memory_viz."""
        import pickle

        from nincost._files import write_file
        from nincost._memory.snapshot import snapshot

        write_file(path, pickle.dumps(snapshot(self)), force=force)

    def __str__(self) -> str:
        from nincost._render.memory import table as memory_table

        return memory_table.render(self, width=120)

    def _repr_html_(self) -> str:
        from nincost._render.memory import table as memory_table

        return memory_table.render_html(self)


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass's fields as plain values."""
    found: dict[str, Any] = {}
    for item in fields(value):
        inner = getattr(value, item.name)
        if hasattr(inner, "to_dict"):
            inner = inner.to_dict()
        found[item.name] = dict(inner) if isinstance(inner, Mapping) else inner
    return found
