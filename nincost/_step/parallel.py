"""How a step is spread over several ranks, and compiled: what only PyTorch itself can say.

Importable without torch, as `step_options.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from nincost._canonical_names import canonical_name
from nincost._step.option_checks import check_dtype
from nincost._step.option_fields import (
    check_count,
    check_text,
    keep_checked,
    one_of,
    option,
    plain_options,
    unusual,
)
from nincost.errors import InputError

#: How the ranks share a model; `hsdp` is given with a number, as `hsdp:4`.
KINDS = ("ddp", "fsdp", "hsdp", "zero1")
SCHEDULES = ("1f1b", "gpipe", "interleaved1f1b")
#: More ranks than any machine has.
MOST_RANKS = 1 << 20


def _check_ranks(name: str, value: Any) -> int:
    if check_count(name, value) > MOST_RANKS:
        raise InputError(f"{name} is {value}: expected {MOST_RANKS:,} at most")
    return int(value)


def _check_kind(name: str, value: Any) -> str:
    """`ddp`, `fsdp`, `zero1`, or `hsdp:N`."""
    text = check_text(name, value).strip()
    kind, colon, number = text.partition(":")
    kind = canonical_name(name, kind, KINDS)
    if kind != "hsdp":
        if colon:
            raise InputError(f"{name} is {value!r}: only hsdp takes a number; write {kind}")
        return kind
    if not number.strip().isdecimal() or int(number) < 2:
        raise InputError(
            f"{name} is {value!r}: write hsdp:N, where N ranks share one copy of the model, such "
            "as hsdp:8"
        )
    return f"hsdp:{int(number)}"


def _check_stage_blocks(name: str, value: Any) -> str:
    """`5,5,5,1`, also as a list of numbers; nothing for as many each."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
    parts = [part.strip() for part in check_text(name, text).split(",")]
    if parts == [""]:
        return ""
    if not all(part.isdecimal() for part in parts):
        raise InputError(f"{name} is {value!r}: expected the blocks of each stage, such as 5,5,5,1")
    return ",".join(parts)


@dataclass(frozen=True, slots=True)
class Parallel:
    """How a step is spread over ranks.

    Ranks lie with tensor parallelism innermost, then data parallelism, then the pipeline, as
    `init_device_mesh("cuda", (pp, dp, tp))` has them. The batch is that of one data-parallel rank.

    Raises:
        InputError: a value that its option does not take, or options that do not fit together.
    """

    ranks: int = option(
        1,
        help="Ranks (GPUs) that the step is spread over.",
        kind="count",
        check=_check_ranks,
        words="on {} ranks",
    )
    ranks_per_node: int = option(
        8, help="How many of them share a machine.", kind="count", words="{} to a node"
    )
    parallel: str | None = option(
        None,
        help="How they share the model: ddp (DistributedDataParallel), fsdp (fully_shard), hsdp:N "
        "(fully_shard within N ranks, copied over the others) or zero1 (ddp with "
        "ZeroRedundancyOptimizer). Default: ddp.",
        metavar="HOW",
        check=_check_kind,
        words="{}",
    )
    reshard_after_forward: bool | None = option(
        None,
        help="Whether FSDP frees gathered parameters after forward. Default: fully_shard's own, "
        "for all but the outermost module.",
        kind="switch",
        words=lambda value, _: (
            "" if value is None else "resharded after forward" if value else "no resharding"
        ),
    )
    fsdp_wrap: str = option(
        "blocks",
        help="Modules that FSDP shards each by itself, besides the whole: blocks (each repeated "
        "block), none, or a pattern of module names, such as 'model.layers.*'.",
        metavar="WHAT",
        words="fsdp_wrap {}",
    )
    mixed_precision: str | None = option(
        None,
        help="FSDP's parameters in forward and backward, such as bfloat16; gradients are reduced "
        "in float32.",
        metavar="DTYPE",
        check=check_dtype("float16", "bfloat16"),
        words="{} parameters",
    )
    cpu_offload: bool = option(
        False,
        help="FSDP keeps parameters, gradients and optimizer state in the CPU's memory.",
        kind="switch",
        words="offloaded to the CPU",
    )
    tp: int = option(
        1, help="Ranks of tensor parallelism, among them.", kind="count", words="tensor parallel {}"
    )
    tp_plan: str = option(
        "",
        help="How layers are split by tensor parallelism: a JSON or TOML file of module names with "
        "* and colwise, rowwise, colwise_rep or sequence. Default: the model's own tp_plan.",
        metavar="FILE",
        words="tp plan {}",
    )
    pp: int = option(
        1, help="Stages of a pipeline, among them.", kind="count", words="{} pipeline stages"
    )
    schedule: str = option(
        "1f1b",
        help="The pipeline's schedule: 1f1b, gpipe or interleaved1f1b (two stages a rank).",
        check=one_of(*SCHEDULES),
        words="{}",
    )
    microbatches: int | None = option(
        None,
        help="Micro-batches that a pipeline cuts the batch into. Default: as many as stages.",
        kind="count",
        words="{} micro-batches",
    )
    stage_blocks: str = option(
        "",
        help="How many of the model's repeated blocks each stage of the pipeline has, in order, "
        "such as 5,5,5,1. Default: as many each.",
        metavar="N,N,...",
        check=_check_stage_blocks,
        words="stages of {} blocks",
    )
    compile: bool = option(
        False,
        help="Compile the model by torch.compile: each FSDP module by itself, else the whole.",
        kind="switch",
        words="compiled",
    )

    def __post_init__(self) -> None:
        keep_checked(self)
        self._check_sizes()
        self._check_together()

    def _check_sizes(self) -> None:
        inner = self.tp * self.pp
        if self.ranks % inner:
            raise InputError(
                f"{self.ranks} ranks do not divide by tp {self.tp} x pp {self.pp}: give --ranks "
                f"{-(-self.ranks // inner) * inner}, or a smaller tp or pp"
            )
        if self.ranks > self.ranks_per_node and self.ranks % self.ranks_per_node:
            raise InputError(
                f"{self.ranks} ranks are no whole number of nodes of {self.ranks_per_node}: give "
                "--ranks-per-node"
            )
        if self.kind == "hsdp" and self.data % self.shard:
            raise InputError(
                f"{self.data} data-parallel ranks do not divide by hsdp:{self.shard}: give "
                "a number that divides them, such as hsdp:2"
            )
        if self.parallel is not None and self.data == 1:
            raise InputError(
                f"parallel is {self.parallel}, but there is one data-parallel rank: give --ranks, "
                f"such as --ranks {2 * inner}"
            )

    def _check_together(self) -> None:
        fsdp = self.is_sharded
        unfit = {
            "reshard_after_forward": (self.reshard_after_forward is not None, fsdp, "fsdp or hsdp"),
            "fsdp_wrap": (self.fsdp_wrap != "blocks", fsdp, "fsdp or hsdp"),
            "mixed_precision": (self.mixed_precision is not None, fsdp, "fsdp or hsdp"),
            "cpu_offload": (self.cpu_offload, fsdp, "fsdp or hsdp"),
            "tp_plan": (bool(self.tp_plan), self.tp > 1, "tp of 2 or more"),
            "schedule": (self.schedule != "1f1b", self.pp > 1, "pp of 2 or more"),
            "microbatches": (self.microbatches is not None, self.pp > 1, "pp of 2 or more"),
            "stage_blocks": (bool(self.stage_blocks), self.pp > 1, "pp of 2 or more"),
        }
        for name, (given, fits, needed) in unfit.items():
            if given and not fits:
                more = "; --amp is mixed precision for ddp" if name == "mixed_precision" else ""
                raise InputError(f"{name} goes with {needed}: leave it out, or give that{more}")
        if self.stage_blocks and len(self.blocks_of_stages) != self.stages:
            raise InputError(
                f"stage_blocks {self.stage_blocks} is for {len(self.blocks_of_stages)} stages, and "
                f"there are {self.stages}: give as many numbers"
            )
        if self.pp > 1 and self.kind in ("ddp", "zero1"):
            raise InputError(
                f"{self.kind} cannot train a pipeline's stages: PyTorch's DDP fails there in its "
                "second step (its reducer counts parameters twice); give --parallel fsdp or hsdp:N"
            )
        if self.compile and self.pp > 1:
            raise InputError("compile is not known of a pipeline: leave one out")

    @property
    def is_usual(self) -> bool:
        """Whether it is one rank, and not compiled: what needs no engine but the model's."""
        return self.ranks == 1 and not self.compile

    @property
    def data(self) -> int:
        """Data-parallel ranks."""
        return self.ranks // (self.tp * self.pp)

    @property
    def stages(self) -> int:
        """Of the pipeline, on all ranks."""
        return self.pp * (2 if self.schedule == "interleaved1f1b" else 1)

    @property
    def blocks_of_stages(self) -> tuple[int, ...]:
        """The repeated blocks of each stage; nothing where all have as many."""
        return tuple(map(int, filter(None, self.stage_blocks.split(","))))

    @property
    def unit(self) -> int:
        """What a rank's batch must divide by: a pipeline's micro-batches."""
        return (self.microbatches or self.pp) if self.pp > 1 else 1

    def share(self, global_batch: Any) -> int:
        """A data-parallel rank's examples of a batch over all ranks.

        Raises:
            InputError: it is no count, or does not divide.
        """
        wanted, parts = check_count("global_batch", global_batch), self.data * self.unit
        if wanted % parts:
            raise InputError(
                f"a global batch of {wanted} does not divide by {self.data} data-parallel ranks"
                + (f" x {self.unit} micro-batches" if self.unit > 1 else "")
                + f": give {-(-wanted // parts) * parts}"
            )
        return wanted // self.data

    @property
    def kind(self) -> str:
        """One of `KINDS`; empty where there is one data-parallel rank."""
        if self.data == 1:
            return ""
        return "ddp" if self.parallel is None else self.parallel.partition(":")[0]

    @property
    def is_sharded(self) -> bool:
        """Whether FSDP shards parameters."""
        return self.kind in ("fsdp", "hsdp")

    @property
    def shard(self) -> int:
        """Ranks that one copy of the model is sharded over by FSDP."""
        if self.kind == "hsdp":
            assert self.parallel is not None
            return int(self.parallel.partition(":")[2])
        return self.data if self.kind == "fsdp" else 1

    def options(self) -> dict[str, Any]:
        """The options as plain values."""
        return plain_options(self)


class ParallelOptions(TypedDict, total=False):
    """What functions take: the options of `Parallel`; a test compares it with that."""

    ranks: int
    ranks_per_node: int
    parallel: str | None
    reshard_after_forward: bool | None
    fsdp_wrap: str
    mixed_precision: str | None
    cpu_offload: bool
    tp: int
    tp_plan: str
    pp: int
    schedule: str
    microbatches: int | None
    stage_blocks: str
    compile: bool


def split_options(given: Mapping[str, Any]) -> tuple[dict[str, Any], Parallel]:
    """The options of a step, and those of `Parallel` among them as such."""
    names = {field.name for field in fields(Parallel)}
    mine = {name: value for name, value in given.items() if name in names}
    return {name: value for name, value in given.items() if name not in names}, Parallel(**mine)


def refuse_parallel(parallel: Parallel, what: str) -> None:
    """Say that something is for one rank that is not compiled.

    Raises:
        InputError: there are several, or it is.
    """
    if not parallel.is_usual:
        given = "ranks" if parallel.ranks > 1 else "compile"
        raise InputError(f"{what} is not known with {given}: leave one of both out")


def parallel_words(options: Mapping[str, Any]) -> str:
    """`on 8 ranks, fsdp, bfloat16 parameters`: what a title says of plain options."""
    return ", ".join(unusual(options, Parallel))
