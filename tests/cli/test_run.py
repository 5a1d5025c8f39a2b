"""`nincost run` on the command line: mistakes, and whose an option is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.emulated import needs_emulator

from nincost._emulator.results import Run
from nincost.errors import InputError

pytestmark = needs_emulator

SCRIPTS = Path(__file__).resolve().parents[1] / "emulator" / "scripts"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no script is given: nincost run --gpu h100 train.py"),
        (("--gpu", "h100", "absent.py"), "there is no script 'absent.py': expected a Python file"),
        (("--gpu", "h1000", "net.py"), "unknown GPU 'h1000'"),
        (("--ranks", "12", "net.py"), "12 ranks are no whole number of nodes of 8"),
        (("--python", "absent", "net.py"), "there is no interpreter 'absent'"),
    ],
)
def test_mistakes_on_the_command_line(
    arguments: tuple[str, ...], words: str, nincost_cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SCRIPTS)
    done = nincost_cli("run", *arguments)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_all_behind_the_script_is_its_own(
    nincost_cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options that nincost has too, and arguments as Hydra takes them."""
    given: list[Any] = []

    def instead(script: str, args: tuple[str, ...], **options: Any) -> Run:
        given.append((script, args, options["steps"]))
        raise InputError("enough")

    monkeypatch.setattr("nincost._emulator.run.run", instead)
    own = ("--steps", "9", "+model.width=512", "~loss", "-m", "--", "--gpu=t4")
    assert nincost_cli("run", "--steps", "2", "train.py", *own).status == 2
    assert given == [("train.py", own, 2)]
