"""What an older torch asks for otherwise, in its place: such a torch is not installed here."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nincost._emulator.observe.observer import Observed
from nincost._emulator.observe.shards import note_shards
from nincost._emulator.ranks import world
from nincost._emulator.values.kernels import passes_check
from nincost._torch import distributed
from nincost._torch.observation import memory_snapshot


def test_a_snapshot_of_all_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until torch 2.6 the function knows of no memory pool."""
    taken = {"segments": []}
    monkeypatch.setattr(torch._C, "_cuda_memorySnapshot", lambda: taken, raising=False)
    assert memory_snapshot() is taken
    monkeypatch.setattr(torch._C, "_cuda_memorySnapshot", lambda pool: taken, raising=False)
    assert memory_snapshot() is taken


def test_a_group_of_gloo_is_of_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until torch 2.6 the fake group's class is called, and `new_group` asks what it made."""

    class Fake:
        def __init__(self, rank: int, size: int) -> None:
            self.made = rank, size

    c10d = torch.distributed.distributed_c10d
    monkeypatch.setattr(c10d, "ProcessGroupGloo", None, raising=False)
    monkeypatch.setattr(distributed, "fake_process_group", lambda: Fake)
    world._replace_gloo(torch)
    made: Any = c10d.ProcessGroupGloo(None, 1, 2, timeout=None)  # type: ignore[call-arg, arg-type]
    made._set_sequence_number_for_group()
    assert made.made == (1, 2)
    assert isinstance(made, c10d.ProcessGroupGloo)


def test_multinomial_reads_that_its_numbers_are_valid() -> None:
    """The first read of the call is answered with true, none after it."""
    asked: list[Any] = []

    class Runtime:
        @staticmethod
        def nincost_emulated_answer(many: int, value: int) -> None:
            asked.append((many, value))

    def own(*_: Any) -> None:
        asked.append("own")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        passes_check(own, Runtime)(torch.ones(3), 1)
    assert asked == [(1, 1), "own", (0, 0)]


def test_a_dtensor_is_found_where_torch_keeps_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch 2.4's `torch.distributed.tensor` is empty, and may be imported all the same."""

    class Sharded:
        shape = (10, 3)
        placements = (SimpleNamespace(dim=0),)
        device_mesh = SimpleNamespace(mesh=torch.arange(4))

    group = {"params": [torch.zeros(1), Sharded()]}
    for there in ("torch.distributed.tensor", "torch.distributed._tensor"):
        for name in ("torch.distributed.tensor", "torch.distributed._tensor"):
            known = {"DTensor": Sharded} if name == there else {}
            monkeypatch.setitem(sys.modules, name, SimpleNamespace(**known))
        seen = Observed()
        note_shards(seen, SimpleNamespace(param_groups=[group]))
        assert set(seen.shards) == {(1, 4, 10)}
