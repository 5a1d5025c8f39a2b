"""What is said of a script that did not end well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nincost._emulator.failure import failure_of
from nincost._emulator.results import Assumed

ENDED = {
    "how": "exception", "line": ("/home/me/train.py", 9, "<module>"),
    "chain": [("builtins.RuntimeError", "sizes should be greater than 0\nand more")],
}  # fmt: skip


def read_at(line: str, via: str) -> Assumed:
    return Assumed("value", "copy to the host", "8 bytes", line, "", via, 1, False)


def test_a_line_that_failed_for_want_of_values_says_so() -> None:
    said = failure_of(ENDED, "train.py", "the end", [read_at("train.py:9", "roi_heads.py:285")])
    assert said.startswith("train.py failed at train.py:9: RuntimeError: sizes should be greater")
    assert "It had read what only a card knows at roi_heads.py:285" in said
    assert "--assume" in said


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("net = AutoModelForCausalLM.from_pretrained('gpt2')", "from_config"),
        ("net = resnet18(weights=ResNet18_Weights.DEFAULT)", "weights=None"),
        ("net = timm.create_model('resnet18', pretrained=True)", "pretrained=False"),
        ("data = MNIST('data', download=True)", "made-up tensors"),
        ("tokenizer = AutoTokenizer.from_pretrained('gpt2')", "made-up tokens"),
    ],
)
def test_what_to_do_without_a_download(code: str, words: str, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(f"{code}\n")
    ended = {"how": "exception", "line": (str(script), 1, "<module>"),
             "chain": [("urllib.error.URLError", "<urlopen error>")]}  # fmt: skip
    said = failure_of(ended, "train.py", "the end")
    assert said.startswith("train.py wants something from the network at train.py:1 `")
    assert words in said


def test_other_lines_are_no_reason() -> None:
    elsewhere = [read_at("train.py:19", "a.py:1"), read_at("mytrain.py:9", "a.py:1")]
    assert "only a card" not in failure_of(ENDED, "train.py", "the end", elsewhere)


def test_who_starts_the_script_imports_no_torch() -> None:
    """The script's own process does; a second import would take as long as a small script."""
    code = (
        "import sys, nincost._cli.run, nincost._emulator.run, nincost._render.run.table\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
