"""Module calls are tracked in order, nested, and no longer when it is said."""

from __future__ import annotations

import torch
from torch import nn

from nincost._models.sources import resolve
from nincost._trace.module_tracker import ModuleTracker
from nincost._trace.recorder import Recorder
from nincost._trace.trace import trace


def test_calls_nest_as_modules_do() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2))
    traced = trace(resolve(net), "2")
    told = [
        (traced.modules[c.module].path, c.depth, c.parent, c.last_op - c.first_op)
        for c in traced.calls
    ]
    names = [name for name, *_ in told]
    assert names == ["Sequential", "0", "0.0", "0.1", "1"]
    assert [depth for _, depth, *_ in told] == [0, 1, 2, 2, 1]
    assert [parent for _, _, parent, _ in told] == [-1, 0, 1, 1, 0]
    counts = dict(zip(names, [n for *_, n in told], strict=True))
    assert counts["Sequential"] == len(traced.ops) == counts["0"] + counts["1"]
    assert counts["0"] == counts["0.0"] + counts["0.1"]
    for call in traced.calls:
        assert all(
            call.first_op <= i < call.last_op or op.call != traced.calls.index(call)
            for i, op in enumerate(traced.ops)
        )


def test_untracked_calls_are_not_recorded() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    tracker = ModuleTracker(Recorder(on_meta=False))
    tracker.track(net, "net")
    net(torch.zeros(1, 2))
    assert len(tracker.calls) == 2
    tracker.untrack()
    net(torch.zeros(1, 2))
    assert len(tracker.calls) == 2
    assert all("_call_impl" not in m.__dict__ for m in net.modules())


def test_the_innermost_call_that_failed_is_known() -> None:
    class Bad(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no")

    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), Bad()))
    tracker = ModuleTracker(Recorder(on_meta=False))
    tracker.track(net, "net")
    try:
        net(torch.zeros(1, 2))
    except RuntimeError:
        assert tracker.failed is not None
        assert tracker.modules[tracker.failed.module].path == "0.1"
    assert tracker.failed
