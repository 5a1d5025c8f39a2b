"""A plan: what it shows fits, what it leaves out does not, and each command gives its figures."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from support.emulated import needs_emulator

import nincost
from nincost._plan.ways import ways_of
from nincost._step.parallel import Parallel
from nincost._step.request import make_request
from nincost.errors import InputError

BY_HAND = Path(__file__).resolve().parents[1] / "emulator" / "scripts" / "by_hand.py"
NET = f"{BY_HAND}:Net"


def test_a_plan_for_one_card_finds_the_largest_batch_that_fits() -> None:
    plan = nincost.plan(
        NET, input="32", gpu="h100", optimizer="AdamW", optimizer_impl="fused", within="860MiB",
        compile=False,
    )  # fmt: skip
    assert plan.totals.ways == len(plan.rows) == 12  # four kinds of checkpointing, three precisions
    for row in plan.rows:
        assert row.process_bytes <= plan.totals.budget_bytes == 860 * 2**20
        options: dict[str, Any] = {
            "batch_size": row.batch_size, "optimizer": "AdamW", "optimizer_impl": "fused",
            "activation_checkpointing": row.activation_checkpointing,
            "amp": "bfloat16" if row.precision.startswith("amp") else None,
            "dtype": "bfloat16" if row.precision == "bfloat16" else None,
        }  # fmt: skip
        at = nincost.memory(NET, input="32", gpu="h100", **options).totals
        assert at.peak_allocated_bytes == row.peak_allocated_bytes
        twice: dict[str, Any] = {**options, "batch_size": 2 * row.batch_size}
        more = nincost.memory(NET, input="32", gpu="h100", **twice).totals
        assert more.process_bytes > plan.totals.budget_bytes
        assert shlex.split(row.command)[:3] == ["nincost", "memory", NET]
        time = nincost.time(NET, input="32", gpu="h100", **options).totals
        assert row.examples_per_second == pytest.approx(time.examples_per_second)
    speeds = [row.examples_per_second or 0 for row in plan.rows]
    assert speeds == sorted(speeds, reverse=True)
    assert "ordered by predicted examples a second" in plan.notes
    points = {(row.examples_per_second or 0, row.process_bytes) for row in plan.rows}
    for row in plan.rows:
        speed, size = row.examples_per_second or 0, row.process_bytes
        beaten = {(s, m) for s, m in points if s >= speed and m <= size} - {(speed, size)}
        assert row.on_front == (not beaten)
    assert plan.front


def test_an_optimizer_of_8_bits_is_tried_where_its_library_is() -> None:
    pytest.importorskip("bitsandbytes")
    fixed: dict[str, Any] = {"activation_checkpointing": "none", "dtype": "bfloat16"}
    plan = nincost.plan(
        NET, input="32", gpu="h100", optimizer="AdamW", within="860MiB", global_batch=64,
        compile=False, **fixed,
    )  # fmt: skip
    row = next(row for row in plan.rows if row.optimizer_impl == "8-bit")
    assert {row.optimizer_impl for row in plan.rows} == {"8-bit", "fused"}
    assert "--optimizer bitsandbytes.optim:AdamW8bit" in row.command
    at = nincost.memory(
        NET, input="32", gpu="h100", batch_size=row.batch_size,
        optimizer="bitsandbytes.optim:AdamW8bit", **fixed,
    ).totals  # fmt: skip
    assert at.peak_allocated_bytes == row.peak_allocated_bytes


def test_an_option_that_is_given_stays() -> None:
    plan = nincost.plan(
        NET, input="32", gpu="24GiB", activation_checkpointing="none", amp="bfloat16",
        global_batch=96,
    )  # fmt: skip
    row = plan.rows[0]
    assert [(r.activation_checkpointing, r.precision) for r in plan.rows] == [
        ("none", "amp bfloat16")
    ]
    assert (row.batch_size, row.grad_accumulation) == (96, 1)


def test_what_fits_nowhere_is_said() -> None:
    with pytest.raises(InputError, match=r"no way to train .* fits 421.0 MiB: the leanest"):
        nincost.plan(NET, input="32", gpu="h100", within="421MiB")
    with pytest.raises(InputError, match="give 12"):
        nincost.plan(NET, input="32", gpu="h100", ranks=4, global_batch=9)


@needs_emulator
@pytest.mark.slow
def test_a_plan_for_four_cards_says_what_memory_says() -> None:
    plan = nincost.plan(
        NET, input="32", gpu="h100", ranks=4, optimizer="AdamW", global_batch=2048,
        mixed_precision="bf16", activation_checkpointing="none",
    )  # fmt: skip
    assert {row.parallel for row in plan.rows} == {"fsdp", "fsdp, kept gathered"}
    assert plan.engine == "emulated"
    rows = [row for row in plan.rows if row.parallel == "fsdp"]
    assert sorted(row.compile for row in rows) == [False, True]
    for row in rows:
        found = nincost.memory(
            NET, input="32", gpu="h100", ranks=4, parallel="fsdp", mixed_precision="bf16",
            optimizer="AdamW", optimizer_impl="fused", batch_size=row.batch_size,
            compile=row.compile,
        ).totals  # fmt: skip
        assert (row.batch_size, row.grad_accumulation) == (512, 1)
        assert row.peak_allocated_bytes == found.peak_allocated_bytes
        assert row.process_bytes == found.process_bytes
        assert ("--compile" in row.command) == row.compile


def test_a_fused_optimizer_is_tried_where_torch_has_it_for_dtensors() -> None:
    from torch.distributed.tensor import DTensor

    known = DTensor._op_dispatcher.sharding_propagator  # what has a strategy of sharding
    for name in ("SGD", "Adagrad", "Adam", "AdamW"):
        kernel = getattr(torch.ops.aten, f"_fused_{name.lower()}_").default
        has = any(
            kernel in getattr(known, kind, {})
            for kind in ("op_strategy_funcs", "op_to_rules", "op_single_dim_strategy_funcs")
        )
        request = make_request(NET, "h100", 8, input="32", optimizer=name)
        ways = ways_of(request, Parallel(ranks=4), [])
        tried = {way.parallel: way.optimizer_impl for way in ways if way.optimizer_impl != "8-bit"}
        assert tried == {
            "fsdp": "fused" if has else "default", "ddp": "fused", "zero1": "fused",
            "fsdp, kept gathered": "fused" if has else "default",
        }  # fmt: skip


@needs_emulator
@pytest.mark.slow
def test_an_optimizer_of_8_bits_is_tried_where_ranks_hold_all_of_its_state() -> None:
    pytest.importorskip("bitsandbytes")
    plan = nincost.plan(
        NET, input="32", gpu="h100", ranks=2, optimizer="AdamW", global_batch=64, compile=False,
        activation_checkpointing="none", dtype="bfloat16",
    )  # fmt: skip
    eight = {row.parallel for row in plan.rows if row.optimizer_impl == "8-bit"}
    assert eight == {"ddp"}
    assert {row.parallel for row in plan.rows} == {"fsdp", "fsdp, kept gathered", "zero1", *eight}


@needs_emulator
@pytest.mark.slow
def test_fit_finds_the_largest_batch_of_a_rank() -> None:
    options: dict[str, Any] = {"input": "32", "gpu": "1100MiB", "ranks": 2, "parallel": "fsdp"}
    found = nincost.fit(NET, **options).totals
    assert found.next_batch_size == found.batch_size + 1
    assert found.process_bytes <= found.budget_bytes < found.next_process_bytes
    at = nincost.memory(NET, batch_size=found.batch_size, **options).totals
    assert at.process_bytes == found.process_bytes
    whole = nincost.fit(NET, **options, global_batch=1 << 14)
    assert whole.totals.grad_accumulation * whole.totals.batch_size * 2 == 1 << 14
    assert whole.totals.process_bytes <= whole.totals.budget_bytes
