"""The other tools' counts are their own, and known differences are explained."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import nincost


@pytest.mark.parametrize("model", ["torchvision:resnet18", "torchvision:swin_t", "cifar10"])
def test_flop_counter_mode_agrees(model: str) -> None:
    check = nincost.check(model)
    assert check.totals.flop_counter_macs == check.totals.trace_macs


def test_batch_norm_in_fvcores_total_is_explained() -> None:
    check = nincost.check("torchvision:resnet18")
    (note,) = [n for n in check.notes if n.startswith("fvcore's total has element-wise work")]
    assert "batch_norm" in note
    extra = sum(
        int(part.split()[-1].replace(",", "")) for part in note.partition(": ")[2].split(", ")
    )
    assert check.totals.fvcore_macs == check.totals.trace_macs + extra


def test_the_fvcore_column_is_fvcores_own_count() -> None:
    from fvcore.nn import FlopCountAnalysis

    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 2)).eval()
    check = nincost.check(net, input="1x6x6")
    theirs = FlopCountAnalysis(net, torch.zeros(1, 1, 6, 6))
    assert check.totals.fvcore_macs == theirs.total()
    assert [row.fvcore_macs for row in check.rows] == [
        theirs.by_module()[row.layer] for row in check.rows
    ]


def test_a_transformer_that_fvcore_gets_wrong_says_what_it_leaves_out() -> None:
    check = nincost.check("torchvision:vit_b_32")
    assert any("fvcore leaves out _native_multi_head_attention" in note for note in check.notes)


def test_where_flop_counter_mode_fails_it_says_so() -> None:
    pytest.importorskip("timm")
    check = nincost.check("timm:pit_ti_224")
    net = nincost._models.sources.resolve("timm:pit_ti_224").module.eval()  # type: ignore[attr-defined]
    try:
        with FlopCounterMode(display=False) as counter:
            net(torch.empty(1, 3, 224, 224, device="meta"))
        assert check.totals.flop_counter_macs == counter.get_total_flops() // 2
    except Exception:
        assert check.totals.flop_counter_macs is None
        assert any(note.startswith("FlopCounterMode failed") for note in check.notes)
    assert check.ok


def test_a_tool_that_cannot_run_leaves_a_reason() -> None:
    check = nincost.check(nn.Linear(3, 3), input="input=3")
    assert check.totals.fvcore_macs is None
    assert "fvcore was not run: it cannot pass inputs by keyword" in check.notes
    none = nincost.check(nn.Linear(3, 3), input="3", other_tools=False)
    assert (none.totals.fvcore_macs, none.totals.flop_counter_macs) == (None, None)
