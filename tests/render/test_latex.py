"""LaTeX: booktabs, numbers in columns of numbers, text that sets as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.hostile_names import HOSTILE, named
from support.results import RESULTS

import nincost
from nincost._render import latex

#: Each character that LaTeX reads as more than itself, and how it is written.
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "[": "{[}", "*": "{*}",
}  # fmt: skip


def cells(line: str) -> list[str]:
    """A line of a tabular, without the end of the row."""
    assert line.endswith(r" \\")
    return re.split(r"(?<!\\) & ", line[:-3])


@pytest.mark.parametrize("name", RESULTS)
def test_each_result_is_a_tabular_with_plain_numbers(name: str) -> None:
    result = RESULTS[name]()
    lines = result.to_latex().splitlines()
    assert lines[0] == r"% \usepackage{booktabs,siunitx}"
    kinds = re.fullmatch(r"\\begin\{tabular\}\{(.*)\}", lines[1])
    assert kinds is not None
    columns = re.findall(r"l|S\[table-format=[^\]]+\]", kinds[1])
    assert "".join(columns) == kinds[1]
    assert [lines[2], lines[4], *lines[-2:]] == [
        r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    heading, *rows = map(cells, [lines[3], *lines[5:-2]])
    assert rows
    for row in (heading, *rows):
        assert len(row) == len(columns)
    for place, kind in enumerate(columns):
        if kind != "l":
            assert re.fullmatch(r"\{.*\}", heading[place])
            for row in rows:
                assert re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?|\{\}", row[place]), row[place]


def test_numbers_are_the_results() -> None:
    result = nincost.profile("two-1x1")
    rows = [cells(line) for line in result.to_latex().splitlines()[5:-2]]
    assert [int(row[4]) for row in rows[:-1]] == [layer.macs for layer in result.layers]
    assert rows[-1][3:5] == ["1992166", "762297352"]


def test_the_format_of_numbers_is_as_wide_as_the_widest() -> None:
    text = latex.write(("a", "b", "c", "d"), [(1, -2.5, None, "x"), (1000, 10.25, 7, None)])
    assert "{S[table-format=4.0]S[table-format=-2.2]S[table-format=1.0]l}" in text
    assert r"1 & -2.5 & {} & x \\" in text
    assert r"1000 & 10.25 & 7 & {} \\" in text


@pytest.mark.parametrize(("character", "written"), SPECIAL.items())
def test_text_is_escaped(character: str, written: str) -> None:
    assert latex.escape(f"a{character}b") == f"a{written}b"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_sets_it(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if name.isascii()]
    body = nincost.profile(named(*names), input="2").to_latex()
    (tmp_path / "a.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,siunitx}\\begin{document}\n"
        f"{body}\\end{{document}}\n"
    )
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
