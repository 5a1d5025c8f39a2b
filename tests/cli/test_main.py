"""The command line: a mistake gets one clear line and exit status 2; results whole or absent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MISTAKES = [
    # arguments -> what the line must hold
    (["profile", "--variant", "two-1x2"], ["two-1x2", "choose", "did you mean 'two-1x1'"]),
    (["profile", "two-1x2"], ["two-1x2", "did you mean 'two-1x1'"]),
    (["profile", "torchvision:resnet5"], ["resnet5", "resnet50"]),
    (["profile", "timm:resnet5"], ["resnet5", "resnet50"]),
    (["profile", "--input", "0x224x224"], ["0x224x224", "at least 1"]),
    (["profile", "--input", "1xAx3"], ["1xAx3", "'A'", "3x224x224"]),
    (["profile", "--input", "1x-1x3"], ["-1", "whole numbers"]),
    (["profile", "--input", "1x20x20"], ["pool2", "1x256x1x1", "at least 3x3"]),
    (["profile", "--input", "3x224x224"], ["block1.conv", "1x3x224x224", "1 channel"]),
    (["profile", "--input", "1x224x224:float99"], ["float99", "choose"]),
    (["profile", "--batch-size", "-1"], ["-1", "at least 1"]),
    (["profile", "--batch-size", "0"], ["0", "at least 1"]),
    (["profile", "--batch-size", "x"], ["'x'", "integer"]),
    (["profile", "--arg", "x"], ["--arg", "key=value"]),
    (["profile", "--arg", "nm_classes=3"], ["nm_classes", "did you mean 'num_classes'"]),
    (["profile", "--mode", "test"], ["'test'", "eval"]),
    (["profile", "--format", "xml"], ["'xml'", "csv"]),
    (["profile", "--depth", "0"], ["depth is 0", "at least 1"]),
    (["profile", "--top", "-3"], ["top is -3", "at least 1"]),
    (["profile", "--sort", "mac"], ["'mac'", "did you mean 'macs'"]),
    (["profile", "--columns", "layer,mac"], ["'mac'", "choose from"]),
    (["profile", "two-1x1", "--variant", "two-1x1"], ["give one"]),
    (["profile", "a", "b"], ["unexpected extra argument"]),
    (["profile", "--foo"], ["--foo", "nincost profile --help"]),
    (["profil"], ["no command 'profil'", "did you mean 'profile'"]),
    (["profile", "no/such/file.py:Net"], ["no file", "file.py:Class"]),
    (["profile", "no_such_module:Net"], ["no module", "package.module:factory"]),
    (["profile", "torch.nn:Lineer"], ["Lineer", "did you mean 'Linear'"]),
    (["profile", "torch.nn:Linear"], ["needs in_features", "--arg"]),
    (["profile", "hf:/no/such"], ["config.json"]),
    (["check", "two-1x2"], ["did you mean 'two-1x1'"]),
    (["check", "--input", "3x224x224"], ["block1.conv"]),
    (["profile", "--output", "x.xml"], [".csv", "--format"]),
    (["profile", "--output", "/no/such/folder/x.csv"], ["no folder", "/no/such/folder"]),
    (["profile", "--output", "/proc/nincost.csv"], ["/proc/nincost.csv"]),
    (["profile", "--output", "/tmp", "--format", "csv"], ["is a folder"]),
    (["profile", "--output", "/tmp/" + 300 * "a" + ".csv"], ["too long", "another name"]),
    (["variants", "--output", "/no/such/folder/x.csv"], ["no folder"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"), MISTAKES, ids=[" ".join(a)[:60] for a, _ in MISTAKES]
)
def test_a_mistake_is_one_line_and_exit_status_2(
    nincost_cli: Callable[..., Any], arguments: list[str], says: list[str]
) -> None:
    done = nincost_cli(*arguments)
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("nincost: error: ")
    assert [word for word in says if word not in done.err] == []


def test_a_file_stands_in_the_way(nincost_cli: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("mine\n")
    refused = nincost_cli("profile", "--output", str(file))
    assert refused.status == 2
    assert "--force" in refused.err
    assert file.read_text() == "mine\n"
    below = nincost_cli("profile", "--output", str(file / "b.csv"))
    assert below.status == 2
    assert len(below.err.splitlines()) == 1
    forced = nincost_cli("profile", "--output", str(file), "--force")
    assert (forced.status, forced.out) == (0, "")
    assert forced.err == f"nincost: wrote {file}\n"
    assert file.read_text().startswith("layer,type")
    assert nincost_cli("profile", "--output", str(file), "--force", "--quiet").err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_loop_of_links_and_a_dangling_link(
    nincost_cli: Callable[..., Any], tmp_path: Path
) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    assert nincost_cli("profile", "--output", str(loop)).status == 2
    (tmp_path / "link.csv").symlink_to(tmp_path / "target.csv")
    assert nincost_cli("profile", "--output", str(tmp_path / "link.csv")).status == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "target.csv").read_text().startswith("layer,")


@pytest.mark.parametrize(
    ("ending", "start"),
    [(".csv", "layer,type"), (".json", "{"), (".md", "# two-1x1"), (".txt", "two-1x1 on")],
)
def test_the_ending_names_the_format(
    nincost_cli: Callable[..., Any], tmp_path: Path, ending: str, start: str
) -> None:
    file = tmp_path / f"out{ending}"
    assert nincost_cli("profile", "--output", str(file)).status == 0
    assert file.read_text().startswith(start)
    assert file.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failed_profile_leaves_no_file(nincost_cli: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    assert nincost_cli("profile", "--input", "3x3x3", "--output", str(file)).status == 2
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_the_old_file(
    nincost_cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("old\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = nincost_cli("profile", "--output", str(file), "--force")
    assert done.status == 2
    assert "No space left" in done.err
    assert file.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_check_exits_1_where_hand_and_trace_disagree(
    nincost_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch import nn

    from nincost._closed_form import formulas, registry  # noqa: F401  (registers the formulas)

    assert nincost_cli("check", "--no-other-tools").status == 0
    monkeypatch.setitem(
        registry._FORMULAS, nn.ReLU, lambda module, shapes: registry.Working((), (), (1,))
    )
    done = nincost_cli("check", "--no-other-tools")
    assert done.status == 1
    assert "differs" in done.out


@pytest.mark.parametrize("format", ["table", "csv", "json", "markdown"])
@pytest.mark.parametrize("command", ["check", "variants"])
def test_other_commands_speak_all_formats(
    nincost_cli: Callable[..., Any], command: str, format: str
) -> None:
    extra = ["--no-other-tools"] if command == "check" else []
    done = nincost_cli(command, *extra, "--format", format)
    assert (done.status, done.err) == (0, "")
    plain = done.out.replace(",", "")
    assert "33872256" in plain if command == "check" else "762297352" in plain


@pytest.mark.parametrize("command", ["profile", "check", "variants"])
def test_each_help_has_an_example(nincost_cli: Callable[..., Any], command: str) -> None:
    done = nincost_cli(command, "--help")
    assert done.status == 0
    assert re.search(rf"Examples?:\s*nincost {command}", done.out)


def test_nincost_alone_shows_the_help_and_version_the_version(
    nincost_cli: Callable[..., Any],
) -> None:
    import nincost

    alone = nincost_cli()
    assert (alone.status, alone.err) == (0, "")
    assert "Usage: nincost" in alone.out
    assert nincost_cli("--version").out == f"nincost {nincost.__version__}\n"


def test_color_on_a_terminal_unless_it_is_not_wanted(
    nincost_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_coloured(*options: str) -> bool:
        return "\x1b[" in nincost_cli("variants", *options).out

    monkeypatch.delenv("NO_COLOR")
    assert not is_coloured()  # a pipe
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert is_coloured()
    assert not is_coloured("--no-color")
    assert not is_coloured("--format", "csv")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_coloured()


def shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).resolve().parents[2])
    program = f"{sys.executable} -m nincost"
    return subprocess.run(
        ["bash", "-c", command.replace("NINCOST", program)], capture_output=True, text=True,
        cwd=cwd, env={**os.environ, "PYTHONPATH": root}, timeout=120, check=False,
    )  # fmt: skip


def test_a_closed_pipe_is_silent(tmp_path: Path) -> None:
    done = shell("NINCOST profile cifar10 --format json | head -1", tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("{\n", "", 0)


def test_dev_stdout_behind_a_pipe_and_a_redirection(tmp_path: Path) -> None:
    command = "NINCOST profile --format csv --output /dev/stdout --quiet"
    piped = shell(f"{command} | cat", tmp_path)
    assert piped.stderr == ""
    assert piped.stdout.startswith("layer,type")
    appended = shell(f"echo first > a.csv; {command} >> a.csv; cat a.csv", tmp_path)
    assert appended.stdout.startswith("first\nlayer,type")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    done = shell("NINCOST profile > /dev/full", tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("nincost: error: ")
