"""A described step on several ranks takes, to the byte, what the same script by hand takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._emulator.described.answer import STEPS, emulated_memory, start_process
from nincost._emulator.described.warm import WarmProcess
from nincost._emulator.observe.observer import Orders
from nincost._emulator.ranks.runner import RankRunner
from nincost._emulator.results import Run
from nincost._emulator.run import Collected
from nincost._emulator.run_options import Script
from nincost._step.parallel import Parallel
from nincost._step.request import Request, make_request
from nincost.errors import InputError, ModelError

pytestmark = needs_emulator

BY_HAND = Path(__file__).resolve().parents[1] / "scripts" / "by_hand.py"
NET: dict[str, dict[str, Any]] = {
    "ddp": {},
    "zero1": {"parallel": "zero1"},
    "fsdp": {"parallel": "fsdp"},
    "fsdp-gathered": {"parallel": "fsdp", "reshard_after_forward": False},
    "fsdp-bf16": {"parallel": "fsdp", "mixed_precision": "bf16"},
    "fsdp-offload": {"parallel": "fsdp", "cpu_offload": True},
    "hsdp": {"parallel": "hsdp:2"},
    "fsdp-checkpointed": {"parallel": "fsdp"},
    "fsdp-compiled": {"parallel": "fsdp", "compile": True},
}
CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 128,
    "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 4, "vocab_size": 1000,
}  # fmt: skip


@pytest.fixture(scope="module")
def net() -> Request:
    return make_request(f"{BY_HAND}:Net", "h100", 512, input="32", optimizer="AdamW")


@pytest.fixture(scope="module")
def process(net: Request) -> Iterator[WarmProcess]:
    """One process for all kinds; scripts written by hand run in its forks, too."""
    with start_process(net) as found:
        yield found


def by_hand(
    process: WarmProcess, kind: str, numbers: list[int], folder: Path, world_size: int = 4
) -> Run:
    """What `nincost run` reports of ranks of the script."""
    script = Script(str(BY_HAND), False, (kind, str(folder)))
    card = make_request("two-1x1", "h100").card.gpu
    settings = {
        "steps": STEPS, "calls": None, "ranks": world_size, "ranks_per_node": 8,
        "capacity_bytes": None, "budget_bytes": None, "assume": "all", "routing": "balanced",
        "initialize": False,
    }  # fmt: skip
    runner = RankRunner(
        script, Orders("", steps=STEPS), card, settings, folder / "ranks", sys.executable, None,
        process.run, process.accompany,
    )  # fmt: skip
    collected = Collected(script, card, settings)
    for number, finished in runner.run_each(numbers):
        collected.add(number, finished)
    return collected.result()


def peaks_of(ranks: Iterable[Any]) -> list[tuple[int, int, int]]:
    return [(r.peak_allocated_bytes, r.peak_reserved_bytes, r.process_bytes) for r in ranks]


@pytest.mark.parametrize("kind", [pytest.param(k, marks=[] if k in ("ddp", "fsdp", "fsdp-offload")
                                               else pytest.mark.slow) for k in NET])  # fmt: skip
def test_takes_what_the_script_by_hand_takes(
    kind: str, net: Request, process: WarmProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick: list[str] = []
    run_quick = process.run_quick

    def run(job: str, variables: Mapping[str, str]) -> Any:
        quick.append(variables["RANK"])
        return run_quick(job, variables)

    monkeypatch.setattr(process, "run_quick", run)
    step = net.changed(activation_checkpointing="blocks" if "checkpointed" in kind else "none")
    found = emulated_memory(step, Parallel(ranks=4, **NET[kind]), process)
    script = by_hand(process, kind, [rank.rank for rank in found.ranks], tmp_path)
    for name in ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes", "nccl_bytes",
                 "categories_at_peak", "phases", "peak_phase"):  # fmt: skip
        assert getattr(found.totals, name) == getattr(script.totals, name), name
    assert {row.layer: row.bytes for row in found.layers} == {
        row.layer: row.bytes for row in script.layers
    }
    assert sum(found.totals.categories_at_peak.values()) == found.totals.peak_allocated_bytes
    assert found.engine == "emulated"
    if kind == "fsdp":  # a block of 256 x 1,024 twice is gathered, and sent in one buffer
        assert found.totals.categories_at_peak["unsharded_parameters"] > 2 * 2**20
        # 4 ranks divide no layer's rows but the last's, of 10.
        assert [rank.stands_for for rank in found.ranks] == ["0-2", "3"]
        assert len(quick) == 2  # the last one, whose shard is short, and one to check
    assert peaks_of(found.ranks) == peaks_of(script.ranks)


@pytest.mark.parametrize("kind", [
    "tp-checkpointed", "3d",
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("tp", "pp", "pp-checkpointed")),
])  # fmt: skip
def test_splits_a_llama_as_the_script_by_hand(
    kind: str, process: WarmProcess, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    request = make_request(
        f"hf:{tmp_path}", "h100", 8, input="input_ids=128:int64", optimizer="AdamW"
    )
    split, _, more = kind.partition("-")
    step = request.changed(activation_checkpointing="blocks" if more else "none")
    options: dict[str, Any] = {"ranks": 4, split: 4}
    if kind == "3d":
        options = {"ranks": 8, "pp": 2, "tp": 2, "parallel": "fsdp", "microbatches": 4}
    found = emulated_memory(step, Parallel(**options), process)
    ranks = [rank.rank for rank in found.ranks]
    assert ranks == {"pp": [0, 1, 2, 3], "3d": [0, 4]}.get(split, [0])  # a stage each
    script = by_hand(process, kind, ranks, tmp_path, options["ranks"])
    assert peaks_of(found.ranks) == peaks_of(script.ranks)
    assert found.totals.phases == script.totals.phases
    assert found.totals.phases["after_model"] > 0


#: Whose own plans split fused weights, experts, norms of heads, sinks and latent attention.
OWN_PLANS: dict[str, dict[str, Any]] = {
    "phi3": {"architectures": ["Phi3ForCausalLM"], "pad_token_id": 0},
    "mixtral": {"architectures": ["MixtralForCausalLM"], "num_local_experts": 4},
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "head_dim": 32},
    "gpt_oss": {
        "architectures": ["GptOssForCausalLM"], "head_dim": 32, "num_local_experts": 4,
        "num_experts_per_tok": 2,
    },
    "deepseek_v3": {
        "architectures": ["DeepseekV3ForCausalLM"], "n_routed_experts": 8, "n_group": 2,
        "moe_intermediate_size": 64, "kv_lora_rank": 32, "q_lora_rank": 48, "qk_rope_head_dim": 16,
        "v_head_dim": 32, "qk_nope_head_dim": 32, "topk_group": 1, "num_experts_per_tok": 2,
        "first_k_dense_replace": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("model", [
    "mixtral", *(pytest.param(name, marks=pytest.mark.slow) for name in OWN_PLANS
                 if name != "mixtral"),
])  # fmt: skip
def test_splits_by_a_models_own_plan(model: str, process: WarmProcess, tmp_path: Path) -> None:
    config = {**CONFIG, "model_type": model, "num_hidden_layers": 2, **OWN_PLANS[model]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    step = make_request(f"hf:{tmp_path}", "h100", 8, input="input_ids=128:int64", optimizer="AdamW")
    found = emulated_memory(step, Parallel(ranks=4, tp=4), process)
    script = by_hand(process, "tp", [0], tmp_path)
    assert peaks_of(found.ranks) == peaks_of(script.ranks)
    whole = emulated_memory(step, Parallel(ranks=4), process).totals.categories_at_peak
    split = found.totals.categories_at_peak
    assert split["optimizer_state"] < whole["optimizer_state"]
    if model in ("mixtral", "deepseek_v3"):
        with pytest.raises(ModelError, match=r"moe_tp_experts.* DDP holds: give --parallel fsdp"):
            emulated_memory(step, Parallel(ranks=4, tp=2), process)


def test_an_optimizer_of_a_library_that_begins_cuda(net: Request, process: WarmProcess) -> None:
    pytest.importorskip("bitsandbytes")
    step = net.changed(optimizer="bitsandbytes.optim:AdamW8bit")
    found = emulated_memory(step, Parallel(ranks=2), process).totals.categories_at_peak
    # Two moments of a byte for each of large layers, of four for the others.
    assert 0 < found["optimizer_state"] < 2 * found["parameters"]
    emulated_memory(net, Parallel(ranks=2), process)  # the process can be forked still


def test_refuses_what_fits_no_module(net: Request, process: WarmProcess, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"blocks.*.upp": "colwise"}')
    for options, words in (
        ({"ranks": 2, "parallel": "fsdp", "fsdp_wrap": "blcks.*"}, "nearest are blocks"),
        ({"ranks": 2, "tp": 2}, "brings no tp_plan"),
        ({"ranks": 2, "tp": 2, "tp_plan": str(plan)}, "has no such module: the nearest are blocks"),
        ({"ranks": 8, "pp": 8}, "3 repeated blocks"),
        ({"ranks": 2, "pp": 2, "stage_blocks": "1,1"}, "has 2 blocks in all, and .* has 3"),
        ({"ranks": 2, "pp": 2, "stage_blocks": "3,0"}, "keeps no stage without blocks"),
    ):
        with pytest.raises(InputError, match=words):
            emulated_memory(net, Parallel(**options), process)
    plan.write_text('{"blocks.*.up": "colwise", "blocks.*.down": "rowwise"}')
    with pytest.raises(InputError, match="an exported graph, which keeps no tensor"):
        emulated_memory(net, Parallel(ranks=4, pp=2, tp=2, tp_plan=str(plan)), process)
    step = net.changed(activation_checkpointing="blocks")
    with pytest.raises(InputError, match="an exported graph, which keeps no activation"):
        emulated_memory(step, Parallel(ranks=2, pp=2), process)


def test_a_step_that_runs_out_of_memory_is_run_on_a_card_without_end() -> None:
    request = make_request(
        f"{BY_HAND}:Net", "1200MiB", 40_000, input="32", optimizer="AdamW",
        alloc_conf="roundup_power2_divisions:2",
    )  # fmt: skip
    with start_process(request) as process:
        found = emulated_memory(request, Parallel(ranks=2), process)
    totals = found.totals
    assert totals.ran_out
    assert totals.fits is False
    assert totals.budget_bytes is not None
    assert totals.process_bytes > totals.budget_bytes
    assert any("runs out of memory" in note for note in found.notes)
    # 40,000 rows are rounded to 49,152: the allocator has the option.
    assert totals.peak_allocated_bytes > 1.15 * totals.peak_requested_bytes


def test_sparse_gradients_are_answered_by_the_emulated_gpu() -> None:
    script = BY_HAND.with_name("sparse.py")
    given: dict[str, Any] = {"input": "16:int64", "batch_size": 32, "gpu": "h100"}
    found = nincost.memory(f"{script}:Words", optimizer="SparseAdam", **given)
    by_hand = nincost.run(script, gpu="h100").totals
    assert found.engine == "emulated"
    assert found.totals.peak_allocated_bytes == by_hand.peak_allocated_bytes
    assert found.totals.peak_reserved_bytes == by_hand.peak_reserved_bytes
    assert "sparse tensors are not followed on meta" in found.notes[-1]
    with pytest.raises(InputError, match="write the step as a script for nincost run"):
        nincost.fit(f"{script}:Words", input="16:int64", gpu="h100", optimizer="SparseAdam")
    with pytest.raises(InputError, match="sparse tensors"):
        nincost.memory(f"{script}:Words", optimizer="SparseAdam", on_cpu=True, **given)
