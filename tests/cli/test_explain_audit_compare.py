"""The commands explain, audit and compare: formats, exit status, standard input, 80 columns."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ANSWER = "96*(11*11*1+1) + (1*1*96*96)*2 = 30144"


def test_audit_exit_status_and_formats(nincost_cli: Callable[..., Any], tmp_path: Path) -> None:
    right = nincost_cli("audit", "--params", "1992166")
    assert (right.status, right.err) == (0, "")
    assert "right: 1,992,166 parameters" in right.out
    wrong = nincost_cli("audit", "--params", ANSWER, "one-1x1", "--format", "json")
    assert wrong.status == 1
    assert json.loads(wrong.out)["model"] == "one-1x1"
    table = pd.read_csv(
        io.StringIO(nincost_cli("audit", "--params", ANSWER, "--format", "csv").out)
    )
    assert list(table["verdict"])[:2] == ["right", "wrong"]
    path = tmp_path / "answer.txt"
    path.write_text("macs: 762297352", encoding="utf-8")
    assert nincost_cli("audit", str(path), "two-1x1").status == 0
    assert nincost_cli("audit", str(path), "one-1x1").status == 1
    grade = nincost_cli("audit", str(path), "--output", str(tmp_path / "grade.md"))
    assert grade.status == 0
    assert (tmp_path / "grade.md").read_text().startswith("# two-1x1: audit")


def test_audit_reads_standard_input(monkeypatch: Any, nincost_cli: Callable[..., Any]) -> None:
    class Stdin:
        buffer = io.BytesIO("参数：1,992,166".encode())

    monkeypatch.setattr("sys.stdin", Stdin())
    assert nincost_cli("audit", "-").status == 0


def test_an_exported_profile_is_graded_as_right(
    nincost_cli: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "answer.csv"
    assert nincost_cli("profile", "--output", str(path)).status == 0
    done = nincost_cli("audit", str(path))
    assert done.status == 0
    assert done.out.count("right:") == 3
    frame = pd.read_csv(path)
    assert frame["macs"].sum() == 762_297_352
    page = tmp_path / "answer.md"
    page.write_text(nincost_cli("profile", "--format", "markdown").out, encoding="utf-8")
    done = nincost_cli("audit", str(page))
    assert (done.status, done.out.count("right:")) == (0, 2)
    page.write_text(page.read_text("utf-8").replace("| 11,712 |", "| 11,616 |"), encoding="utf-8")
    done = nincost_cli("audit", str(page))
    assert (done.status, done.out.count("right:")) == (1, 1)
    assert "block1.conv" in done.out


MISTAKES = [
    (["audit"], "nothing to grade"),
    (["audit", "no-such-file.txt"], "No such file"),
    (["audit", "--params", "96*(11*11"], "expected )"),
    (["audit", "--params", ""], "empty"),
    (["audit", "--params", "10^9^9^9"], "up to 64"),
    (["audit", "--params", "1+" * 60_000 + "1"], "100,000"),
    (["audit", "--macs", "1", "two-1x2"], "did you mean 'two-1x1'"),
    (["explain", "--layer", "nope"], "there is no layer 'nope'"),
    (["explain", "--lang", "fr"], "'fr'"),
    (["compare"], "no model"),
    (["compare", "two-1x1"], "one model alone"),
    (["compare", "two-1x1", "--batch-sizes", "1,b"], "1,128"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    nincost_cli: Callable[..., Any], arguments: list[str], words: str
) -> None:
    done = nincost_cli(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert words in done.err.splitlines()[0]
    assert "Traceback" not in done.err


def test_the_caret_stands_under_the_character(nincost_cli: Callable[..., Any]) -> None:
    message, text, caret = nincost_cli("audit", "--params", "96*(11*%1)").err.splitlines()
    assert message.startswith("nincost: error: unexpected '%' at character 8")
    assert text[caret.index("^")] == "%"


def test_files_that_are_no_answers(nincost_cli: Callable[..., Any], tmp_path: Path) -> None:
    cases = {
        b"": "empty", b"layer,type\na,b\n": "no column named", b"\xff\xfa\x00\x81": "UTF-8",
        b"1+" * 300_000: "100,000",
    }  # fmt: skip
    for number, (data, words) in enumerate(cases.items()):
        path = tmp_path / f"{number}.txt"
        path.write_bytes(data)
        done = nincost_cli("audit", str(path))
        assert (done.status, done.out) == (2, "")
        assert words in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "--params", ANSWER],
        ["explain"],
        ["explain", "--lang", "zh"],
        ["explain", "--topic", "padding", "--lang", "zh"],
        ["compare", "two-1x1", "one-1x1"],
        ["compare", "two-1x1", "one-1x1", "fc-head"],
    ],
)
def test_screens_fit_80_columns(nincost_cli: Callable[..., Any], arguments: list[str]) -> None:
    from rich.cells import cell_len

    done = nincost_cli(*arguments, columns=80)
    assert max(map(cell_len, done.out.splitlines())) <= 80


def test_explain_in_every_format(nincost_cli: Callable[..., Any]) -> None:
    done = nincost_cli("explain", "--layer", "block1.conv")
    assert "(224 + 2*0 - 11)/4 + 1 = 54.25, rounded down to 54" in done.out
    frame = pd.read_csv(io.StringIO(nincost_cli("explain", "--format", "csv").out))
    assert frame["params"].sum() == 1_992_166
    document = json.loads(nincost_cli("explain", "--lang", "zh", "--format", "json").out)
    assert document["lang"] == "zh"
    assert "卷积" in json.dumps(document, ensure_ascii=False)
    assert nincost_cli("explain", "--format", "markdown").out.startswith("# two-1x1")


def test_compare_in_every_format(nincost_cli: Callable[..., Any]) -> None:
    done = nincost_cli("compare", "one-1x1", "two-1x1")
    assert done.status == 0
    assert "8 added" in done.out
    assert "block1.relu " not in done.out
    assert "block1.relu " in nincost_cli("compare", "one-1x1", "two-1x1", "--all").out
    frame = pd.read_csv(
        io.StringIO(nincost_cli("compare", "one-1x1", "two-1x1", "--format", "csv").out)
    )
    assert frame["params_change"].sum() == 1_992_166 - 1_769_112
    many = nincost_cli("compare", "two-1x1", "--batch-sizes", "1,2,4", "--format", "json")
    assert json.loads(many.out)["ratios"]["macs"] == [1.0, 2.0, 4.0]


def test_a_ratio_has_a_cell_of_its_own(nincost_cli: Callable[..., Any]) -> None:
    line = ("compare", "two-1x1", "--batch-sizes", "1,2,4", "--no-memory", "--format")
    frame = pd.read_csv(io.StringIO(nincost_cli(*line, "csv").out))
    assert list(frame["macs"]) == [762_297_352 * n for n in (1, 2, 4)]
    assert list(frame["macs_ratio"]) == [1.0, 2.0, 4.0]
    page = nincost_cli(*line, "markdown").out
    assert "| 1,524,594,704 | 2.000 |" in page
    latex = nincost_cli(*line, "latex").out
    assert r"S[table-format=10.0]" in latex
    assert r"{macs\_ratio}" in latex
