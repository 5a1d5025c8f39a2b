"""A model cut into a pipeline's stages by its repeated blocks, and the step of one rank."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import pipelining
from torch.distributed.pipelining import PipelineStage, SplitPoint, pipeline

from nincost._emulator.described.spread import ParallelCalls
from nincost._emulator.described.watchdog import let_watchdog_look
from nincost._models.copies import copy_structure
from nincost._models.inputs import ModelInput, tensors_in
from nincost._step.activation_checkpointing import (
    checkpoint_blocks,
    chosen_blocks,
    repeated_blocks,
)
from nincost._step.loss import make_target, output_tensor, take_loss
from nincost._step.parallel import Parallel
from nincost._step.step_options import Step
from nincost.errors import InputError

_SCHEDULES = {
    "1f1b": "Schedule1F1B", "gpipe": "ScheduleGPipe",
    "interleaved1f1b": "ScheduleInterleaved1F1B",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One rank's stages of a model.

    Args:
        module: on meta, in the type that the step says; it is changed.
        example: what it is called with, on meta: the batch that is cut into micro-batches.
    """

    step: Step
    module: nn.Module
    example: ModelInput
    calls: ParallelCalls

    def run(self) -> None:
        """Run the steps on this rank.

        Raises:
            InputError: the model or its input cannot be cut.
        """
        step, calls, parallel = self.step, self.calls, self._parallel
        batch = self._batch()
        chunks = parallel.unit
        if batch.shape[0] % chunks:
            raise InputError(
                f"a batch of {batch.shape[0]} cannot be cut into {chunks} micro-batches: give a "
                f"batch size that {chunks} divides"
            )
        part = batch[: batch.shape[0] // chunks]
        count = parallel.stages
        each = count // parallel.pp
        rank = dist.get_rank(self._group)
        numbers = [rank + n * parallel.pp for n in range(each)]
        stages, output = self._stages(numbers, count, part)
        kind: Any = getattr(pipelining, _SCHEDULES[parallel.schedule])
        schedule = kind(
            stages if each > 1 else stages[0], chunks,
            loss_fn=lambda output, target: take_loss(step.loss, output, target),
        )  # fmt: skip
        target: Tensor | None = None
        if count - 1 in numbers:
            whole = output.expand(chunks, *output.shape).flatten(0, 1)
            made = make_target(step.loss, whole) if isinstance(step.loss, str) else None
            target = None if made is None else torch.zeros_like(made, device=self.calls.device)
        first = (torch.zeros_like(batch, device=self.calls.device),) if 0 in numbers else ()
        trained = [p for s in stages for p in s.submod.parameters() if p.requires_grad]
        optimizer = calls.make_optimizer(step, trained, stages[0].submod)
        for number in range(1, step.steps + 1):
            let_watchdog_look(number)
            calls.zero_grad(step, optimizer)
            with calls.precision(step):
                schedule.step(*first, **({} if target is None else {"target": target}))
            calls.update(step, optimizer, None, trained)

    @property
    def _group(self) -> dist.ProcessGroup:
        """The ranks that have the stages of one copy of the model."""
        assert self.calls.spread.mesh is not None
        return self.calls.spread.mesh["pp"].get_group()

    @property
    def _parallel(self) -> Parallel:
        return self.calls.spread.parallel

    def _batch(self) -> Tensor:
        """The one tensor that the first stage gets."""
        given = self.example
        names = [name for name in given.kwargs if name not in ("labels", "attention_mask")]
        tensors = tensors_in([*given.args, *(given.kwargs[name] for name in names)])
        if len(tensors) != 1:
            raise InputError(
                f"a pipeline's first stage gets one tensor, and {self.step.model.name} has "
                f"{len(tensors)} inputs: give one --input"
            )
        return tensors[0]

    def _stages(self, numbers: list[int], count: int, part: Tensor) -> tuple[list[Any], Tensor]:
        """This rank's stages, placed, and what the whole model gives for a micro-batch, on meta."""
        blocks = repeated_blocks(self.module)
        if len(blocks) < count:
            raise InputError(
                f"{self.step.model.name} has {len(blocks)} repeated blocks, and a pipeline of "
                f"{count} stages needs as many at least: give a smaller --pp"
            )
        sizes = self._parallel.blocks_of_stages
        cuts = [len(blocks) * number // count for number in range(count + 1)]
        if sizes:
            cuts = [0, *itertools.accumulate(sizes)]
        if cuts[-1] != len(blocks):
            raise InputError(
                f"stage_blocks {self._parallel.stage_blocks} has {cuts[-1]} blocks in all, and "
                f"{self.step.model.name} has {len(blocks)}: give numbers that add up to that"
            )
        if hasattr(self.module, "base_model_prefix"):
            return self._of_transformers(blocks, cuts, numbers, part)
        return self._by_export(blocks, cuts, numbers, part)

    def _of_transformers(
        self, blocks: list[nn.Module], cuts: list[int], numbers: list[int], part: Tensor
    ) -> tuple[list[Any], Tensor]:
        model: Any = self.module
        hidden = model.get_input_embeddings()(part)
        head = model.get_output_embeddings()
        output = hidden if head is None else head(hidden)
        # Autocast casts what the last layer gives, and adds to what a block got as it is.
        cast = self._parallel.mixed_precision
        hidden, output = _in(hidden, cast), _in(output, self.step.amp or cast)
        count = len(cuts) - 1
        stages = []
        for number in numbers:
            first, last = number == 0, number == count - 1
            mine = range(cuts[number], cuts[number + 1])
            copy = copy_structure(self.module)
            checkpoint_blocks(copy, self.step.activation_checkpointing)
            names = {inner: name for name, inner in copy.named_modules()}
            module = TransformersPart(copy, mine, first=first, last=last)
            module.train(self.module.training)
            kept = {names[m]: name for name, m in module.named_modules() if m in names}
            stages.append(
                PipelineStage(
                    self.calls.spread.renamed(kept).apply(module), number, count, self.calls.device,
                    input_args=(part if first else hidden,),
                    output_args=(output if last else hidden,),
                    group=self._group,
                )
            )  # fmt: skip
        return stages, output

    def _by_export(
        self, blocks: list[nn.Module], cuts: list[int], numbers: list[int], part: Tensor
    ) -> tuple[list[Any], Tensor]:
        lost = (
            "activation checkpointing"
            if chosen_blocks(self.module, self.step.activation_checkpointing)
            else "tensor parallelism" if self.calls.spread.plan.modules
            else "stage without blocks" if 0 in self._parallel.blocks_of_stages else ""
        )  # fmt: skip
        if lost:
            raise InputError(
                f"a pipeline is cut out of an exported graph, which keeps no {lost}, unless the "
                "model is one of transformers: leave one of both out"
            )
        paths = {id(module): path for path, module in self.module.named_modules()}
        output = output_tensor(self.module(part))
        cut = {paths[id(blocks[place])]: SplitPoint.BEGINNING for place in cuts[1:-1]}
        try:
            made = pipeline(self.module, (part,), split_spec=cut)
        except Exception as error:
            raise InputError(
                f"torch.distributed.pipelining cannot cut {self.step.model.name}: "
                f"{str(error).strip().splitlines()[0] if str(error).strip() else error!r}"
            ) from error
        stages = []
        for number in numbers:
            stage = made.build_stage(number, self.calls.device, self._group)
            kept = {name: name for name, _ in stage.submod.named_modules()}
            stage.submod = self.calls.spread.renamed(kept).apply(stage.submod)
            stages.append(stage)
        return stages, output


def _in(tensor: Tensor, dtype: str | None) -> Tensor:
    return tensor if dtype is None else tensor.to(getattr(torch, dtype))


class TransformersPart(nn.Module):
    """Some blocks of a model of transformers, as a stage: the rest is taken out of the model.

    The first stage has the embeddings, the last one the norm and the head; the others are called
    with `inputs_embeds`.
    """

    def __init__(self, model: nn.Module, mine: range, *, first: bool, last: bool) -> None:
        super().__init__()
        self.model, self.first, self.last = model, first, last
        self.config: Any = getattr(model, "config", None)  # transformers splits layers by it
        base = _base(model)
        blocks = repeated_blocks(base)
        name = next(
            name
            for name, child in base.named_children()
            if isinstance(child, nn.ModuleList) and child[0] is blocks[0]
        )
        if not first:
            base.set_input_embeddings(None)
        if not last:
            after = False
            for other, child in list(base.named_children()):
                if after and any(True for _ in child.parameters()):
                    setattr(base, other, nn.Identity())
                after |= other == name
            for other in [n for n, child in model.named_children() if child is not base]:
                setattr(model, other, None)
        setattr(base, name, nn.ModuleList(blocks[mine.start : mine.stop]))

    def forward(self, x: Tensor) -> Tensor:
        model: Any = self.model
        given = {"input_ids": x} if self.first else {"inputs_embeds": x}
        found = (model if self.last else _base(model))(**given, use_cache=False)
        output: Tensor = found[0]  # logits, or the last hidden state
        return output


def _base(model: Any) -> Any:
    """The stack of blocks in a model of transformers, without its head."""
    return getattr(model, model.base_model_prefix, model)
