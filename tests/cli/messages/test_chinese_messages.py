"""What is refused is said in Chinese where Chinese is spoken, for each case of these tables."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from support.messages import Case, run

HERE = Path(__file__).parent


@pytest.mark.parametrize("table", ["audit", "compare", "report", "explain", "memory"])
def test_refusals_are_said_in_chinese(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    left = []
    for number, case in enumerate(runpy.run_path(str(HERE / f"{table}.py"))["CASES"]):
        if not isinstance(case, Case):
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        for line in run(case, folder).err.splitlines():
            said = line.removeprefix("nincost: 错误：")
            if said != line and not re.search("[\u4e00-\u9fff]", said):
                left.append((case.name, said))
    assert left == []
