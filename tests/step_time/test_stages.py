"""A pipeline's stages wait for each other; ranks of tensors are timed by what they launch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._devices.cards import get_gpu
from nincost._time.kernels import WorkTable, kernel_times
from nincost._time.operators import Launched, StepOperators
from nincost._time.parameters import fitted_parameters
from nincost._time.queue import Beside, Collective, run_queue
from nincost._time.ranks.stages import beside_each_other
from nincost._time.timed import Timed
from nincost._time.work.kinds import Work
from nincost.errors import InputError

FORWARD, BACKWARD, SEND = 1.0, 2.0, 0.01


def one_f_one_b(stage: int, stages: int, microbatches: int) -> list[tuple[str, int]]:
    """What a stage does: warm-up, one forward and one backward in turn, and the rest."""
    warm = min(stages - stage - 1, microbatches)
    forward, backward = [("forward", n) for n in range(microbatches)], [
        ("backward", n) for n in range(microbatches)
    ]  # fmt: skip
    steady = [pair for both in zip(forward[warm:], backward, strict=False) for pair in both]
    return [*forward[:warm], *steady, *backward[microbatches - warm :]]


def stage_of(stage: int, stages: int, microbatches: int) -> Timed:
    """A stage whose operators take a second forward, two backward; the host takes nothing."""
    launched, sent = [], []
    for phase, _ in one_f_one_b(stage, stages, microbatches):
        at = len(launched)
        source, goal = (stage - 1, stage + 1) if phase == "forward" else (stage + 1, stage - 1)
        if 0 <= source < stages:
            sent.append(Collective("receive", 1, SEND, -1, at, peer=source))
        if 0 <= goal < stages:
            sent.append(Collective("send", 1, SEND, at + 1, 0, peer=goal))
        launched.append(Launched("aten.mm", 0, phase, (0,), 0, waits=False))  # type: ignore[arg-type]
    launched.append(Launched("update", 0, "step", (0,), 0, waits=False))
    operators = StepOperators(launched, [Work("elementwise", "float32", 0, 1)], [""])
    seconds = [{"forward": FORWARD, "backward": BACKWARD}.get(one.phase, 0.0) for one in launched]
    gpu, parameters = get_gpu("h100"), fitted_parameters()
    times = kernel_times(WorkTable.of(operators.works), gpu, parameters)
    beside = Beside(sent)
    queue = run_queue(launched, seconds, [1] * len(launched), parameters.host, beside, graph=True)
    return Timed(gpu, operators, times, seconds, queue, parameters, beside, 1.0, graph=True)


@pytest.mark.parametrize(("stages", "microbatches"), [(2, 4), (4, 8), (4, 4), (8, 32)])
def test_the_bubble_is_that_of_the_formula(stages: int, microbatches: int) -> None:
    """(p - 1) / m of the time without it: Narayanan et al., 2021 (arXiv:2104.04473, 2.2)."""
    alone = [stage_of(stage, stages, microbatches) for stage in range(stages)]
    work = microbatches * (FORWARD + BACKWARD)
    for one in alone:
        assert one.seconds == pytest.approx(work, rel=0.02)  # nothing waits
    for one in beside_each_other(alone):
        bubble = (one.seconds - work) / work
        assert bubble == pytest.approx((stages - 1) / microbatches, rel=0.1)


def test_a_slow_stage_holds_up_the_others() -> None:
    alone = [stage_of(stage, 3, 6) for stage in range(3)]
    slow = replace(alone[1], of_operator=[2 * seconds for seconds in alone[1].of_operator])
    together = beside_each_other([alone[0], slow, alone[2]])
    least = 2 * 6 * (FORWARD + BACKWARD)
    assert all(least < one.seconds < 1.5 * least for one in together)
    assert beside_each_other(alone[:1]) == alone[:1]


LLAMA = (
    '{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, '
    '"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4, '
    '"num_attention_heads": 4, "num_key_value_heads": 4, "use_cache": false}'
)


def timed(folder: Path, **options: Any) -> nincost.StepTime:
    (folder / "config.json").write_text(LLAMA)
    return nincost.time(
        f"hf:{folder}", input="input_ids=128:int64", batch_size=8, gpu="h100", dtype="bfloat16",
        optimizer="AdamW", **options,
    )  # fmt: skip


@needs_emulator
def test_stages_of_a_llama(tmp_path: Path) -> None:
    found = timed(tmp_path, ranks=2, pp=2, microbatches=4)
    sent = found.communication
    assert sent is not None
    hidden = 2 * 128 * 256 * 2  # of a micro-batch of 2, in bfloat16
    assert (sent.collectives, sent.moved_bytes) == (2 * 4, 2 * 4 * hidden)
    assert "in order: " in found.notes[-1]
    assert found.totals.examples_per_second == pytest.approx(8 / found.totals.step_seconds)
    assert found.totals.step_seconds == pytest.approx(
        sum(layer.seconds for layer in found.layers), rel=1e-6
    )
    found.to_trace(tmp_path / "step.json")


@needs_emulator
@pytest.mark.slow
def test_a_stage_has_the_blocks_that_are_asked_for(tmp_path: Path) -> None:
    found = timed(tmp_path, ranks=2, pp=2, microbatches=4)
    uneven = timed(tmp_path, ranks=2, pp=2, microbatches=4, stage_blocks=[1, 3])
    assert [_blocks(one) for one in (found, uneven)] == [2, 3]
    assert uneven.settings["stage_blocks"] == "1,3"
    head = timed(tmp_path, ranks=2, pp=2, microbatches=4, stage_blocks="4,0")
    assert _blocks(head) == 4  # the stage that works most


def _blocks(found: nincost.StepTime) -> int:
    """Of the stage that is shown."""
    names = [
        layer.layer.split(".layers.")[1] for layer in found.layers if ".layers." in layer.layer
    ]
    return len({name.partition(".")[0] for name in names})


@needs_emulator
def test_tensor_parallel_ranks_of_a_llama(tmp_path: Path) -> None:
    """Forward reduces behind attention and MLP; backward in front of q, k, v, gate and up."""
    found = timed(tmp_path, ranks=2, tp=2)
    sent = found.communication
    assert sent is not None
    hidden = 8 * 128 * 256 * 2
    reduced = (2 + 5) * 4 * hidden
    assert reduced < sent.moved_bytes < reduced + 4 * 8 * 128 * 512 * 2
    whole = timed(tmp_path)
    assert found.totals.flops < 0.6 * whole.totals.flops
    assert "DTensor" in "".join(found.notes)


@needs_emulator
@pytest.mark.slow
def test_an_offloaded_optimizer_runs_on_the_host(tmp_path: Path) -> None:
    there = timed(tmp_path, ranks=2, parallel="fsdp", cpu_offload=True)
    here = timed(tmp_path, ranks=2, parallel="fsdp")
    assert there.totals.host_seconds > here.totals.host_seconds
    assert there.totals.by_bound["host"] > here.totals.by_bound["host"]
    assert "the optimizer runs on the host" in "".join(there.notes)


def test_what_no_time_is_known_of(tmp_path: Path) -> None:
    for options in ({"compile": True}, {"cuda_graphs": True}, {"suggest": True}):
        with pytest.raises(InputError, match="not known of the time of a step with tp"):
            timed(tmp_path, ranks=2, tp=2, **options)
