"""What a prediction of memory gives: plain values, all sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nincost._chinese.translate import Lang
from nincost._files import write_file
from nincost._measure.results import Measured
from nincost._memory.change_results import Change, Remedies
from nincost._result import Result, Tabular, plain, render
from nincost._trace.recording import CATEGORIES
from nincost._trace.values.assumptions import Assumption

if TYPE_CHECKING:
    from nincost._memory.replay import Simulation

#: The columns of a prediction's CSV and the keys of a layer in its JSON; the categories sum to
#: `bytes`. A model that generates has one more, `kv_cache`.
MEMORY_COLUMNS = ("layer", "bytes", *CATEGORIES)

#: What the emulated GPU tells apart, too: what FSDP gathers of other ranks' shards, buffers that
#: ranks send and receive by, and what is none of those that a model's step has.
EMULATED_CATEGORIES = (*CATEGORIES, "unsharded_parameters", "communication", "other")

#: When `MemoryTotals.phases` looks: the end of each, in the last step.
PHASES = (
    "after_model", "after_prefill", "after_decode", "after_forward", "after_backward", "after_step",
)  # fmt: skip


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
        nccl_bytes: the part of `process_bytes` that NCCL's communicators hold, modelled.
        ran_out: whether a rank ran out of memory on the emulated card; the figures are then those
            of a card without end.
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
    nccl_bytes: int = 0
    ran_out: bool = False

    @property
    def fits(self) -> bool | None:
        """Whether the process fits the card's memory; None where no card is known."""
        if self.budget_bytes is None:
            return None
        return not self.ran_out and self.process_bytes <= self.budget_bytes

    def to_dict(self) -> dict[str, Any]:
        """The totals as plain values, `fits` among them."""
        found: dict[str, Any] = {}
        for name, value in plain(self).items():
            found[name] = value
            if name == "process_bytes":
                found["fits"] = self.fits
        return found


@dataclass(frozen=True, slots=True)
class RankMemory:
    """What one rank of a step on several takes.

    `stands_for` are the ranks that allocate like it, itself among them, as `0-7,16`, or `0-14/2`
    for every second one.
    """

    rank: int
    stands_for: str
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


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
        return plain(self)


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model that generates takes over its tokens; sizes in bytes.

    Attributes:
        tokens: how many were generated.
        cache: how keys and values are kept: `dynamic` or `static`.
        cache_bytes: of keys and values behind the last token.
        prefill_peak_bytes: most that was allocated for the prompt and the first token.
        decode_peak_bytes: the same for those behind it; 0 where there is none.
        decode_peak_token: the first token that takes that, counted from 1.
    """

    tokens: int
    cache: str
    cache_bytes: int
    prefill_peak_bytes: int
    decode_peak_bytes: int
    decode_peak_token: int

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True, repr=False)
class Memory(Result):
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
        remedies: what makes a step fit that does not fit the card; None where it fits, where no
            card is known, or where not asked.
        alternative: the same step of another model (`what_if`), predicted; None without.
        generation: what a model that generates takes over its tokens; None where none does.
        assumptions: what was assumed where the model looks at values that depend on weights or
            activations, with the operator and the line that asked.
        notes: what a careful reader should know.
        environment: versions.
        lang: the language of its words; None for that of the environment.
        history: every allocation, for `to_timeline` and `to_snapshot`; not in `to_dict`.
        engine: `meta` where the step was recorded on the meta device and replayed, `emulated` where
            PyTorch's own CUDA code ran it on the emulated GPU.
        ranks: each rank that differs, of a step on several; all else is of the one that takes most.
    """

    renderers: ClassVar[str] = "memory"

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
    remedies: Remedies | None = None
    alternative: Change | None = None
    generation: Generation | None = None
    notes: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    details: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    history: Simulation | None = field(default=None, repr=False, compare=False)
    engine: Literal["meta", "emulated"] = "meta"
    ranks: tuple[RankMemory, ...] = ()
    lang: Lang | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        generation = {"generation": self.generation.to_dict()} if self.generation else {}
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
            **generation,
            "layers": [layer.to_dict() for layer in self.layers],
            "uncounted": list(self.uncounted),
            "rules": [rule.to_dict() for rule in self.rules],
            "suggestions": [change.to_dict() for change in self.suggestions],
            "remedies": self.remedies.to_dict() if self.remedies else None,
            "alternative": self.alternative.to_dict() if self.alternative else None,
            "assumptions": [one.to_dict() for one in self.assumptions],
            "notes": list(self.notes),
            "engine": self.engine,
            "ranks": [rank.to_dict() for rank in self.ranks],
        }

    def tabular(self) -> Tabular:
        """The layers at the peak: a row for each that holds something; they sum to the peak."""
        columns = ("layer", "bytes", *self.totals.categories_at_peak)
        return Tabular.of(columns, (layer.to_dict() for layer in self.layers))

    def headline(self) -> dict[str, Any]:
        """The model, its input, the card and the three totals."""
        totals = self.totals
        return {
            "model": self.model,
            "input": ", ".join(self.input),
            "gpu": self.gpu,
            "peak_allocated_bytes": totals.peak_allocated_bytes,
            "peak_reserved_bytes": totals.peak_reserved_bytes,
            "process_bytes": totals.process_bytes,
        }

    def to_timeline(
        self, path: str | Path | None = None, *, width: str | float = "page", force: bool = False
    ) -> str:
        """`plot`'s picture as SVG text; also written to `path`, as its ending says."""
        if path is not None:
            self.plot(path, width=width, force=force)
        content = render(self, "svg", width=width)
        assert isinstance(content, bytes)
        return content.decode()

    def to_snapshot(self, path: str | Path, *, force: bool = False) -> None:
        """A pickle as `torch.cuda.memory._dump_snapshot` writes, for pytorch.org/memory_viz."""
        write_file(path, render(self, "snapshot"), force=force)
