"""What each operator's kernels took in steps profiled on the H100 (`data/h100`).

A case and a group of operators is a row: the sum of its kernels' times in one step, beside the
works that nincost times for it. An operator that calls others (`convolution` adds its bias by
`add_`) has its works sorted into the groups of those that the profiler names.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from nincost._time.work.kinds import Work
from step_time_cases.h100 import DATA, Step

#: Rows of less than this are left out: their kernels are all fixed cost.
LEAST = 1e-4

_GROUPS = {
    "cudnn_convolution": "convolution", "_conv_depthwise2d": "convolution",
    "_efficient_attention_forward": "attention", "_cudnn_attention_forward": "attention",
    "_flash_attention_forward": "attention",
    "_efficient_attention_backward": "attention backward",
    "_cudnn_attention_backward": "attention backward",
    "_flash_attention_backward": "attention backward",
    "_scaled_dot_product_efficient_attention": "attention",
    "_scaled_dot_product_cudnn_attention": "attention",
    "_scaled_dot_product_flash_attention": "attention",
    "_scaled_dot_product_efficient_attention_backward": "attention backward",
    "_scaled_dot_product_cudnn_attention_backward": "attention backward",
    "_scaled_dot_product_flash_attention_backward": "attention backward",
    "_to_copy": "copy", "clone": "copy", "cudnn_batch_norm": "native_batch_norm",
    "cudnn_batch_norm_backward": "native_batch_norm_backward", "relu": "clamp_min",
    "hardtanh": "clamp", "embedding": "gather", "index_put": "_index_put_impl",
    **dict.fromkeys(("zero", "zeros", "zeros_like", "new_zeros", "full", "full_like", "ones",
                     "ones_like", "new_full", "scalar_tensor"), "fill"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profiled:
    """An operator's kernels in one step: seconds, and how often each work runs."""

    case: str
    group: str
    seconds: float
    works: dict[Work, int]
    for_fit: bool


def group_of(operator: str) -> str:
    """`aten.add_` and `aten::add` as `add`; those that run the same kernels as one."""
    name = operator.replace("::", ".").removeprefix("aten.")
    name = name if name.startswith("__") else name.rstrip("_")
    return _GROUPS.get(name, name)


def _inner(operator: str, work: Work) -> str:
    """Which group an operator's kernel is in, where another operator launches it."""
    group = group_of(operator)
    if group == "convolution" and work.family == "elementwise":
        return "add"
    if group == "convolution_backward" and work.family == "reduction":
        return "sum"
    filled = ("nll_loss_backward", "embedding_dense_backward", "constant_pad_nd", "slice_backward",
              "select_backward", "_index_put_impl", "max_pool2d_with_indices_backward")  # fmt: skip
    if group in filled and work.family in ("elementwise", "copy"):
        return "fill" if work.family == "elementwise" else "copy"
    return group


def read_profiled(steps: Iterable[Step]) -> list[Profiled]:
    """A row for each profiled case and group that takes time in both."""
    measured: dict[tuple[str, str], float] = defaultdict(float)
    with gzip.open(DATA / "step_kernels.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            measured[row["case"], group_of(row["op"])] += float(row["microseconds"]) / 1e6
    found = []
    for step in steps:
        case = f"{step.model} {step.batch} {json.dumps(step.options)}"
        works: dict[str, Counter[Work]] = defaultdict(Counter)
        for one in step.operators.launched:
            for number in one.works:
                work = step.operators.works[number]
                works[_inner(one.name, work)][work] += 1
        found += [
            Profiled(case, group, measured[case, group], dict(counted), step.for_fit)
            for group, counted in works.items() if measured.get((case, group), 0.0) >= LEAST
        ]  # fmt: skip
    return found
