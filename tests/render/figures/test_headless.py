"""Pictures where matplotlib has it hard: no display, home, sound setting or LaTeX, or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.trainings import TINY, figures, small

import nincost

ROOT = Path(__file__).resolve().parents[3]

#: Draws a picture without torch, whose import would take most of the time.
DRAW = """
import os, sys
before = dict(os.environ)
from nincost._render.figures.panels import Panel, BarRow, draw_panels, height_of
from nincost._render.figures.picture import new_picture, render
from nincost._render.figures.style import looks
rows = [BarRow("$x_1$", {"macs": (5,)}), BarRow("<b>", {"macs": (7,)})]
with looks():
    picture = new_picture("title", "column", height_of(2))
    draw_panels(picture, [Panel("macs", "MACs", "MACs")], rows, [("#c9def2", "")])
for format in ("png", "pdf", "svg"):
    content = render(picture, format)
sys.stdout.buffer.write(content)
assert dict(os.environ) == before
assert "matplotlib.pyplot" not in sys.modules
"""

ODD = {
    "windows, no display": {"MPLBACKEND": "Qt5Agg", "DISPLAY": None, "WAYLAND_DISPLAY": None},
    "a backend that is none": {"MPLBACKEND": "nonsense"},
    "a module that is not there": {"MPLBACKEND": "module://no.such.module"},
    "no home to write to": {"HOME": "/proc/nowhere", "MPLCONFIGDIR": None, "XDG_CACHE_HOME": None,
                            "XDG_CONFIG_HOME": None},
    "settings that are a file": {"MPLCONFIGDIR": "/dev/null"},
    "no LaTeX": {"PATH": "/nowhere"},
}  # fmt: skip


def environment(**changes: str | None) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    merged = {**os.environ, "PYTHONPATH": path, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def draw(cwd: Path, **changes: str | None) -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", DRAW], capture_output=True, env=environment(**changes), cwd=cwd,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    assert done.returncode == 0
    return done.stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return draw(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_odd_surroundings_make_no_difference(
    plain: bytes, tmp_path: Path, changes: dict[str, str | None]
) -> None:
    (tmp_path / "matplotlibrc").write_text(
        "text.usetex: True\nbackend: Qt5Agg\nsvg.fonttype: path\nfont.family: serif\n"
        "axes.facecolor: black\nno.such.setting: 1\n"
    )
    assert draw(tmp_path, **changes) == plain


def test_the_command_draws_with_everything_odd_at_once(
    tmp_path: Path, nincost_process, nincost_cli
) -> None:
    odd = {"MPLBACKEND": "nonsense", "HOME": "/proc/nowhere", "MPLCONFIGDIR": "/proc/nowhere/x",
           "DISPLAY": "", "PYTHONHASHSEED": "7"}  # fmt: skip
    done = nincost_process("profile", "--output", str(tmp_path / "a.svg"), cwd=tmp_path, **odd)
    assert done.stderr == f"nincost: wrote {tmp_path / 'a.svg'}\n"
    assert nincost_cli("profile", "--output", str(tmp_path / "b.svg")).status == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_users_backend_is_kept_for_pyplot(tmp_path: Path) -> None:
    code = (
        "import nincost._render.figures, matplotlib;"
        "print(matplotlib.rcParams['backend'].lower(), matplotlib.rcParams['text.usetex'])"
    )
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True,
        env=environment(MPLBACKEND="svg"), timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "svg True"


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        drawing = name.startswith("nincost._render") and ".figure" in name
        if drawing or name.split(".")[0] == "matplotlib":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("nincost._render.figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.mark.parametrize(
    "arguments",
    [["profile", "--format", "svg"], ["memory", "--timeline", "step.svg"],
     ["fit", "--gpu", "24GiB", "--output", "fit.pdf"],
     ["compare", "two-1x1", "one-1x1", "--output", "compare.png"],
     ["train", TINY, "--data", "synthetic", "--output", "curves.svg"]],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_message_says_what_to_install(
    nincost_cli, arguments: list[str]
) -> None:
    done = nincost_cli(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err == ("nincost: error: pictures need matplotlib: pip install matplotlib\n")


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_notebooks_still_show_results() -> None:
    memory = nincost.memory("two-1x1", measure=False)
    html = memory._repr_html_()
    assert "peak allocated" in html
    assert "<img" not in html
    with pytest.raises(nincost.OutputError, match=r"pip install matplotlib"):
        memory.plot()


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_a_training_is_complete_and_notes_what_its_folder_lacks(
    tmp_path: Path,
) -> None:
    result = small(folder=tmp_path, epochs=1)
    note = "curves.svg was not written: pictures need matplotlib: pip install matplotlib"
    assert note in result.notes
    files = ["checkpoint.pt", "epochs.csv", "log.jsonl", "result.json"]
    assert sorted(os.listdir(tmp_path)) == files
    assert note in json.loads((tmp_path / "result.json").read_text())["notes"]
    assert figures(result) == figures(small(epochs=1))


def test_a_broken_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from nincost._render.figures import headless

    monkeypatch.setattr(headless, "_PARTS", ("matplotlib.no_such_part",))
    with pytest.raises(nincost.OutputError, match=r"cannot be imported .*: install it again"):
        headless.load_matplotlib()
