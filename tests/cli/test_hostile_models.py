"""Whatever a model does: one line and exit status 2, or the right count; and stdout is ours."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import warnings
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.forked import run_forked

HOSTILE = str(Path(__file__).parents[1] / "support" / "hostile.py")

#: Model -> what its line says.
REFUSED = {
    "Exits": ["layer 'Exits'", "ended the program", "hostile.py, line"],
    "ExitsEarly": ["could not be built", "SystemExit: 7"],
    "Recursive": ["layer 'Recursive'", "calls itself without end", "hostile.py, line"],
    "CallsItself": ["layer 'CallsItself'", "calls itself without end"],
    "BuildsItself": ["could not be built", "RecursionError"],
    "HoldsItself": ["HoldsItself", "nested without end"],
    "FailsUnnamed": ["layer 'FailsUnnamed'", "RuntimeError: inner"],
    "RaisesUnspeakable": ["layer 'RaisesUnspeakable'", "Unspeakable"],
    "RaisesNothing": ["on 1x4: RuntimeError (hostile.py, line"],
    "RaisesBase": ["Base2: no Exception"],
    "RaisesBaseEarly": ["could not be built", "Base2: no Exception"],
    "RaisesGeneratorExit": ["GeneratorExit"],
    "RaisesStopIteration": ["StopIteration"],
    "RaisesMemoryError": ["MemoryError"],
    "RaisesBrokenPipe": ["BrokenPipeError: mine"],
    "RaisesClick": ["UsageError: the model's"],
    "RaisesAbort": ["Abort"],
    "RaisesOurs": ["the model's own"],
    "RaisesEscapes": ["ValueError: \\x1b[31mred\\x00\\u202eeee"],
    "OwnNamedModules": ["named_modules", "hostile.py, line"],
    "OwnParameters": ["parameters", "hostile.py, line"],
    "OwnTrain": ["train", "hostile.py, line"],
    "OwnSetattr": ["setattr", "hostile.py, line"],
    "NotSetUp": ["super().__init__()"],
    "NoForward": ["forward"],
    "NoModule": ["'NoModule'", "nn.Module"],
    "GivesAnother": ["'int'", "nn.Module"],
    "UsesThread": ["layer 'fc'", "thread of its own"],
    "Asks": ["EOFError"],
}

#: Model -> its parameters and MACs, counted by hand: fc has 4*4 + 4 and 4*4.
COUNTED = {
    "GivesGenerator": (20, 16),
    "GivesNone": (20, 16),
    "GivesText": (20, 16),
    "GivesOdd": (20, 16),
    "GivesDeep": (20, 16),
    "GivesBomb": (20, 16),
    "MakesLayerOnce": (40, 32),
    "MakesLayerAlways": (40, 32),
    "DropsLayer": (20, 16),
    "ReplacesParameter": (32, 32),  # 8 outputs, no bias
    "Untouchable": (20, 16),
    "OwnCall": (20, 16),
    "LeavesThread": (20, 16),
    "ChangesEverything": (20, 16),
    "Misnamed": (20, 16),
}


@pytest.mark.parametrize("command", ["profile", "memory"])
@pytest.mark.parametrize(("model", "says"), REFUSED.items(), ids=list(REFUSED))
def test_refused_in_one_line(
    nincost_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: str, model: str,
    says: list[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO())
    done = nincost_cli(command, f"{HOSTILE}:{model}", "--input", "4")
    assert (done.status, done.out) == (2, "")
    line = done.err.removeprefix("? ")
    assert line.startswith("nincost: error: ")
    assert line.rstrip("\n").isprintable()
    assert len(line) < 700
    assert [word for word in says if word not in line] == []


@pytest.mark.parametrize(("model", "counts"), COUNTED.items(), ids=list(COUNTED))
def test_counted_in_full(
    nincost_cli: Callable[..., Any], model: str, counts: tuple[int, int]
) -> None:
    done = nincost_cli("profile", f"{HOSTILE}:{model}", "--input", "4", "--format", "json")
    assert done.status == 0, done.err
    totals = json.loads(done.out)["totals"]
    assert (totals["params"], totals["macs"]) == counts


def test_a_layer_made_anew_in_each_run_is_told(nincost_cli: Callable[..., Any]) -> None:
    done = nincost_cli("profile", f"{HOSTILE}:MakesLayerAlways", "--input", "4")
    assert "makes layers anew each time it runs (more)" in " ".join(done.out.split())
    once = nincost_cli("profile", f"{HOSTILE}:MakesLayerOnce", "--input", "4", "--format", "csv")
    assert [line.split(",")[:2] for line in once.out.splitlines()[1:]] == [
        ["fc", "Linear"], ["more", "Linear"],
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["check", "explain", "fit", "compare"])
@pytest.mark.parametrize("model", ["Exits", "RaisesBase", "OwnTrain", "NotSetUp", "UsesThread"])
def test_other_commands_refuse_as_well(
    nincost_cli: Callable[..., Any], command: str, model: str
) -> None:
    more = {"fit": ["--gpu", "24GiB", "--input", "4"], "compare": ["two-1x1", "--inputs", "4"]}
    done = nincost_cli(command, f"{HOSTILE}:{model}", *more.get(command, ["--input", "4"]))
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1


def test_check_survives_an_output_that_holds_itself() -> None:
    """jit's tracing, which fvcore uses, ended the process with a segmentation fault."""
    done = run_forked("check", f"{HOSTILE}:GivesOdd", "--input", "4", "--format", "json")
    assert done.status == 0
    assert json.loads(done.out)["totals"]["fvcore_macs"] == 16


@pytest.mark.parametrize(
    "model", ["Prints", "ClosesStdout", "ClosesDescriptors", "NoStdout", "ChangesEverything"]
)
def test_stdout_has_the_result_and_nothing_else(model: str, tmp_path: Path) -> None:
    plain = run_forked("profile", f"{HOSTILE}:Base", "--input", "4", "--format", "csv")
    done = run_forked("profile", f"{HOSTILE}:{model}", "--input", "4", "--format", "csv")
    assert (done.status, done.out) == (0, plain.out)
    if model == "Prints":
        assert set(done.err.splitlines()) == {"print", "descriptor", "dunder"}
    into = run_forked(
        "profile", f"{HOSTILE}:{model}", "--input", "4", "--output", "a.csv", cwd=tmp_path
    )
    assert (into.status, into.out) == (0, b"")
    assert (tmp_path / "a.csv").read_bytes() == plain.out


def test_what_a_model_prints_at_exit_goes_to_stderr(
    nincost_process: Callable[..., Any],
) -> None:
    done = nincost_process("profile", f"{HOSTILE}:Prints", "--input", "4", "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith("layer,type")
    assert len(done.stdout.splitlines()) == 2
    assert "at exit" in done.stderr


def test_what_cannot_be_caught() -> None:
    """os._exit ends the process at once, as documented in docs/security.md."""
    done = run_forked("profile", f"{HOSTILE}:Vanishes", "--input", "4")
    assert (done.status, done.out, done.err) == (5, b"", "")


def test_interrupted_and_terminated() -> None:
    done = run_forked("profile", f"{HOSTILE}:Interrupts", "--input", "4")
    assert (done.status, done.out, done.err) == (130, b"", "nincost: error: interrupted\n")
    done = run_forked("memory", f"{HOSTILE}:Terminates", "--input", "4")
    assert (done.status, done.out, done.err) == (143, b"", "nincost: error: terminated\n")


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
def test_a_signal_is_not_lost_where_the_exception_is(
    monkeypatch: pytest.MonkeyPatch, number: int, status: int, word: str
) -> None:
    """As in torch's import of numpy, where any error is ignored."""
    monkeypatch.setenv("SIGNAL_TO_SWALLOW", str(int(number)))
    done = run_forked(
        "profile", f"{HOSTILE}:SwallowsSignal", "--input", "4",
        before=lambda: signal.signal(number, signal.default_int_handler),  # tests run under nohup
    )  # fmt: skip
    assert (done.status, done.out, done.err) == (status, b"", f"nincost: error: {word}\n")


def test_a_signal_that_is_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    monkeypatch.setenv("SIGNAL_TO_SWALLOW", str(int(signal.SIGHUP)))
    done = run_forked(
        "profile", f"{HOSTILE}:SwallowsSignal", "--input", "4",
        before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    assert done.status == 0


@pytest.mark.parametrize(
    ("model", "words"), [("WaitsInThread", "(poller) did not end"), ("NeverExits", "at exit")]
)
def test_what_a_model_leaves_running_ends_with_the_process(
    nincost_process: Callable[..., Any], model: str, words: str
) -> None:
    done = nincost_process("profile", f"{HOSTILE}:{model}", "--input", "4", "--format", "csv")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("command", "model", "where"),
    [
        ("profile", "Loops", "layer 'Loops' (Loops) (hostile.py, line"),
        ("memory", "Sleeps", "layer 'Sleeps' (Sleeps) (hostile.py, line"),
        ("explain", "LoopsEarly", "hostile.py:LoopsEarly (hostile.py, line"),
    ],
)
def test_the_timeout_names_the_layer_and_leaves_no_file(
    command: str, model: str, where: str, tmp_path: Path
) -> None:
    output = tmp_path / "a.csv"
    done = run_forked(
        command, f"{HOSTILE}:{model}", "--input", "4", "--timeout", "1.2", "--output", str(output)
    )
    assert (done.status, done.out) == (2, b"")
    assert len(done.err.splitlines()) == 1
    assert "not done after 1.2 s" in done.err
    assert where in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_timeout_ends_a_model_that_swallows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nincost._cli.time_limit._GRACE", 0.3)
    done = run_forked("profile", f"{HOSTILE}:SwallowsAll", "--input", "4", "--timeout", "1.2")
    assert (done.status, done.out) == (2, b"")
    assert len(done.err.splitlines()) == 1
    assert "SwallowsAll.evil (hostile.py, line" in done.err


def test_a_timeout_that_is_long_enough_changes_nothing(nincost_cli: Callable[..., Any]) -> None:
    plain = nincost_cli("profile", "--format", "csv")
    assert nincost_cli("profile", "--format", "csv", "--timeout", "300") == plain
    import threading

    import nincost

    assert threading.active_count() < 10
    assert nincost.profile("two-1x1").totals.params == 1_992_166


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e300"])
def test_a_timeout_of_no_length(nincost_cli: Callable[..., Any], seconds: str) -> None:
    done = nincost_cli("profile", "--timeout", seconds)
    assert done.status == 2
    assert "timeout is" in done.err


def test_names_are_harmless_in_every_format(
    nincost_cli: Callable[..., Any], tmp_path: Path
) -> None:
    """No terminal, spreadsheet, Markdown or HTML reader takes a layer's name for anything else."""
    model = f"{HOSTILE}:Named"
    for command in ("profile", "memory", "explain", "check"):
        more = ["--loss", "sum"] if command == "memory" else []
        more += ["--no-other-tools"] if command == "check" else []
        for kind in ("table", "csv", "json", "markdown"):
            out = nincost_cli(command, model, "--input", "4", "--format", kind, *more).out
            assert out, (command, kind)
            assert all(line.isprintable() for line in out.split("\n")), (command, kind)
            if kind == "csv":
                cells = [cell for row in csv.reader(io.StringIO(out)) for cell in row]
                assert not [c for c in cells if c.startswith(tuple("=+@\t\r＝"))]
            if kind == "markdown":
                assert "<" not in out
                assert not re.search(r"(?<!\\)[`\[\]~$]|!\[", out)
                for line in out.splitlines():
                    if line.startswith("|"):
                        assert len(re.findall(r"(?<!\\)\|", line)) in {3, 7, 12, 13, 14}
    timeline = tmp_path / "a.svg"
    done = nincost_cli(
        "memory", model, "--input", "4", "--loss", "sum", "--timeline", str(timeline)
    )
    assert done.status == 0
    from xml.etree import ElementTree

    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(timeline).iter()}
    assert "script" not in tags


def test_names_are_harmless_in_a_notebook() -> None:
    from nincost import profile

    tags: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            tags.add(tag)
            assert not [name for name, _ in attrs if name.startswith("on")]

    Reader().feed(profile(f"{HOSTILE}:Named", input="4")._repr_html_())
    assert tags <= {"p", "b", "br", "table", "thead", "tbody", "tr", "th", "td"}


def test_a_model_that_changes_everything_changes_nothing_here() -> None:
    import os
    import sys

    import torch

    import nincost

    def world() -> dict[str, Any]:
        cudnn = torch.backends.cudnn
        return {
            "dtype": torch.get_default_dtype(), "device": torch.get_default_device(),
            "grad": torch.is_grad_enabled(), "threads": torch.get_num_threads(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "precision": torch.get_float32_matmul_precision(),
            "cudnn": (cudnn.benchmark, cudnn.deterministic, cudnn.enabled),
            "anomaly": torch.is_anomaly_enabled(), "filters": list(warnings.filters),
            "recursion": sys.getrecursionlimit(), "folder": os.getcwd(),
            "stdout": sys.stdout, "path": list(sys.path),
        }  # fmt: skip

    before = world()
    for run in (nincost.profile, nincost.check, nincost.memory):
        more = {"loss": "sum"} if run is nincost.memory else {}
        run(f"{HOSTILE}:ChangesEverything", input="4", **more)
        assert world() == before
    with torch.device("meta"):
        nincost.profile(f"{HOSTILE}:ChangesEverything", input="4")
    assert world() == before


def test_two_folders_with_modules_of_one_name(
    nincost_cli: Callable[..., Any], tmp_path: Path
) -> None:
    """`compare old/net.py:Net new/net.py:Net` took the first folder's layers for both."""
    for name, width in (("old", 3), ("new", 5)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "sizes_of_it.py").write_text(f"WIDTH = {width}\n")
        (folder / "net.py").write_text(
            "from torch import nn\nfrom sizes_of_it import WIDTH\n"
            "class Net(nn.Linear):\n    def __init__(self): super().__init__(4, WIDTH)\n"
        )
    done = nincost_cli(
        "compare", f"{tmp_path}/old/net.py:Net", f"{tmp_path}/new/net.py:Net", "--inputs", "4",
        "--no-memory", "--format", "json",
    )  # fmt: skip
    shapes = re.findall(r'"(?:left|right)_output_shape": "1x(\d)"', done.out)
    assert shapes == ["3", "5"], done.err


def test_a_model_may_import_its_neighbours_late(
    nincost_cli: Callable[..., Any], tmp_path: Path
) -> None:
    """As `python net.py` lets it: in its constructor, and in its forward."""
    (tmp_path / "late_one.py").write_text("OUT = 3\n")
    (tmp_path / "late_two.py").write_text("def twice(x): return 2 * x\n")
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        import late_one\n"
        "        self.fc = nn.Linear(4, late_one.OUT)\n"
        "    def forward(self, x):\n"
        "        import late_two\n"
        "        return late_two.twice(self.fc(x))\n"
    )
    for command in ("profile", "memory"):
        done = nincost_cli(command, f"{tmp_path}/net.py:Net", "--input", "4", "--format", "csv")
        assert done.status == 0, done.err
