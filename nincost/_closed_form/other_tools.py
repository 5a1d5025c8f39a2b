"""What fvcore and torch's FlopCounterMode count in the same model, and why they differ.

FlopCounterMode runs on the meta device; fvcore, which traces with torch.jit, needs real tensors.
Both run a private copy. A tool that fails gives its reason in place of a number.
"""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from nincost._models.copies import copy_with_zeros
from nincost._models.inputs import ModelInput
from nincost._torch.trees import tree_map
from nincost._trace.module_tracker import tensors_within
from nincost._trace.session import LARGEST_ON_CPU
from nincost.errors import STOPS, described, one_line

#: fvcore's names for what nincost lists as element-wise work; its totals mix it in.
_FVCORE_ELEMENTWISE = frozenset(
    {
        "batch_norm", "layer_norm", "group_norm", "instance_norm", "adaptive_avg_pool1d",
        "adaptive_avg_pool2d", "adaptive_avg_pool3d", "upsample_nearest2d", "upsample_bilinear2d",
        "grid_sampler", "avg_pool2d", "max_pool2d",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OtherTool:
    """Another tool's count.

    Attributes:
        name: the tool.
        macs: its total, in MACs; None where it failed.
        by_module: its MACs for each dotted module path, `""` for the model.
        notes: why it differs, where that is known, or why it failed.
    """

    name: str
    macs: int | None
    by_module: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def count_by_fvcore(module: nn.Module, inputs: ModelInput) -> OtherTool:
    """fvcore's count. What it calls flops are MACs, with norms and pools mixed in."""
    name = "fvcore"
    size = sum(p.nbytes for p in module.parameters())
    if size > LARGEST_ON_CPU:
        limit = f"{LARGEST_ON_CPU // 2**30} GiB"
        return _without_count(name, f"fvcore was not run: the weights would take more than {limit}")
    try:
        from fvcore.nn import FlopCountAnalysis
    except ImportError as error:
        return _without_count(name, f"fvcore cannot be imported: {one_line(error)}")
    if inputs.kwargs:
        return _without_count(name, "fvcore was not run: it cannot pass inputs by keyword")
    try:
        with _silence(), torch.no_grad():
            real = tree_map(_zeros, inputs.args)
            analysis = FlopCountAnalysis(_returning_tensors(copy_with_zeros(module).eval()), real)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            by_operator = {str(key): round(value) for key, value in analysis.by_operator().items()}
            by_module = {key: round(value) for key, value in analysis.by_module().items()}
            skipped = analysis.unsupported_ops()
    except STOPS:
        raise
    except BaseException as error:
        return _without_count(name, f"fvcore failed: {described(error)}")
    extra = {key: n for key, n in by_operator.items() if key in _FVCORE_ELEMENTWISE and n}
    notes = []
    if extra:
        listed = ", ".join(f"{key} {n:,}" for key, n in sorted(extra.items()))
        notes.append(f"fvcore's total has element-wise work in it: {listed}")
    missing = [
        f"{key.removeprefix('aten::')} ({times} times)"
        for key, times in sorted(skipped.items())
        if any(word in key for word in ("attention", "mm", "conv", "lstm", "gru", "rnn", "linear"))
    ]
    if missing:
        notes.append(f"fvcore leaves out {', '.join(missing)}")
    return OtherTool(name, by_module.get("", 0), by_module, tuple(notes))


def count_by_flop_counter(module: nn.Module, inputs: ModelInput, ours: Counter[str]) -> OtherTool:
    """FlopCounterMode's count, halved into MACs.

    `ours` has the trace's MACs for each operator: where the two differ, a note says by how much.
    """
    from torch.utils.flop_counter import FlopCounterMode

    name = "FlopCounterMode"
    try:
        with _silence(), torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(*inputs.args, **inputs.kwargs)
    except STOPS:
        raise
    except BaseException as error:
        return _without_count(name, f"{name} failed: {described(error)}")
    theirs: dict[str, int] = {
        str(operator): flops // 2
        for operator, flops in counter.get_flop_counts().get("Global", {}).items()
    }
    notes = []
    for operator in sorted({*theirs, *ours}):
        if theirs.get(operator, 0) != ours[operator]:
            notes.append(
                f"{name} has {theirs.get(operator, 0):,} MACs in {operator}, the trace "
                f"{ours[operator]:,}"
            )
    return OtherTool(name, counter.get_total_flops() // 2, notes=tuple(notes))


def _without_count(name: str, reason: str) -> OtherTool:
    return OtherTool(name, None, notes=(reason,))


def _returning_tensors(module: nn.Module) -> nn.Module:
    """The (private) module, returning its tensors alone: torch.jit's tracing ends the process with
    a segmentation fault where an output contains itself."""
    forward = module.forward

    def call(*args: Any, **kwargs: Any) -> Any:
        result = forward(*args, **kwargs)
        return result if isinstance(result, torch.Tensor) else tuple(tensors_within(result))

    module.__dict__["forward"] = call
    return module


def _zeros(leaf: Any) -> Any:
    return torch.zeros(leaf.shape, dtype=leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf


_one_at_a_time = threading.Lock()  # log levels, warnings and stdout belong to the process


@contextlib.contextmanager
def _silence() -> Any:
    """No warnings, log lines or prints of the other tool's own."""
    with _one_at_a_time, _silenced():
        yield


@contextlib.contextmanager
def _silenced() -> Any:
    loggers = [logging.getLogger(name) for name in ("fvcore", "fvcore.nn.jit_analysis")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
