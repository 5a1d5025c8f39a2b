"""Sizes and truths that come from the card, recurrent layers, FFT and solvers: none may crash."""

from __future__ import annotations

import pytest
from support.emulated import answer, needs_emulator

pytestmark = needs_emulator

SIZES = """
import json, torch
from nincost._emulator.values.assumption_counts import assumed
from nincost._emulator.values.kernels import expect_sizes
x = torch.randn(1000, device="cuda", requires_grad=True)
mask = x > 0
found = {
    "nonzero": len(mask.nonzero()), "index": len(x[mask]), "where": len(torch.where(mask)[0]),
    "masked_select": len(x.masked_select(mask)), "unique": len(torch.unique(x)),
    "rows": len(torch.unique(x.view(10, 100), dim=0)),
    "bins": torch.bincount(mask.long(), minlength=3).tolist(),
    "repeats": len(torch.repeat_interleave(torch.tensor([1, 2, 3], device="cuda"))),
}
x[mask].sum().backward()
found["gradient"] = list(x.grad.shape)
labels = torch.tensor([3, -100, 5, -100, 7], device="cuda")
valid = labels != -100
found["known sizes"] = [
    len(x[:5][valid]), valid.sum().item(), bool((labels < 9).all()), torch.equal(labels, labels),
    torch.bincount(labels.clamp(0)).tolist(), (~valid).nonzero().flatten().tolist(),
]
found["checks"] = [bool(mask.all()), torch.equal(x, x), torch.allclose(x, x), bool(mask.any())]
found["known"] = torch.tensor([7], device="cuda").item()
found["unknown"] = x.sum().item()
# A generation ends where its length is reached, whether or not an unknown token ends it before.
tokens = torch.randn(2, 50257, device="cuda").argmax(-1)
ends = torch.isin(tokens[:, None], torch.tensor([5], device="cuda")).any(dim=-1)
going = torch.ones(2, dtype=torch.long, device="cuda")
found["goes on"] = []
for last in (False, True):
    going = going & ~(torch.full((2,), last, dtype=torch.bool, device="cuda") | ends)
    found["goes on"].append(not bool(going.max() == 0))
found["with a number"] = [(labels & 4).tolist(), (ends & False).tolist(), bool((labels > 0).min())]
expect_sizes(3, 5)
found["expected"] = [len(mask.nonzero()), len(x[mask]), len(mask.nonzero())]
found["kinds"] = sorted({(a.kind, a.name) for a in assumed()})
found["reads"] = sum(a.count for a in assumed() if a.name == "copy to the host")
print(json.dumps(found))
"""


@pytest.mark.parametrize(("assume", "many"), [("", 1000), ("half", 500), ("none", 0)])
def test_sizes_are_as_assumed(assume: str, many: int) -> None:
    found = answer(SIZES, assume=assume or None)
    fraction = many / 1000
    assert [found[name] for name in ("nonzero", "index", "where", "masked_select")] == [many] * 4
    assert found["unique"] == max(1, many)  # of something there is at least one
    assert found["rows"] == max(1, int(10 * fraction))
    assert found["bins"] == [334, 333, 333]
    assert found["repeats"] == 6  # the host wrote these
    assert found["gradient"] == [1000]
    assert found["expected"] == [3, 5, many]
    # What the host wrote, and what follows from it.
    assert found["known sizes"] == [3, 3, True, True, [2, 0, 0, 1, 0, 1, 0, 1], [1, 3]]
    assert found["checks"] == [True, True, True, False]
    assert (found["known"], found["unknown"]) == (7, 0)
    assert found["goes on"] == [True, False]
    assert found["with a number"] == [[0, 4, 4, 4, 4], [False, False], False]
    assert ["size", "nonzero"] in found["kinds"]
    assert found["reads"] == 4  # any(), sum(), the bins, and whether all have ended at first


ROUTED = """
import json, torch
from torch.nn.functional import one_hot
from nincost._emulator.values.assumption_counts import assumed
tokens, experts, each = 96, 8, 2
gates = torch.randn(tokens, experts, device="cuda").softmax(-1)
weights, chosen = gates.topk(each, dim=-1)
found = {"where": [len(torch.where(chosen == e)[0]) for e in range(experts)]}
mask = one_hot(chosen, experts).permute(2, 1, 0)
hit = (mask.sum(dim=(-1, -2)) > 0).nonzero()
found["hit"] = [int(e[0]) for e in hit]
found["mask"] = [len(torch.where(mask[e[0]])[1]) for e in hit]
found["counts"] = torch.bincount(chosen.flatten(), minlength=experts).tolist()
found["bins"] = torch.histc(chosen.flatten().int(), experts, 0, experts - 1).tolist()
found["sorted"] = chosen.flatten().sort()[0].tolist()[:: tokens * each // experts]
switch = gates.argmax(-1)
found["switch"] = [len(gates[switch == e]) for e in range(experts)]
found["across"] = max(gates.t().contiguous().max(dim=0)[1].tolist())
found["assumed"] = sorted({a.name for a in assumed() if a.kind == "size"})
print(json.dumps(found))
"""


@pytest.mark.parametrize("routing", ["balanced", "first"])
def test_a_router_chooses_each_expert_alike(routing: str) -> None:
    """96 tokens, two of eight experts each, in the ways in which scripts send them there."""
    balanced = routing == "balanced"
    found = answer(ROUTED, routing=None if balanced else routing)  # it is what is taken
    sent = [24] * 8 if balanced else [96, 96] + [0] * 6
    assert found["where"] == found["counts"] == found["bins"] == sent
    assert found["hit"] == [place for place, many in enumerate(sent) if many]
    assert found["mask"] == [many for many in sent if many]
    assert found["sorted"] == (list(range(8)) if balanced else [0] * 4 + [1] * 4)
    assert found["switch"] == ([12] * 8 if balanced else [96] + [0] * 7)
    assert found["across"] < 8  # a place along the first dimension, which has eight
    assert found["assumed"] == ["bincount", "histc", "nonzero"]


PACKED = """
import json, torch
from nincost._emulator.values.assumption_counts import assumed
grid = torch.tensor([[1, 8, 8], [2, 4, 6]], device="cuda")  # frames, rows and columns of pictures
each = torch.repeat_interleave(grid[:, 1] * grid[:, 2], grid[:, 0])
ends = torch.nn.functional.pad(each.cumsum(0, dtype=torch.int32), (1, 0))
windows = torch.unique_consecutive(torch.tensor([0, 64, 64, 112], device="cuda"))
found = {
    "lengths": (ends[1:] - ends[:-1]).tolist(), "windows": (windows[1:] - windows[:-1]).tolist(),
    "tokens": (grid.prod(-1) // 4).tolist(), "grid": grid.tolist(), "plus": (grid[0] + 2).tolist(),
    "numbers first": [(9 - grid[1]).tolist(), (1 - torch.ones(2, device="cuda")).shape[0]],
    "rotated": (torch.ones(3, device="cuda") * 1j).is_complex(),
}
values, places, counts = torch.unique(grid, return_inverse=True, return_counts=True)
found["unique"] = [values.tolist(), places.tolist(), counts.tolist()]
found["pairs"] = torch.unique(torch.tensor([[3, 1], [3, 1], [0, 2]], device="cuda"), dim=0).tolist()
found["assumed"] = [(a.kind, a.name) for a in assumed()]
print(json.dumps(found))
"""


def test_lengths_of_packed_pictures_follow_from_what_the_host_wrote() -> None:
    """As vision encoders split what they attend to: one frame of 64 patches, two of 24."""
    assert answer(PACKED) == {
        "lengths": [64, 24, 24], "windows": [64, 48], "tokens": [16, 12],
        "grid": [[1, 8, 8], [2, 4, 6]], "plus": [3, 10, 10], "rotated": True,
        "numbers first": [[7, 5, 3], 2],
        "unique": [[1, 2, 4, 6, 8], [[0, 4, 4], [1, 2, 3]], [1, 1, 1, 1, 2]],
        "pairs": [[0, 2], [3, 1]], "assumed": [],
    }  # fmt: skip


LAYERS = """
import json, torch, torch.nn as nn
found = {}
x = torch.randn(5, 7, 32, device="cuda", requires_grad=True)
for name, layer in {
    "lstm": nn.LSTM(32, 64, 2, bidirectional=True, dropout=0.1), "gru": nn.GRU(32, 64),
    "rnn": nn.RNN(32, 64, bias=False), "projected": nn.LSTM(32, 64, proj_size=8),
}.items():
    layer = layer.cuda()
    output, _ = layer(x)
    output.sum().backward()
    weights = {p.untyped_storage().data_ptr() for p in layer.parameters()}
    found[name] = [list(output.shape), len(weights), all(
        p.grad.shape == p.shape for p in layer.parameters()
    )]
square = torch.randn(3, 8, 8, device="cuda", requires_grad=True)
found["fft"] = list(torch.fft.rfft2(x).shape)
torch.fft.ifft(torch.fft.fft(square)).real.sum().backward()
for name in ("inv", "svd", "qr", "eigh", "cholesky", "det", "pinv"):
    value = getattr(torch.linalg, name)(square)
    (value[0] if isinstance(value, tuple) else value).real.sum().backward()
found["solve"] = list(torch.linalg.solve(square, square).shape)
many = torch.randn(64, 32, 32, device="cuda")  # of more matrices other libraries are in charge
found["many"] = [list(torch.linalg.inv(many).shape), list(torch.linalg.lu_factor(many)[0].shape)]
thin = torch.eye(40, device="cuda").to_sparse()
found["sparse"] = list((thin.to_sparse_csr() @ torch.ones(40, 3, device="cuda")).shape)
found["grad"] = list(square.grad.shape)
print(json.dumps(found))
"""


def test_recurrent_layers_fft_and_solvers_run() -> None:
    """Shapes are those of torch's documentation; a layer's weights lie in one buffer."""
    assert answer(LAYERS) == {
        "lstm": [[5, 7, 128], 1, True], "gru": [[5, 7, 64], 1, True],
        "rnn": [[5, 7, 64], 1, True], "projected": [[5, 7, 8], 1, True],
        "fft": [5, 7, 17], "solve": [3, 8, 8], "grad": [3, 8, 8],
        "many": [[64, 32, 32], [64, 32, 32]], "sparse": [40, 3],
    }  # fmt: skip


PEAKS = """
import json, torch
found = []
def peak(call):
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    made = call()
    found.append(torch.cuda.max_memory_allocated() - before)
x, image = torch.randn(64, 1024, device="cuda"), torch.randn(8, 16, 64, 64, device="cuda")
peak(lambda: torch.fft.rfft(x))
peak(lambda: torch.fft.fft(x))
peak(lambda: torch.fft.rfftn(image, dim=(2, 3)))
long = torch.randn(4, 65536, device="cuda")
peak(lambda: torch.fft.fft(long))
print(json.dumps(found))
"""


def test_the_peaks_of_transforms_are_those_of_an_h100() -> None:
    """Measured with torch 2.11 (benchmarks/on_gpu_parts/operators.py)."""
    assert answer(PEAKS) == [262656, 524288, 2162688, 3146240]


LARGE = """
import json, torch
from torch import nn
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
before = resident()
model = nn.Sequential(*[nn.Linear(8192, 8192) for _ in range(16)])  # 4 GiB
model[0].weight.data.normal_()
model = model.to(torch.bfloat16)
model = model.cuda()
optimizer = torch.optim.AdamW(model.parameters())
model(torch.randn(4, 8192, dtype=torch.bfloat16).cuda()).sum().backward()
optimizer.step()
state = {k: v.cpu() for k, v in model.state_dict().items()}
small, large = torch.empty(1000).normal_(), torch.empty(1 << 22).normal_()
print(json.dumps([resident() - before, torch.cuda.memory_allocated(), bool(small.any()),
                  bool(large.any())]))
"""


def test_a_model_built_on_the_cpu_takes_no_memory_of_the_host() -> None:
    resident, allocated, small, large = answer(LARGE)
    weights = 16 * (8192 * 8192 + 8192) * 2
    assert allocated >= 4 * weights  # with gradients and two moments
    assert resident < 300 << 20
    assert small  # small ones are initialized
    assert not large


def test_initialize_does_as_ever() -> None:
    code = "import json, torch; print(json.dumps(bool(torch.empty(1 << 22).normal_().any())))"
    assert answer(code, initialize=True)
