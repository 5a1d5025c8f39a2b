"""Attention's kernels, against those profiled on an H100 (benchmarks/data/h100)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from nincost._devices.cards import get_gpu
from nincost._time.kernels import WorkTable, kernel_times
from nincost._time.parameters import fitted_parameters
from nincost._time.work.contractions import _PLACES, attention
from nincost._trace.records import TensorMeta


def milliseconds(
    heads, length, *, dtype, backward=False, causal=False, dropout=0.0, key_heads=None
):
    def tensor(many):
        shape = (heads[0], many, length, 64)
        stride = torch.empty(shape, device="meta").stride()
        return TensorMeta(torch.Size(shape), stride, dtype)

    query, key = tensor(heads[1]), tensor(key_heads or heads[1])
    name = "aten._scaled_dot_product_" + ("cudnn" if dtype is torch.bfloat16 else "efficient")
    name += "_attention_backward" if backward else "_attention"
    args = [query, query, key, key] if backward else [query, key, key]
    places = dict(zip(_PLACES[name], (dropout, causal), strict=True))
    args += [places.get(place) for place in range(len(args), max(places) + 1)]
    signature = SimpleNamespace(name=name, args=args, kwargs={}, outputs=(query,))
    table = WorkTable.of(attention(signature))
    return 1e3 * kernel_times(table, get_gpu("h100"), fitted_parameters()).seconds.sum()


@pytest.mark.parametrize(
    ("measured", "given"),
    [  # vit_b_16 at 64 and llama-300m at 4, of whose rows no parameter was fitted to
        (0.0475, {"heads": (64, 12), "length": 197}),
        (0.1753, {"heads": (64, 12), "length": 197, "backward": True}),
        (0.0997, {"heads": (4, 16), "length": 2048, "causal": True, "key_heads": 4}),
        (0.3221, {"heads": (4, 16), "length": 2048, "causal": True, "key_heads": 4,
                  "backward": True}),
        (0.1052, {"heads": (8, 12), "length": 1024, "causal": True, "dropout": 0.1}),
        (0.415, {"heads": (64, 12), "length": 197, "dtype": torch.float32}),
    ],
)  # fmt: skip
def test_kernels_of_an_h100(measured, given):
    found = milliseconds(**{"dtype": torch.bfloat16, **given})
    assert found == pytest.approx(measured, rel=0.3)


def test_the_arguments_are_where_torch_has_them():
    for name, places in _PLACES.items():
        schema = getattr(torch.ops.aten, name.removeprefix("aten.")).default._schema
        names = [argument.name for argument in schema.arguments]
        assert places == (names.index("dropout_p"), names.index("is_causal")), name
