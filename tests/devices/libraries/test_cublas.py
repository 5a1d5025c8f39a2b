"""Workspaces of cuBLAS: sizes worked by hand, and the installed torch's own words on them."""

from __future__ import annotations

import inspect

import pytest
import torch

from nincost._devices.libraries.cublas import (
    UNIFIED_FROM,
    blas_workspaces,
    lt_workspace_bytes,
    workspace_bytes,
)
from nincost._devices.settings import release_of

# Worked by hand. 8519680 = 8.125 MiB is also what people find in torch.cuda.memory_allocated after
# a first matmul on cards before Hopper.
PRE_HOPPER = 8_519_680
HOPPER = 33_554_432


@pytest.mark.parametrize(
    ("capability", "size"),
    [
        ((7, 5), PRE_HOPPER),
        ((8, 0), PRE_HOPPER),
        ((8, 9), PRE_HOPPER),
        ((9, 0), HOPPER),
        ((10, 0), HOPPER),
        ((12, 0), HOPPER),
    ],
)
def test_defaults(capability: tuple[int, int], size: int) -> None:
    assert workspace_bytes(capability) == size


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (":4096:2:16:8", PRE_HOPPER),  # (2 * 4096 + 8 * 16) KiB
        (":4096:8", 33_554_432),  # 8 * 4096 KiB
        (":16:8", 131_072),  # 8 * 16 KiB
        (":0:0", 0),
        ("nonsense", PRE_HOPPER),
        ("", PRE_HOPPER),
    ],
)
def test_config(config: str, size: int) -> None:
    assert workspace_bytes((8, 6), config) == size


@pytest.mark.parametrize(
    ("text", "size"),
    [(None, 2**20), ("", 2**20), ("2048", 2**21), ("2048kb", 2**21), ("x", 2**20),
     ("99999999999", 2**20), ("0", 0)],
)  # fmt: skip
def test_lt_size(text: str | None, size: int) -> None:
    assert lt_workspace_bytes(text) == size


def test_unified_by_default_and_apart_if_asked() -> None:
    together = blas_workspaces((8, 0), {})
    assert together.unified
    assert together.first_call(lt=True) == together.first_call(lt=False) == {"cuBLAS": PRE_HOPPER}
    apart = blas_workspaces((8, 0), {"TORCH_CUBLASLT_UNIFIED_WORKSPACE": "0"})
    assert not apart.unified
    assert apart.first_call(lt=True) == {"cuBLASLt": 2**20}
    assert apart.first_call(lt=False) == {"cuBLAS": PRE_HOPPER}


def test_torch_2_11_keeps_them_apart() -> None:
    """As an H100 had it, where a linear layer alone allocated 33 MiB."""
    versions = ("2.11.0+cu130", "2.12.0", "2.14.1+cu130", "3.0", "own build")
    assert [release_of(version) >= UNIFIED_FROM for version in versions] == [False, *[True] * 4]
    apart = blas_workspaces((9, 0), {}, unified=False)
    assert apart.first_call(lt=True) == {"cuBLAS": 32 * 2**20, "cuBLASLt": 2**20}
    assert apart.first_call(lt=False) == {"cuBLAS": 32 * 2**20}
    assert blas_workspaces((9, 0), {"TORCH_CUBLASLT_UNIFIED_WORKSPACE": "1"}, unified=False).unified


def test_torch_says_that_they_are_unified() -> None:
    said = inspect.getdoc(getattr(torch.backends.cuda, "blas_workspace_size", None)) or ""
    if not said:
        pytest.skip("this torch does not document its workspaces")
    assert "TORCH_CUBLASLT_UNIFIED_WORKSPACE" in said
    assert "the default on" in said
