"""Whose a file is, by where it lies."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
import torch

import nincost
from nincost._emulator.observe.user_code import UserCode, packages_of

NINCOST = Path(nincost.__file__).parent
INSTALLED = "/venv/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("/home/me/train.py", "user"),
        ("/home/me/nincost/examples/train.py", "user"),
        ("/home/me/torch/train.py", "user"),
        ("<stdin>", "user"),
        ("<string>", "other"),  # what dataclasses generate
        (f"{INSTALLED}/torchvision/models/resnet.py", "library"),
        (f"{INSTALLED}/torch/nn/modules/conv.py", "other"),
        (f"{INSTALLED}/triton/runtime/jit.py", "other"),
        (str(NINCOST / "_torch/observation.py"), "other"),
        ("/home/me/.cache/nincost/torchinductor_runs/ab/cd.py", "other"),
        (f"{sysconfig.get_paths()['stdlib']}/runpy.py", "other"),
        ("<frozen runpy>", "other"),
    ],
)
def test_owners(file: str, owner: str) -> None:
    assert UserCode().owner(file) == owner


def test_nincost_is_known_through_a_link(tmp_path: Path) -> None:
    """As a script's process imports it from the cache (`library.SITE`)."""
    (tmp_path / "nincost").symlink_to(NINCOST)
    assert UserCode().owner(str(tmp_path / "nincost/_torch/observation.py")) == "other"


def test_a_package_that_is_run_as_a_module_is_the_users() -> None:
    import click

    (folder,) = packages_of(["-m", "click.testing"])
    assert folder == str(Path(click.__file__).parent)
    assert UserCode([folder]).owner(click.__file__) == "user"
    assert packages_of(["-m", "torch.distributed.run"]) == packages_of(["train.py"]) == ()
    assert UserCode().owner(torch.__file__) == "other"
