"""Matrix products in all their spellings, against triple loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nincost


class Functional(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


def loop(*sizes: int) -> int:
    """One multiplication for each point of nested loops of these lengths."""
    count = 1
    for size in sizes:
        count = sum(1 for _ in range(count) for _ in range(size))
    return count


B, M, K, N = 2, 3, 5, 7

CASES = {
    "mm": (torch.mm, [(M, K), (K, N)], loop(M, K, N)),
    "@": (lambda a, b: a @ b, [(B, M, K), (B, K, N)], loop(B, M, K, N)),
    "@ broadcast": (lambda a, b: a @ b, [(B, M, K), (K, N)], loop(B, M, K, N)),
    "@ vector": (lambda a, b: a @ b, [(M, K), (K,)], loop(M, K)),
    "dot": (torch.dot, [(K,), (K,)], loop(K)),
    "vdot": (torch.vdot, [(K,), (K,)], loop(K)),
    "bmm": (torch.bmm, [(B, M, K), (B, K, N)], loop(B, M, K, N)),
    "addmm": (torch.addmm, [(N,), (M, K), (K, N)], loop(M, K, N)),
    "addmv": (torch.addmv, [(M,), (M, K), (K,)], loop(M, K)),
    "addbmm": (torch.addbmm, [(M, N), (B, M, K), (B, K, N)], loop(B, M, K, N)),
    "baddbmm": (torch.baddbmm, [(B, M, N), (B, M, K), (B, K, N)], loop(B, M, K, N)),
    "F.linear": (F.linear, [(B, M, K), (N, K)], loop(B, M, K, N)),
    "F.linear with bias": (F.linear, [(B, M, K), (N, K), (N,)], loop(B, M, K, N)),
    "einsum": (lambda a, b: torch.einsum("bik,bkj->bij", a, b), [(B, M, K), (B, K, N)],
               loop(B, M, K, N)),
    "einsum over two": (lambda a, b: torch.einsum("bik,bkj->ij", a, b), [(B, M, K), (B, K, N)],
                        loop(B, M, K, N)),
    "tensordot": (lambda a, b: torch.tensordot(a, b, dims=1), [(B, M, K), (K, N)],
                  loop(B, M, K, N)),
    "inner": (torch.inner, [(M, K), (N, K)], loop(M, K, N)),
    "chain": (lambda a, b: a @ b @ b.T, [(M, K), (K, N)], 2 * loop(M, K, N)),
    "multi_dot": (lambda a, b, c: torch.linalg.multi_dot([a, b, c]), [(M, K), (K, N), (N, 1)],
                  loop(K, N, 1) + loop(M, K, 1)),
    "in place": (lambda a, b, c: a.clone().addmm_(b, c), [(M, N), (M, K), (K, N)],
                 loop(M, K, N)),
    "bilinear": (F.bilinear, [(B, M), (B, K), (N, M, K)], loop(B, N, M, K)),
    "kron is no contraction": (torch.kron, [(2, 2), (3, 3)], 0),
    "outer is no contraction": (torch.outer, [(M,), (K,)], 0),
    "cosine_similarity is none": (F.cosine_similarity, [(M, K), (M, K)], 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_product_is_its_loop(name: str) -> None:
    function, shapes, macs = CASES[name]
    result = nincost.profile(Functional(function), input=tuple(torch.zeros(s) for s in shapes))  # type: ignore[attr-defined]
    assert result.totals.macs == macs
    assert not result.uncounted


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64])
def test_the_type_does_not_change_the_count(dtype: torch.dtype) -> None:
    given = (torch.zeros(M, K, dtype=dtype), torch.zeros(K, N, dtype=dtype))
    assert nincost.profile(Functional(torch.mm), input=given).totals.macs == loop(M, K, N)


def test_bilinear_layer() -> None:
    layer = nn.Bilinear(3, 4, 5)
    row = nincost.profile(layer, input=("3", "4"), batch_size=2).layers[0]
    assert row.macs == loop(2, 5, 3, 4)
    assert row.params == 5 * 3 * 4 + 5
    assert [str(s) for s in row.input_shapes] == ["2x3", "2x4"]
    assert str(row.output_shape) == "2x5"


def test_affine_grid() -> None:
    result = nincost.profile(
        Functional(lambda theta: F.affine_grid(theta, [2, 1, 4, 5], align_corners=False)),
        input=torch.zeros(2, 2, 3),
    )
    assert result.totals.macs == loop(2, 4 * 5, 3, 2)  # [20, 3] by [3, 2] for each image


def test_an_empty_product_costs_nothing() -> None:
    result = nincost.profile(Functional(torch.mm), input=(torch.zeros(0, K), torch.zeros(K, N)))
    assert result.totals.macs == 0
