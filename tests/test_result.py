"""What every result can do, whoever made it; and a new format is one file."""

from __future__ import annotations

import ast
import csv
import html
import io
import json
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from support.results import RESULTS

import nincost
import nincost._render.memory
from nincost import _result
from nincost._result import PICTURES, Result, formats, pick_format, render

PACKAGE = Path(nincost.__file__).parent
TEXTS = ("table", "csv", "json", "markdown", "latex", "html")
#: Formats that only some results have.
MORE = {
    "profile": PICTURES, "memory": ("snapshot", *PICTURES), "fit": PICTURES, "compare": PICTURES,
    "report": PICTURES, "run": ("snapshot", *PICTURES), "train": ("jsonl", *PICTURES),
    "sweep": ("parquet", *PICTURES),
}  # fmt: skip


@pytest.fixture(params=RESULTS)
def result(request: pytest.FixtureRequest) -> Result:
    return RESULTS[request.param]()


@pytest.mark.parametrize("folder", RESULTS)
def test_each_result_has_these_formats(folder: str) -> None:
    assert RESULTS[folder]().renderers == folder
    assert formats(folder) == (*TEXTS, *MORE.get(folder, ()))


def test_every_result_of_the_package_is_tested_here() -> None:
    kinds = {type(make()) for make in RESULTS.values()}
    # By name: a dataclass with slots is made a second time from the class as written.
    # A plan needs the emulated GPU: tests/plan has it.
    every = {k.__name__ for k in Result.__subclasses__()} - {"Plan"}
    assert {kind.__name__ for kind in kinds} == every
    assert {getattr(nincost, kind.__name__) for kind in kinds} == kinds


def test_each_method_gives_its_format_and_writes_it(result: Result, tmp_path: Path) -> None:
    for name in ("csv", "json", "markdown", "latex", "html"):
        method = getattr(result, f"to_{name}")
        path = tmp_path / f"result.{name}"
        assert method(path) == method() == render(result, name) == path.read_text("utf-8")
        with pytest.raises(nincost.OutputError, match="--force"):
            method(path)
        method(path, force=True)
    assert str(result) == render(result, "table", width=120)
    assert json.loads(result.to_json()) == json.loads(json.dumps(result.to_dict()))
    assert result.to_dict()["schema"] == 1


def test_the_frame_has_the_csvs_columns_and_rows(result: Result) -> None:
    frame = result.to_dataframe()
    header, *rows = csv.reader(io.StringIO(result.to_csv()))
    if result.renderers in ("profile", "report"):
        header.append("elementwise_flops")
    assert list(frame.columns) == header
    assert len(frame) == len(rows) > 0


def test_repr_is_one_line_with_the_main_figures(result: Result) -> None:
    text = repr(result)
    assert "\n" not in text
    assert len(text) < 300
    assert text.startswith(f"{type(result).__name__}(")
    for value in result.headline().values():
        assert repr(value) in text


class Tags(HTMLParser):
    """A page's tags, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


def test_a_page_is_complete_and_loads_nothing(result: Result) -> None:
    page = result.to_html()
    assert page.startswith("<!doctype html>\n")
    assert "default-src 'none'" in html.unescape(page)
    assert not Tags(page).seen & {"link", "iframe", "object", "embed"}
    if result.renderers not in ("report", "compare"):
        assert "script" not in Tags(page).seen
        assert render(result, "notebook") in page


def test_a_picture_is_a_figure_or_a_clear_error(result: Result, tmp_path: Path) -> None:
    if "svg" in formats(result.renderers):
        assert isinstance(result.plot(tmp_path / "picture.png", width="column"), Figure)
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        assert render(result, "svg").startswith(b"<svg")
    else:
        with pytest.raises(nincost.OutputError, match=f"{result.renderers} has no picture"):
            result.plot()


def test_what_a_result_does_not_have_is_an_error() -> None:
    result = RESULTS["profile"]()
    for name in ("yaml", "text", "figure", "page"):
        with pytest.raises(nincost.OutputError, match=f"profile has no format '{name}': choose"):
            render(result, name)
    with pytest.raises(nincost.InputError, match="has no option 'depth': choose view"):
        render(result, "csv", depth=2)


@pytest.fixture
def outline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A format that a stranger adds: one file in the folder of memory's formats."""
    (tmp_path / "outline.py").write_text(
        "def render(result, *, top=2):\n"
        "    return f'{result.model}: {\", \".join(l.layer for l in result.layers[:top])}\\n'\n"
    )
    package = nincost._render.memory
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "nincost._render.memory.outline", raising=False)
    # The command's choices are made when it is loaded.
    monkeypatch.delitem(sys.modules, "nincost._cli.memory", raising=False)
    yield
    sys.modules.pop("nincost._render.memory.outline", None)
    sys.modules.pop("nincost._cli.memory", None)


@pytest.mark.usefixtures("outline")
def test_a_new_format_is_one_file(nincost_cli, tmp_path: Path) -> None:
    result = RESULTS["memory"]()
    assert "outline" in formats("memory")
    assert "outline" not in formats("fit")
    assert render(result, "outline") == "two-1x1: block1.conv, block1.conv1x1_1\n"
    assert pick_format(None, "a.outline", formats("memory")) == "outline"
    path = tmp_path / "step.outline"
    done = nincost_cli("memory", "--no-measure", "--gpu", "rtx3060", "--top", "1", "-o", path)
    assert done.status == 0, done.err
    assert path.read_text() == "two-1x1: block1.conv\n"
    assert "|outline|" in nincost_cli("memory", "--help").out.replace("\n", "").replace(" ", "")


def imported(path: Path) -> set[str]:
    """The modules that a file imports anywhere in it, in functions and for types, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            found |= {node.module or ""} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def test_only_renderers_and_commands_import_renderers() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] not in ("_render", "_cli"):
            assert not [n for n in imported(path) if n.startswith("nincost._render")], path
    own = {name for name in imported(Path(_result.__file__)) if name.startswith("nincost")}
    assert {name.split(".")[1] for name in own} <= {"errors", "_chinese", "_files"}


def test_each_file_of_a_results_folder_is_a_format_or_one_of_three() -> None:
    for folder in RESULTS:
        for path in (PACKAGE / "_render" / folder).glob("[!_]*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            wanted = {"figure": "draw", "text": "statements"}.get(path.stem, "render")
            if path.stem == "text" and folder in (
                "profile",
                "report",
                "audit",
                "explain",
                "compare",
            ):
                continue
            assert wanted in functions, path
