"""README and docs show what the command prints today."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.console_blocks import COLUMNS, ROOT, TORCH, Block, blocks, differences, pages
from support.emulated import needs_emulator

from nincost._cli.main import COMMANDS

BLOCKS = [block for page in pages() for block in blocks(page)]
RUNS = [block for block in BLOCKS if block.arguments[0] == "run"]


@pytest.mark.parametrize("block", [b for b in BLOCKS if b not in RUNS], ids=lambda b: b.name)
def test_a_console_block(
    block: Block, nincost_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    done = nincost_cli(*block.arguments, columns=COLUMNS)
    lines = block.filtered(done.out or done.err)
    assert not differences(block, lines, figures=torch.__version__.startswith(TORCH))


@needs_emulator
@pytest.mark.parametrize("block", RUNS, ids=lambda b: b.name)
def test_a_script_on_the_emulated_gpu(block: Block, nincost_process: Callable[..., Any]) -> None:
    done = nincost_process(*block.arguments, cwd=ROOT, COLUMNS=str(COLUMNS), NO_COLOR="1")
    lines = block.filtered(done.stdout)
    assert not differences(block, lines, figures=torch.__version__.startswith(TORCH))


def test_blocks_can_differ() -> None:
    """The comparison sees a changed figure, a missing line and one too many."""
    block = Block("page", 1, "nincost x", ("a 1", "...", "b 2 MiB"))
    assert not differences(block, ["a 1", "any", "b 2 MiB"], figures=True)
    assert differences(block, ["a 1", "any", "b 30 GiB"], figures=True)
    assert not differences(block, ["a 1", "any", "b  30 GiB"], figures=False)
    assert differences(block, ["any", "b 2 MiB"], figures=False)
    assert differences(Block("page", 1, "nincost x", ("a",)), ["a", "b"], figures=False)


def test_readme_is_short_and_every_command_has_a_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 180
    linked = re.findall(r"\[`(\w+)`\]\(docs/(\w+)\.md\)", readme)
    assert {name for name, _ in linked} == set(COMMANDS)
    assert all((ROOT / "docs" / f"{page}.md").exists() for _, page in linked)
