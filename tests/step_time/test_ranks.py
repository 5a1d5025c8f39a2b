"""A step on several ranks: what it sends is what PyTorch's own DDP and FSDP2 send, and when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from support.blocks import Blocks

import nincost
from nincost._devices.cards import get_gpu
from nincost._step.parallel import Parallel
from nincost._step.request import make_request
from nincost._time.operators import Launched
from nincost._time.parameters import fitted_parameters
from nincost._time.predict import predict_time
from nincost._time.queue import Beside, Collective, run_queue
from nincost._time.ranks.links import usual_links
from nincost.errors import InputError

#: Eight ranks that are not there: what one of them asks of the others, in order.
REAL = """
import json, torch, torch.distributed as dist
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode
from support.blocks import Blocks
dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=8)
class Seen(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.name().startswith("c10d"):
            kind = "all-gather" if "allgather" in func.name() else "reduce-scatter"
            found.append([kind, max(a.nbytes for a in args if isinstance(a, torch.Tensor))])
        return func(*args, **(kwargs or {}))
mixed = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
answers = {}
for name, options in {
    "fsdp": {}, "kept": {"reshard_after_forward": False}, "mixed": {"mp_policy": mixed}
}.items():
    net = Blocks()
    mesh = dist.device_mesh.init_device_mesh("cpu", (8,))
    for part in [*net.blocks, net]:
        fully_shard(part, mesh=mesh, **options)
    for _ in range(2):
        found = []
        with Seen():
            net(torch.zeros(2, 8, dtype=torch.long)).float().sum().backward()
    answers[name] = found
net = torch.nn.parallel.DistributedDataParallel(Blocks(wide=8192))
def hook(_, bucket):
    answers["ddp"].append(["all-reduce", bucket.buffer().nbytes])
    future = torch.futures.Future()
    future.set_result(bucket.buffer())
    return future
net.register_comm_hook(None, hook)
for _ in range(3):
    answers["ddp"] = []
    net(torch.zeros(2, 8, dtype=torch.long)).sum().backward()
print(json.dumps(answers))
"""
OPTIONS: dict[str, dict[str, Any]] = {
    "fsdp": {"parallel": "fsdp"},
    "kept": {"parallel": "fsdp", "reshard_after_forward": False},
    "mixed": {"parallel": "fsdp", "mixed_precision": "bfloat16"},
    "ddp": {"parallel": "ddp"},
}


def sent(net: Any, **options: Any) -> Iterator[Collective]:
    request = make_request(net, "h100", 2, input="8:int64", loss="sum")
    timing = predict_time(request, parallel=Parallel(ranks=8, **options))
    assert timing.spread is not None
    return iter(sorted(timing.spread.beside.collectives, key=lambda one: one.after))


def test_a_step_sends_what_pytorch_sends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REAL], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    real = json.loads(done.stdout.splitlines()[-1])
    for name, options in OPTIONS.items():
        net = Blocks(wide=8192) if name == "ddp" else Blocks()
        assert [[one.name, one.moved] for one in sent(net, **options)] == real[name], name


def test_the_rate_of_a_ring() -> None:
    """nccl-tests on 8 H100s: all-gather of 16 GiB at 360 GB/s (NVIDIA/nccl-tests#326)."""
    links = usual_links(get_gpu("h100"), 8)
    moved = 16 * 2**30
    assert moved * 7 / 8 / links.seconds(moved, 8) == pytest.approx(360e9, rel=0.05)
    assert links.seconds(moved, 8, rounds=2) == pytest.approx(2 * links.seconds(moved, 8), rel=0.01)
    assert links.seconds(moved, 1) == 0
    slow = usual_links(get_gpu("h100"), 8, between=1.0)  # GB/s of each of 8 ranks
    assert slow.seconds(moved, 16, nodes=2) == pytest.approx(moved * 15 / 16 / 8e9, rel=0.01)
    assert usual_links(get_gpu("rtx4090"), 8).within < usual_links(get_gpu("a100"), 8).within / 10


def launched(*phases: str) -> list[Launched]:
    return [Launched("aten.mm", 0, phase, (0,), 0, waits=False) for phase in phases]  # type: ignore[arg-type]


def test_what_is_hidden_and_what_is_not() -> None:
    """Operators of a second each; the host takes nothing."""
    step = launched("forward", "backward", "backward", "step")
    host = fitted_parameters().host

    def seconds(*collectives: Collective, **options: Any) -> Any:
        beside = Beside(collectives, **options)
        return run_queue(step, [1.0] * 4, [1] * 4, host, beside, graph=True)

    assert seconds().seconds == pytest.approx(4)
    gather = Collective("all-gather", 0, 0.5, -1, 0)
    assert seconds(gather).seconds == pytest.approx(4.5)  # nothing runs before it
    assert seconds(gather._replace(before=1)).seconds == pytest.approx(4)
    reduce = Collective("all-reduce", 0, 1.5, 2, 3)  # beside the third operator
    found = seconds(reduce)
    assert found.seconds == pytest.approx(4.5)
    assert [span.communicated for span in found.spans] == pytest.approx([0, 0, 0, 0.5])
    assert seconds(reduce, reduce).seconds == pytest.approx(6)  # one after the other
    assert seconds(Collective("broadcast", 0, 0.5, 3, 0)).seconds == pytest.approx(4)  # last step's
    last = Collective("all-reduce", 0, 0.5, 3, 3)  # the last bucket: when backward has ended
    assert seconds(last).seconds == pytest.approx(4.5)
    slowed = seconds(
        reduce._replace(seconds=0.5), share=0.2
    )  # a fifth of the card for half a second
    assert slowed.seconds == pytest.approx(4 + 0.5 * 0.25)
    copied = seconds(gather._replace(before=1, copied=10), copy_rate=100.0)
    assert copied.seconds == pytest.approx(4.1)


def test_a_step_on_ranks_in_words() -> None:
    given: dict[str, Any] = {"batch_size": 4, "gpu": "a100", "optimizer": "AdamW"}
    one = nincost.time("two-1x1", **given)
    ranks = nincost.time("two-1x1", ranks=8, parallel="ddp", **given)
    totals = ranks.totals
    assert totals.examples_per_second == pytest.approx(8 * 4 / totals.step_seconds)
    assert totals.step_seconds >= one.totals.step_seconds
    parts = (
        totals.forward_seconds + totals.backward_seconds + totals.optimizer_seconds
        + totals.communication_seconds
    )  # fmt: skip
    assert parts == pytest.approx(totals.step_seconds)
    assert sum(totals.by_bound.values()) == pytest.approx(totals.step_seconds)
    assert ranks.communication is not None
    assert ranks.communication.moved_bytes == 4 * 1_992_166
    assert "on 8 ranks, ddp" in str(ranks)
    assert "links" in ranks.hangs_on
    slow = nincost.time("two-1x1", ranks=8, link_bandwidth=0.1, **given).totals
    assert slow.bound_by == "communication"
    cost = nincost.time("two-1x1", ranks=8, examples=64, epochs=10, **given).cost
    assert cost is not None
    assert cost.gpu_hours == pytest.approx(8 * cost.seconds / 3600)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ranks": 8, "pp": 8, "compile": True}, "compile is not known of a pipeline"),
        ({"ranks": 8, "measure": True}, "measure and calibrate run one GPU"),
        ({"ranks": 8, "link_bandwidth": -1}, "link_bandwidth is -1"),
        (
            {"ranks": 8, "parallel": "fsdp", "fsdp_wrap": "no.such"},
            "no module of Sequential matches",
        ),
    ],
)
def test_what_is_not_known(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        nincost.time("two-1x1", gpu="h100", **options)
