"""What meta tensors are known to hold, against the same program run for real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nincost._models.inputs import to_meta
from nincost._trace.recorder import Recorder
from nincost._trace.values.contents import UnknownError
from nincost._trace.values.follow import Values
from nincost._trace.values.literals import literals_followed

Program = Callable[..., Any]

IDS = torch.tensor([[5, 3, 0, 7], [1, 0, 0, 2]])


def followed(program: Program, *examples: Tensor) -> tuple[Values, Any]:
    """The program run on meta, where what `examples` hold is known."""
    values = Values()
    recorder = Recorder(on_meta=True)
    recorder.values = values
    given = [to_meta(example) for example in examples]
    for example, tensor in zip(examples, given, strict=True):
        values.follow_copy(example, tensor)
    with literals_followed(values), torch.no_grad(), recorder:
        return values, program(*given)


def _index_put(x: Tensor) -> Tensor:
    x[x == 0] = -1
    x[0, 1:] += 10
    return x


def _through_views(x: Tensor) -> Tensor:
    turned = x.t().contiguous().view(-1)
    turned[2:4].mul_(3)
    x.view(-1)[::2].zero_()
    return torch.cat([turned, x.reshape(-1)])


def _old_and_new(x: Tensor) -> Tensor:
    """What was read before a write keeps its value."""
    before = x * 2
    x.add_(1)
    between = x + 0
    x.fill_(9)
    return torch.stack([before, between, x])


def _loop(x: Tensor) -> Tensor:
    for step in range(2000):
        x = x + step
    return x


def _by_data(x: Tensor) -> Tensor:
    rows, columns = torch.where(x > 2)
    kept = x[x > 2]
    groups = [part.sum() for part in kept.split([1, len(kept) - 1])]
    return torch.stack([rows.sum(), columns.max(), *groups, x.unique()[-1], x[0, x[1, 3]]])


PROGRAMS: dict[str, Program] = {
    "causal mask": lambda x: torch.ones(x.shape[1], x.shape[1], device=x.device).tril() * x[0],
    "positions": lambda x: (x != 0).cumsum(1) * (x != 0),
    "one hot": lambda x: F.one_hot(x, 8).sum(1).argmax(-1),
    "literals": lambda x: torch.tensor([1, 2, 3, 4], device=x.device) + x.new_tensor([[1], [2]]),
    "from the host": lambda x: x * torch.arange(4).to(x.device) + torch.ones(4),
    "another type": lambda x: x.to(torch.int32).view(torch.int16).view(2, -1),
    "made like it": lambda x: torch.full_like(x, 3) + torch.zeros_like(x) + x.new_ones(2, 1),
    "filled": lambda x: torch.empty(3, 4, device=x.device).fill_(2).masked_fill_(x[0] > 3, 7),
    "copied": lambda x: torch.empty(2, 2, dtype=x.dtype, device=x.device).copy_(x[:, :2].t()),
    "split": lambda x: x.split(2, 1)[1] + x.unbind(1)[0][:, None],
    "sorted": lambda x: x.sort(dim=1, descending=True).values + x.topk(1).indices,
    "written by index": _index_put,
    "through views": _through_views,
    "old and new": _old_and_new,
    "many steps": _loop,
    "sizes by data": _by_data,
    "repeated": lambda x: torch.arange(4, device=x.device).repeat_interleave(x[0]),
    "selected": lambda x: x.masked_select(x > 1),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_tensor_holds_what_it_does_for_real(name: str) -> None:
    values, result = followed(PROGRAMS[name], IDS)
    real = PROGRAMS[name](IDS.clone())
    assert result.is_meta
    assert (result.shape, result.dtype) == (real.shape, real.dtype)
    assert values.look(result).tolist() == real.tolist()
    assert not values.assumptions


UNKNOWN: dict[str, Program] = {
    "random": lambda x: torch.rand(3, device=x.device),
    "dropout": lambda x: F.dropout(x.float()),
    "written over by what is unknown": lambda x: x.copy_(torch.rand(2, 4, device=x.device)),
    "a part of it": lambda x: x.float().index_fill_(0, x[0, :1] * 0, 1).add_(
        torch.rand(4, device=x.device)
    ),
    "at random": lambda x: x.random_(),
    "through a view": lambda x: (x.view(-1)[:2].random_(), x)[1],
    "resized": lambda x: x.resize_(5, 5),
    "a custom layout": lambda x: torch.rand(2, 4, device=x.device).mul_(x),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_never_a_stale_value(name: str) -> None:
    values, result = followed(UNKNOWN[name], IDS)
    with pytest.raises(UnknownError):
        values.look(result)


def test_nothing_is_computed_before_something_looks() -> None:
    """A mask of 80 GB is no matter; its first row is too much to compute all the same."""

    def mask(x: Tensor) -> tuple[Tensor, Tensor]:
        whole = torch.ones(200_000, 200_000, dtype=torch.bool, device=x.device).tril()
        return whole, x.sum()

    values, (large, small) = followed(mask, IDS)
    assert values.look(small).item() == IDS.sum().item()
    with pytest.raises(UnknownError):
        values.look(large)


def test_an_example_is_read_and_never_written() -> None:
    example = IDS.clone()
    values, result = followed(lambda x: x.add_(1), example)
    assert torch.equal(values.look(result), IDS + 1)
    assert torch.equal(example, IDS)


def test_a_storage_that_is_made_where_a_known_one_was_is_not_taken_for_it() -> None:
    def program(x: Tensor) -> list[Tensor]:
        made = []
        for _ in range(50):
            known = torch.ones(4, device=x.device)
            del known
            made.append(torch.rand(4, device=x.device))
        return made

    values, made = followed(program, IDS)
    assert all(values.view(tensor) is None for tensor in made)
