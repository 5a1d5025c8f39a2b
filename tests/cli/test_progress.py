"""What a long command shows on a terminal, and what it writes to a log."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

import nincost
from nincost._cli.progress import _Line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_what_is_done_and_how_far_it_has_come(
    nincost_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nincost._cli.progress._AFTER", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    line = ("fit", "one-1x1", "--gpu", "2GiB")
    stderr = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        shown = nincost_cli(*line, columns=80)
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stderr.getvalue())
    assert re.search(r"predicting batch [0-9,]+ [━╸╺ ]+ 0:[0-9]{2}:[0-9]{2}", said)
    assert stderr.getvalue().endswith("\x1b[2K")  # the line is gone at the end
    for option, term in (("--quiet", "xterm"), ("--verbose", "dumb")):
        silent = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", silent)
            patch.setenv("TERM", term)
            assert nincost_cli(*line, option, columns=80).out == shown.out
        assert "predicting" not in silent.getvalue()
    piped = nincost_cli(*line, columns=80)
    assert (piped.out, piped.err) == (shown.out, "")


def test_how_far_it_has_come_and_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr("nincost._cli.progress._AFTER", 3600.0)
    monkeypatch.setenv("COLUMNS", "80")
    line = _Line("memory", color=False)
    line.show("predicting --amp bfloat16", 3, 7)
    line.start()
    line.stop()
    assert re.search(r"predicting --amp bfloat16 .* 3 of 7, about 0:00 left", stderr.getvalue())
    line.start()  # too late: nothing more is written
    assert stderr.getvalue().count("predicting") <= 2


def test_a_log_has_a_line_each_minute(
    nincost_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("fit", "one-1x1", "--gpu", "2GiB")
    monkeypatch.setattr("nincost._cli.progress_log._EVERY", 0.001)
    said = nincost_cli(*line).err.splitlines()
    assert any(
        re.fullmatch(r"nincost fit: predicting batch [0-9,]+ \(0:0\d\)", one) for one in said
    )
    assert nincost_cli(*line, "--quiet").err == ""


def test_nobody_is_told_in_python(capsys: pytest.CaptureFixture[str]) -> None:
    nincost.fit("one-1x1", gpu="1GiB")
    assert capsys.readouterr() == ("", "")
