"""bitsandbytes' 8-bit and paged optimizers keep what they keep on CUDA."""

from __future__ import annotations

import importlib.util

import pytest
from support.emulated import needs_emulator
from torch import nn

import nincost

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)

#: A weight of 2**18 and one of fewer than 4,096, which stays in 32 bits.
NET = nn.Sequential(nn.Linear(512, 512, bias=False), nn.ReLU(), nn.Linear(512, 4, bias=False))
SMALL = 2 * 512 * 4 * 4


def test_large_weights_have_their_state_in_8_bits() -> None:
    """Bytes by hand: two of 8 bits a weight, two scales each 256, and two maps of 256 values."""
    large = 2 * 2**18 + 2 * 2**18 // 256 * 4 + 2 * 256 * 4
    for name, kept, paged in (("AdamW8bit", large, ""), ("PagedAdamW8bit", large - 2**19, "512.0")):
        result = nincost.memory(
            NET, input="512", batch_size=4, optimizer=f"bitsandbytes.optim:{name}"
        )
        assert result.totals.categories_at_peak["optimizer_state"] == kept + SMALL
        assert any(
            f"{paged} KiB of optimizer state are paged" in note for note in result.notes
        ) == (bool(paged))


@needs_emulator
def test_a_paged_optimizer_allocates_as_in_pytorchs_own_code() -> None:
    result = nincost.verify(
        NET, input="512", batch_size=4, optimizer="bitsandbytes.optim:PagedAdamW8bit", gpu="h100"
    )
    assert result.totals.agrees
    assert result.difference is None


@pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="torchao is not installed")
def test_an_optimizer_that_compiles_its_update_is_named() -> None:
    result = nincost.memory(NET, input="512", optimizer="torchao.optim:AdamW8bit")
    assert any("compile their update" in note for note in result.notes)
