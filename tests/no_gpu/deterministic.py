"""Operators in PyTorch's own CUDA code with deterministic algorithms, each allocation compared.

Started by emulated_steps.py with the runtime preloaded. `deterministic.py GPU` prints a line of
JSON for each operator: its `name`, the `differences`, what nincost says that torch `refused`, and
the error that torch `raised`.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nincost._devices.cards import get_gpu
from nincost._devices.settings import Settings
from nincost._devices.target import Target
from nincost._emulator.verification.changes import predicted, unlike
from no_gpu.networks import lowered, taken

BATCH, WIDTH = 8, 64


class Indexed(nn.Module):
    """A linear layer, then a function of its output, a row of indices, and one for each element."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH, bias=False)
        self.function = function
        self.register_buffer("row", torch.zeros(4, dtype=torch.int64))
        self.register_buffer("each", torch.zeros(BATCH, WIDTH, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.linear(x), self.row, self.each)


@dataclass(frozen=True)
class Applied:
    """One operator's training."""

    function: Callable[..., Tensor]

    def build(self) -> nn.Module:
        return Indexed(self.function)

    def inputs(self) -> Any:
        return (torch.zeros(BATCH, WIDTH),)


def _image(x: Tensor, *shape: int) -> Tensor:
    return x.view(BATCH, 1, *(shape or (8, 8)))


def _flash(x: Tensor) -> Tensor:
    heads = x.bfloat16().view(2, 2, 4, 32)
    return F.scaled_dot_product_attention(heads, heads, heads).float()


#: Each has a path of its own, or fills its output; those of torch's documentation come first.
CASES: dict[str, Callable[..., Tensor]] = {
    "index": lambda x, row, each: x[row],
    "index by two": lambda x, row, each: x.view(BATCH, 8, 8)[row[:, None], row],
    "index_put": lambda x, row, each: x.index_put((row, row), x[0, :4] * 1),
    "index_put by three": lambda x, row, each: x.view(BATCH, 8, 8).index_put(
        (row, row[:, None], row), x[0, :4] * 1
    ),
    "index_put, one value": lambda x, row, each: x.index_put((row,), x.new_ones(())),
    "index_put, accumulated": lambda x, row, each: x.index_put((row,), x[:4] * 1, accumulate=True),
    "index_select": lambda x, row, each: x.index_select(1, row),
    "index_add": lambda x, row, each: x.index_add(0, row, x[:4] * 1, alpha=2),
    "index_copy": lambda x, row, each: x.index_copy(1, row, x[:, :4] * 1),
    "gather": lambda x, row, each: x.view(BATCH, 8, 8).gather(2, each.view(BATCH, 8, 8)),
    "scatter": lambda x, row, each: x.scatter(1, each, x * 1),
    "scatter, one value": lambda x, row, each: x.scatter(1, each, 1.0),
    "scatter_add, of one row": lambda x, row, each: x[0].scatter_add(0, each[0], x[1]),
    "scatter_add, expanded": lambda x, row, each: x.scatter_add(
        0, row[:, None].expand(4, WIDTH), x[:4] * 1
    ),
    "scatter_reduce": lambda x, row, each: x.scatter_reduce(1, each, x * 1, "mean"),
    "cumsum": lambda x, row, each: x.flatten().cumsum(0),
    "sort": lambda x, row, each: x.sort(1)[0],
    "replicate": lambda x, row, each: F.pad(_image(x), (1, 2, 1, 1), mode="replicate"),
    "bilinear": lambda x, row, each: F.interpolate(_image(x), scale_factor=2, mode="bilinear"),
    "depthwise": lambda x, row, each: F.conv2d(
        x.view(BATCH, 4, 4, 4), x[0, :36].view(4, 1, 3, 3), groups=4
    ),
    "filled": lambda x, row, each: F.embedding(each, F.unfold(_image(x), 3)[0]).logsumexp(2),
    "flash attention": lambda x, row, each: _flash(x),
    "adaptive_avg_pool2d": lambda x, row, each: F.adaptive_avg_pool2d(_image(x), 3),
    "nll_loss2d": lambda x, row, each: F.cross_entropy(
        x.view(BATCH, 4, 4, 4), each[:, :16].reshape(BATCH, 4, 4)
    ),
}


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    settings = Settings(deterministic=True)
    target = Target("cuda", gpu=get_gpu(sys.argv[1]), settings=settings)
    for name, function in CASES.items():
        mine = lowered(Applied(function), target)
        settings.apply()
        raised, differences = "", []
        try:
            real = taken(Applied(function))
            differences = unlike(predicted(mine.events, mine.layers), real)
        except RuntimeError as error:
            raised = str(error)
        finally:
            Settings().apply()
        found = {"differences": differences, "refused": mine.refused, "raised": raised}
        print(json.dumps({"name": name, **found}), flush=True)


if __name__ == "__main__":
    main()
