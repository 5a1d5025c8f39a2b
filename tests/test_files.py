"""A result's file is whole or absent: killed, interrupted, on a full disk, twice at once."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.forked import run_forked

import nincost
from nincost import _files
from nincost._files import write_file
from nincost._render.profile import table

FORMATS = ["table", "csv", "json", "markdown", "svg", "snapshot", "fit"]


@functools.cache
def contents(kind: str) -> tuple[bytes, bytes]:
    """Two results in a format, as the commands write them."""
    found = []
    for model in ("two-1x1", "one-1x1"):
        if kind in ("svg", "snapshot"):
            made = nincost.memory(model, batch_size=2)
            path = Path(os.environ["PYTEST_TMP"]) / kind
            (made.to_timeline if kind == "svg" else made.to_snapshot)(path, force=True)
            found.append(path.read_bytes())
            continue
        if kind == "fit":
            found.append(nincost.fit(model, gpu="2GiB").to_csv().encode())
            continue
        profile = nincost.profile(model)
        text = {
            "table": lambda p: table.render(p, width=80), "csv": lambda p: p.to_csv(),
            "json": lambda p: p.to_json(), "markdown": lambda p: p.to_markdown(),
        }[kind](profile)  # fmt: skip
        found.append(text.encode())
    assert found[0] != found[1]
    return found[0], found[1]


def kill_while_writing(file: Path, choices: tuple[bytes, bytes], kills: int) -> int:
    """Kill a process that writes the two in turn, at random moments; gives how many files it left.

    After each kill the file is one of the two, and there is one temporary file at most.
    """
    chance = random.Random(file.name)
    left = 0
    for _ in range(kills):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                write_file(file, choices[1], force=True)
                os.write(writer, b".")
                for turn in range(1_000_000):
                    write_file(file, choices[turn % 2], force=True)
            os._exit(3)
        os.close(writer)
        assert os.read(reader, 1) == b"."
        os.close(reader)
        time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert file.read_bytes() in choices
        names = {path.name for path in file.parent.iterdir()} - {file.name}
        assert len(names) <= 1
        assert all(name.startswith(".nincost-") and name.endswith(".tmp") for name in names)
        left += len(names)
    write_file(file, choices[0], force=True)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == choices[0]
    return left


@pytest.fixture(autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path_factory.mktemp("contents")))


def test_killed_at_any_moment_the_file_is_the_old_or_the_new(tmp_path: Path) -> None:
    big = (b"old\n" * 300_000, b"new\n" * 300_000)
    kill_while_writing(tmp_path / "a.csv", big, 15)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_killed_200_times_in_each_format(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    left = kill_while_writing(tmp_path / "result", contents(kind), 200)
    with capsys.disabled():
        print(f" {kind}: 200 kills, {left} temporary files left and removed", end="")


@pytest.mark.parametrize("at", [0.02, 0.05, 0.08, 0.11, 0.14, 0.2])
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_interrupted_at_any_moment(
    tmp_path: Path, number: int, status: int, word: str, at: float
) -> None:
    done = run_forked(
        "memory", "--batch-size", "8", "--output", "a.csv", cwd=tmp_path, signals=((at, number),)
    )
    names = [path.name for path in tmp_path.iterdir()]
    if done.status == 0:  # it was quicker
        assert names == ["a.csv"]
        return
    assert done.status in (status, -number)  # the latter before the command had begun
    if done.status == status:
        wrote, _, after = done.err.rpartition("nincost: wrote a.csv\n")
        assert (done.out, wrote, after) == (b"", "", f"nincost: error: {word}\n")
        assert names == ["a.csv"] or "wrote" not in done.err
    assert names in ([], ["a.csv"])


def test_a_file_has_the_mode_of_any_other_and_threads_keep_theirs(tmp_path: Path) -> None:
    """The process's umask was 0 for a moment, in which other threads made files for everybody."""
    stop, modes = threading.Event(), set()

    def other() -> None:
        while not stop.is_set():
            number = os.open(tmp_path / "other", os.O_CREAT | os.O_WRONLY, 0o666)
            modes.add(os.fstat(number).st_mode & 0o777)
            os.close(number)
            (tmp_path / "other").unlink()

    before = os.umask(0o027)
    thread = threading.Thread(target=other)
    thread.start()
    try:
        for number in range(200):
            write_file(tmp_path / f"{number % 4}.csv", "a\n", force=True)
    finally:
        stop.set()
        thread.join()
        os.umask(before)
    assert modes == {0o640}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
    (tmp_path / "0.csv").chmod(0o604)
    write_file(tmp_path / "0.csv", "b\n", force=True)
    assert (tmp_path / "0.csv").stat().st_mode & 0o777 == 0o604


def small_disk() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


@pytest.mark.parametrize("arguments", [(), ("--format", "html")], ids=["text", "bytes"])
def test_a_short_write_is_no_whole_one(arguments: tuple[str, ...]) -> None:
    """Unbuffered, 1,024 of 4,434 bytes were written, with exit status 0."""
    done = run_forked("profile", *arguments, before=small_disk, unbuffered=True)
    assert done.status == 2
    assert "could not be written: File too large" in done.err


def test_stdout_that_does_not_block() -> None:
    """A slow reader of a pipe: a write gives up where the pipe is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    parts: list[bytes] = []

    def read() -> None:
        while part := os.read(reader, 1000):
            parts.append(part)
            time.sleep(0.001)

    thread = threading.Thread(target=read)
    thread.start()
    done = run_forked(
        "profile", "torchvision:densenet201", "--format", "json",
        before=lambda: os.dup2(writer, 1),
    )  # fmt: skip
    os.close(writer)
    thread.join()
    os.close(reader)
    assert (done.status, done.err) == (0, "")
    content = b"".join(parts)
    assert len(content) > 200_000
    assert json.loads(content)["totals"]["params"] == 20_013_928


def test_a_process_at_work_keeps_its_temporary_file(tmp_path: Path) -> None:
    with _files._temporary(tmp_path) as (file, name):
        file.write(b"mine")
        done = run_forked("variants", "--output", "b.csv", cwd=tmp_path)
        assert done.status == 0
        assert name.exists()
        dead = tmp_path / ".nincost-dead.tmp"
        dead.write_bytes(b"half")
        other = tmp_path / ".nincost-notes.txt"
        other.write_bytes(b"the user's")
        write_file(tmp_path / "c.csv", "c\n")
        assert name.exists()
        assert not dead.exists()
        assert other.exists()
    assert not name.exists()


def test_many_at_once_write_one_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    texts = [f"{number}\n" * 10_000 for number in range(8)]
    threads = [
        threading.Thread(
            target=lambda text: [write_file(file, text, force=True) for _ in range(10)],  # type: ignore[func-returns-value]
            args=(text,),
        )
        for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_name_of_255_bytes(tmp_path: Path) -> None:
    """Its temporary file's name was longer than a name may be."""
    file = tmp_path / (251 * "n" + ".csv")
    write_file(file, "whole\n")
    assert file.read_text() == "whole\n"


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for it: the write itself fails, after a part of it."""
    (tmp_path / "a.json").write_text("old\n")

    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    done = run_forked("profile", "--output", "a.json", "--force", cwd=tmp_path, before=small)
    assert (done.status, done.out) == (2, b"")
    assert "'a.json' could not be written: File too large" in done.err
    assert (tmp_path / "a.json").read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = run_forked("profile", "--output", "a.csv", cwd=tmp_path)
    assert (done.status, done.out) == (2, b"")
    assert "cannot be written to" in done.err


COMMANDS = {
    "profile": ["profile"],
    "memory": ["memory", "--no-suggest"],
    "fit": ["fit", "--gpu", "2GiB"],
    "time": ["time", "--no-suggest"],
    "check": ["check", "--no-other-tools"],
    "explain": ["explain", "--layer", "block1.conv"],
    "audit": ["audit", "--params", "11712 + 3"],
    "compare": ["compare", "two-1x1", "one-1x1", "--no-memory"],
    "variants": ["variants"],
}


def closed_pipe() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *((command, "table") for command in COMMANDS),
        *(("profile", kind) for kind in ("csv", "json", "markdown")),
        *(
            pytest.param(command, kind, marks=pytest.mark.slow)
            for command in COMMANDS
            for kind in ("csv", "json", "markdown")
        ),
    ],
)
def test_a_closed_pipe_is_silent(command: str, kind: str) -> None:
    done = run_forked(*COMMANDS[command], "--format", kind, before=closed_pipe)
    assert (done.status, done.err) == (0, "")


def full() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["profile", "check"])
def test_a_full_disk_behind_stdout(command: str) -> None:
    done = run_forked(*COMMANDS[command], "--format", "json", before=full)
    assert done.status == 2
    assert len(done.err.splitlines()) == 1
    assert "No space left on device" in done.err


@pytest.mark.parametrize("numbers", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_started_without_streams(numbers: tuple[int, ...], tmp_path: Path) -> None:
    """As by cron or a daemon, `>&-`: no traceback, and a file is written all the same."""

    def close() -> None:
        for number in numbers:
            os.close(number)

    done = run_forked("profile", "--output", "a.csv", cwd=tmp_path, before=close)
    assert done.status == 0
    assert (tmp_path / "a.csv").read_text().startswith("layer,type")
    done = run_forked("profile", "--format", "csv", before=close)
    assert "Traceback" not in done.err
    assert "should not happen" not in done.err
    assert done.status == (2 if 1 in numbers else 0)
    if numbers == (1,):
        assert done.err.startswith("nincost: error: standard output is closed: ")
    failed = run_forked("profile", "nothing", before=close)
    assert failed.status == 2
    if 0 in numbers:
        asked = run_forked("audit", "-", "--output", "b.csv", cwd=tmp_path, before=close)
        assert asked.status == 2
        assert "should not happen" not in asked.err


def test_odd_paths(tmp_path: Path) -> None:
    """Spaces, quotes, line feeds, bytes that are no UTF-8: written, and told in one line."""
    for name in (
        "a b.csv",
        'it\'s "so".csv',
        "two\nlines.csv",
        "\udcff\udcfe.csv",
        "-x.csv",
        "ü.csv",
    ):
        done = run_forked("profile", f"--output={tmp_path}/{name}")
        assert (done.status, done.out) == (0, b"")
        assert len(done.err.splitlines()) == 1
        assert (tmp_path / name).read_bytes().startswith(b"layer,type")
        again = run_forked("profile", f"--output={tmp_path}/{name}")
        assert again.status == 2
        assert "--force" in again.err
        assert len(again.err.splitlines()) == 1


def test_a_fifo_gets_the_result(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.csv"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE) as reader:
        done = run_forked("profile", "--output", str(fifo))
        assert done.status == 0
        assert reader.stdout is not None
        assert reader.stdout.read().startswith(b"layer,type")
    assert fifo.is_fifo()
