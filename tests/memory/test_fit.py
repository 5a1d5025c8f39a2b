"""`nincost.fit`: the answer fits, one more does not, and both are what `memory` says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nincost

GIB = 1 << 30


TORCH = tuple(map(int, torch.__version__.split(".")[:2]))

#: Where more traces are needed than 8: the cuDNN of torch 2.11 (9.19) has other plans just there.
MOST_TRACES = {
    ((2, 11), "rtx3060", "Adam"): 11,
    ((2, 14), "24GiB"): 10,
    ((2, 14), "rtx3060", "Adam"): 9,
}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("two-1x1", {"gpu": "24GiB"}),
        ("two-1x1", {"gpu": "1GiB"}),
        ("two-1x1", {"gpu": "rtx3060", "optimizer": "Adam"}),
        ("one-1x1", {"gpu": "2GiB", "inference": True}),
        ("cifar10", {"gpu": "t4", "alloc_conf": "expandable_segments:True"}),
        ("torchvision:resnet18", {"gpu": "4GiB", "optimizer": "AdamW"}),
    ],
    ids=str,
)
def test_the_answer_fits_and_one_more_does_not(model, options):
    result = nincost.fit(model, **options)
    totals = result.totals
    assert totals.process_bytes <= totals.budget_bytes < totals.next_process_bytes
    assert totals.batch_size >= 1
    assert len(result.points) <= MOST_TRACES.get((TORCH, *options.values()), 8)

    at = nincost.memory(model, batch_size=totals.batch_size, measure=False, **options)
    more = nincost.memory(model, batch_size=totals.batch_size + 1, measure=False, **options)
    assert at.totals.process_bytes == totals.process_bytes == result.memory.totals.process_bytes
    assert more.totals.process_bytes == totals.next_process_bytes


def test_the_promised_keys_are_there():
    document = nincost.fit("two-1x1", gpu="2GiB").to_dict()
    assert set(document["totals"]) >= {
        "batch_size", "process_bytes", "next_process_bytes", "budget_bytes",
    }  # fmt: skip
    assert document["totals"]["budget_bytes"] == 2 * GIB
    assert document["command"] == "fit"


def test_a_budget_below_one_example_says_what_one_needs():
    needed = nincost.memory("two-1x1", batch_size=1, gpu="24GiB", measure=False).totals
    with pytest.raises(nincost.InputError, match=r"a batch of 1 needs [0-9.]+ MiB, of which"):
        nincost.fit("two-1x1", gpu=f"{needed.process_bytes - 1}B")
    assert nincost.fit("two-1x1", gpu=f"{needed.process_bytes}B").totals.batch_size >= 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU here is a budget")
def test_without_a_card_there_is_no_budget():
    with pytest.raises(nincost.InputError, match="give --gpu, such as 24GiB"):
        nincost.fit("two-1x1")


def test_example_tensors_are_taken_at_other_batches():
    net = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 10))
    by_spec = nincost.fit(net, gpu="1GiB", input="64")
    for given in ((torch.zeros(4, 64),), {"input": torch.zeros(4, 64)}):
        assert nincost.fit(net, gpu="1GiB", input=given).totals == by_spec.totals
    with pytest.raises(nincost.InputError, match="no dimension that could be the batch"):
        nincost.fit(net, gpu="1GiB", input=(torch.tensor(1.0),))


def test_a_step_that_does_not_grow_is_told():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4))

        def forward(self, x):
            return self.weight * 2

    with pytest.raises(nincost.InputError, match="does not grow with the batch"):
        nincost.fit(Constant(), gpu="1GiB", input="1:bool", loss="sum")


def test_a_model_that_looks_at_values_is_not_run_for_each_batch():
    class Looks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(8, 8)

        def forward(self, x):
            x = self.linear(x)
            return x * 2 if x.sum().detach().numpy() > 0 else x

    with pytest.raises(nincost.InputError, match="one batch with nincost memory"):
        nincost.fit(Looks(), on_cpu=True, input="8", gpu="8GiB")
