"""Two processes give what one gives: its own masks of dropout, too, and an uneven last batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.trainings import TINY
from torch import nn
from torch.nn import functional

from nincost._train import checkpoint
from nincost._train.distributed import GlobalDropout, Ranks, has_batch_norm
from nincost._train.train import train

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
@pytest.mark.parametrize("rows", [0, 1, 2, 7, 128])
def test_shards_are_the_whole_in_order(world_size: int, rows: int) -> None:
    shards = [Ranks(rank, world_size).shard(rows) for rank in range(world_size)]
    assert [row for shard in shards for row in range(rows)[shard]] == list(range(rows))
    sizes = [shard.stop - shard.start for shard in shards]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("inplace", [False, True])
def test_the_ranks_masks_together_are_one_process_mask(inplace: bool) -> None:
    given = torch.rand(7, 3, 4) + 1
    layer = nn.Dropout(0.5, inplace=inplace)
    torch.manual_seed(5)
    whole = layer(given.clone())
    found = []
    for rank in range(3):
        rows = Ranks(rank, 3).shard(7)
        torch.manual_seed(5)
        with GlobalDropout(rows, 7):
            found.append(layer(given[rows].clone()))
    assert torch.equal(torch.cat(found), whole)
    assert 0 < (whole == 0).sum() < whole.numel()


def test_what_has_not_the_batch_first_is_left_alone() -> None:
    given = torch.ones(5, 7)
    torch.manual_seed(5)
    expected = functional.dropout(given, 0.3)
    torch.manual_seed(5)
    with GlobalDropout(slice(0, 3), 6):
        assert torch.equal(functional.dropout(given, 0.3), expected)
        assert torch.equal(functional.dropout(given, 0.3, training=False), given)


def test_batch_norm_is_noticed() -> None:
    assert has_batch_norm(nn.Sequential(nn.BatchNorm2d(3)))
    assert not has_batch_norm(nn.Sequential(nn.SyncBatchNorm(3), nn.GroupNorm(1, 3)))


SHARED: dict[str, Any] = {
    "data": "synthetic", "resize": 28, "optimizer": "Adam", "lr": 0.01, "batch_size": 32,
    "limit": 129, "test_limit": 101, "device": "cpu", "epochs": 3,
}  # fmt: skip


def run_two(folder: Path, **changes: Any) -> dict[str, Any]:
    """The command under torchrun with two processes; its JSON."""
    options = {**SHARED, **changes, "folder": folder, "format": "json"}
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "-m", "nincost", "train", TINY, *(word for word in given if word != "--resume=True"),
            *(["--resume"] if changes.get("resume") else []),
        ],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)  # one document: only the first rank speaks
    return result


def check_same(two: dict[str, Any], folder: Path) -> None:
    """Two processes' figures and weights against one's."""
    one = train(TINY, **SHARED)
    for left, right in zip(one.to_dict()["epochs"], two["epochs"], strict=True):
        for name in ("train_loss", "test_loss"):
            assert right[name] == pytest.approx(left[name], rel=1e-5)
        for name in ("train_accuracy", "test_accuracy", "examples"):
            assert right[name] == left[name]
    kept = checkpoint.load(folder / "checkpoint.pt").model
    assert one.module is not None
    for name, value in one.module.state_dict().items():
        torch.testing.assert_close(kept[name], value, rtol=1e-4, atol=1e-5)


def test_two_processes_give_the_numbers_of_one(tmp_path: Path) -> None:
    """129 examples in batches of 32: the last one is a single row, so one rank has none."""
    two = run_two(tmp_path / "two")
    check_same(two, tmp_path / "two")
    assert two["processes"] == 2
    assert two["speed"]["device"].startswith("2 x ")
    assert two["notes"] == []


@pytest.mark.slow
def test_two_processes_go_on_where_they_stopped(tmp_path: Path) -> None:
    run_two(tmp_path, epochs=1, save_every=2)
    check_same(run_two(tmp_path, resume=True), tmp_path)
