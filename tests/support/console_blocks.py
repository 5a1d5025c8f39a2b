"""The console blocks of README and docs: what is typed, and what the page says is then printed.

    python tests/support/console_blocks.py [PAGE ...]    # writes today's output into the pages

A block is a ```console fence whose first line is `$ COMMAND`. A line `...` or `[...]` in it stands
for any lines. `<!-- not run: WHY -->` before the fence excepts it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: The terminal that pages show.
COLUMNS = 80
#: Pages show what this torch gives; another one, or its cuDNN, may allocate otherwise.
TORCH = "2.14.1"

_FENCE = re.compile(
    r"(<!-- not run: [^\n]+ -->\n+)?^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_ELISIONS = ("...", "[...]")


@dataclass(frozen=True, slots=True)
class Block:
    """A command as typed, the lines that follow it, and where they stand."""

    page: str
    line: int
    command: str
    output: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def arguments(self) -> list[str]:
        """What follows `nincost`, up to a pipe."""
        words = shlex.split(self.command)
        assert words[0] == "nincost", f"{self.name}: {words[0]} is not run by the test"
        return words[1 : words.index("|")] if "|" in words else words[1:]

    def filtered(self, text: str) -> list[str]:
        """The lines of an output, the first ones where the command is piped into `head -N`."""
        lines = [line.rstrip() for line in text.rstrip("\n").splitlines()]
        cut = re.search(r"\| head -(\d+)$", self.command)
        return lines[: int(cut[1])] if cut else lines


def pages() -> list[Path]:
    """README and all pages of docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The page's blocks that can be run: those that show an output."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        block = _block(page, text[: match.start(2)].count("\n") + 1, match[2])
        if match[1] is None and block.output:
            found.append(block)
    return found


def _block(page: Path, line: int, body: str) -> Block:
    lines = body.splitlines()
    assert lines[0].startswith("$ "), f"{page}:{line}: a console block begins with `$ `"
    command, size = lines[0][2:], 1
    while _is_open(command):
        command += "\n" + lines[size]
        size += 1
    # Several commands without outputs are a list of what can be typed.
    output = () if any(text.startswith("$ ") for text in lines[size:]) else tuple(lines[size:])
    return Block(str(page.relative_to(ROOT)), line, command, output)


def _is_open(command: str) -> bool:
    """Whether a quotation goes on in the next line."""
    try:
        shlex.split(command)
    except ValueError:
        return True
    return command.endswith("\\")


def differences(block: Block, lines: list[str], *, figures: bool) -> str:
    """What the page says otherwise than `lines`, or nothing; digits count only with `figures`."""
    parts = _split(block.output)
    if not figures:
        parts = [[_without_digits(line) for line in part] for part in parts]
        lines = [_without_digits(line) for line in lines]
    place = 0
    for number, part in enumerate(parts):
        if number == 0:
            found = 0
        elif number == len(parts) - 1:
            found = len(lines) - len(part)
        else:
            found = next(
                (n for n in range(place, len(lines)) if lines[n : n + len(part)] == part), -1
            )
        end = found + len(part)
        if found < place or lines[found:end] != part:
            shown = "\n".join(part)
            return f"{block.name} says\n{shown}\nbut the output is\n" + "\n".join(lines)
        place = end
    if len(parts) == 1 and place < len(lines):
        return f"{block.name} leaves out\n" + "\n".join(lines[place:])
    return ""


def _split(output: tuple[str, ...]) -> list[list[str]]:
    """The lines between elisions; a part is empty where an elision begins or ends the block."""
    parts: list[list[str]] = [[]]
    for line in output:
        if line in _ELISIONS:
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    return parts


def _without_digits(line: str) -> str:
    """Words alone: columns are as wide as their figures."""
    return re.sub(r"[\s─]+", " ", re.sub(r"[0-9][0-9.,]*|[kMGT]i?B?\b|\bB\b", "#", line)).strip()


def rewritten(block: Block, lines: list[str]) -> list[str]:
    """The block's output with today's lines; the first and last parts keep their lengths."""
    parts = _split(block.output)
    if len(parts) == 1:
        return lines
    if not differences(block, lines, figures=True):
        return list(block.output)
    if len(parts) > 2:
        raise SystemExit(
            f"{block.name} has several elisions: write it by hand\n" + "\n".join(lines)
        )
    elision = next(line for line in block.output if line in _ELISIONS)
    end = len(parts[-1])
    return [*lines[: len(parts[0])], elision, *(lines[-end:] if end else [])]


def main(names: list[str]) -> None:
    environment = dict(os.environ) | {"COLUMNS": str(COLUMNS), "NO_COLOR": "1", "LANG": "C.UTF-8"}
    for page in [Path(name).resolve() for name in names] or pages():
        for block in blocks(page):
            done = subprocess.run(
                [sys.executable, "-m", "nincost", *block.arguments],
                capture_output=True, text=True, cwd=ROOT, env=environment, check=False,
            )  # fmt: skip
            output = rewritten(block, block.filtered(done.stdout or done.stderr))
            text = page.read_text(encoding="utf-8")
            old = "\n".join([f"$ {block.command}", *block.output, "```"])
            assert text.count(old) == 1, block.name
            page.write_text(text.replace(old, "\n".join([f"$ {block.command}", *output, "```"])))
            print(block.name, "changed" if tuple(output) != block.output else "as it was")


if __name__ == "__main__":
    main(sys.argv[1:])
