"""The notebooks in examples/, run by a kernel of this interpreter, say what is known to be true."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "examples" / "nin_four_questions.ipynb"
FITS = ROOT / "examples" / "does_it_fit.ipynb"


def outputs(notebook: Any, kind: str) -> list[str]:
    """What the cells show of one MIME type; `text` is what they print."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if kind == "text" and output.output_type == "stream":
                found.append(output.text)
            elif kind in output.get("data", {}):
                found.append(output.data[kind])
    return found


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run(NOTEBOOK, tmp_path_factory.mktemp("notebook"))


def run(path_of_notebook: Path, folder: Path) -> Any:
    """The notebook with the outputs of a run in an empty folder, which stays empty."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    surroundings = {
        "PYTHONPATH": path, "HOME": "/proc/nowhere", "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_PATH": "",
    }  # fmt: skip
    work = folder / "work"
    work.mkdir()
    notebook = nbformat.read(path_of_notebook, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in surroundings.items():
            patch.setenv(name, value)
        client = nbclient.NotebookClient(
            notebook,
            timeout=120,
            kernel_name="python3",
            resources={"metadata": {"path": str(work)}},
        )
        client.execute()
    assert list(work.iterdir()) == []
    return notebook


def test_it_runs_and_gives_the_textbooks_numbers(executed: Any) -> None:
    said = "".join(outputs(executed, "text"))
    assert "1,992,166 parameters by hand, 1,992,166 counted" in said
    assert "762,297,352 MACs by hand, 762,297,352 counted" in said
    assert "223,054 parameters and 92,412,356 MACs less" in said
    assert "1544.2 MiB for all outputs" in said  # 4 B * 3,162,598 values * 128
    assert "Traceback" not in said
    answers, profile = outputs(executed, "text/html")[:2]
    for question in ("parameters?", "computation?", "train?", "infer?"):
        assert question in answers
    assert "1,992,166" in answers
    assert "97,574,061,056 MACs" in answers  # 128 times the textbook's
    assert "762,297,352" in profile
    assert len(outputs(executed, "image/png")) == 3


def test_what_is_committed_is_what_it_says_today(executed: Any) -> None:
    """Figures of memory aside: what scratch cuDNN takes depends on the version installed."""
    committed = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(committed)
    exact = [text for text in outputs(committed, "text") if "by hand" in text or "less" in text]
    assert exact == [t for t in outputs(executed, "text") if "by hand" in t or "less" in t]
    assert outputs(committed, "text/html")[1:] == outputs(executed, "text/html")[1:]


@pytest.mark.slow
def test_the_second_asks_whether_it_fits(tmp_path: Path) -> None:
    executed = run(FITS, tmp_path)
    said = "".join(outputs(executed, "text"))
    assert "DOES NOT FIT" in outputs(executed, "text/html")[0]
    assert "GiB  fits" in said
    assert len(outputs(executed, "image/png")) == 1
    nbformat.validate(nbformat.read(FITS, as_version=4))


@pytest.mark.parametrize("notebook", [NOTEBOOK, FITS], ids=lambda path: path.stem)
def test_what_is_committed_is_small_and_names_no_machine(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    assert len(text) < 300_000
    for word in ("/home/", "/root/", "/tmp/", "/Users/", "<script"):
        assert word not in text
