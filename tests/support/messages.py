"""Cases of error messages, how they are run, and which places of the source they came from."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nincost
from nincost.errors import NincostError

ROOT = Path(nincost.__file__).parent
KINDS = ("NincostError", "ModelError", "InputError", "ExpressionError", "OutputError",
         "UncountedError")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A mistake on the command line and what its line says.

    `{tmp}` in arguments stands for a fresh folder with `files` in it. `around` is entered first:
    a package that is missing, a disk that is full.
    """

    arguments: str | list[str]
    says: list[str]
    status: int = 2
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    stdin: str | bytes | None = ""
    around: Callable[[], contextlib.AbstractContextManager[Any]] | None = None

    @property
    def name(self) -> str:
        text = self.arguments if isinstance(self.arguments, str) else " ".join(self.arguments)
        return " ".join(text.split())[:70]


@dataclass(frozen=True)
class PythonCase:
    """A mistake that only Python can make: `call` raises an error that says `says`."""

    name: str
    call: Callable[[Path], Any]
    says: list[str]
    around: Callable[[], contextlib.AbstractContextManager[Any]] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a case gave, and the places where it raised errors of ours."""

    status: int
    out: str
    err: str
    sites: frozenset[str]


def run(case: Case | PythonCase, folder: Path) -> Outcome:
    """Run a case in this process."""
    found: set[tuple[str, int]] = set()
    out, err = io.StringIO(), io.StringIO()
    status = 0
    around = case.around() if case.around else contextlib.nullcontext()
    with _recorded(found), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), around:
        if isinstance(case, PythonCase):
            try:
                case.call(folder)
            except NincostError as error:
                status = error.exit_status
                err.write(f"nincost: error: {error}\n")
        else:
            status = _command(case, folder)
    return Outcome(status, out.getvalue(), err.getvalue(), frozenset(map(_key, sorted(found))))


def _command(case: Case, folder: Path) -> int:
    from nincost._cli.main import run as command

    for name, content in case.files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    words = case.arguments.split() if isinstance(case.arguments, str) else case.arguments
    stdin = case.stdin.encode() if isinstance(case.stdin, str) else case.stdin
    given = None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin))
    real, sys.stdin = sys.stdin, given  # type: ignore[assignment]
    try:
        command([word.replace("{tmp}", str(folder)) for word in words])
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 0
    finally:
        sys.stdin = real
    return 0


@contextlib.contextmanager
def _recorded(found: set[tuple[str, int]]) -> Iterator[None]:
    """Note where each error of ours is made."""

    def note(self: NincostError, *args: Any) -> None:
        Exception.__init__(self, *args)
        frame: Any = sys._getframe(1)
        while frame.f_code.co_filename == str(ROOT / "errors.py"):
            frame = frame.f_back
        found.add((frame.f_code.co_filename, frame.f_lineno))

    NincostError.__init__ = note  # type: ignore[assignment]
    try:
        yield
    finally:
        del NincostError.__init__


def sites() -> dict[str, tuple[str, int, int]]:
    """Every place in the package that makes an error: its name, file, first and last line.

    Named after file, function and the message's first words, which outlive line numbers.
    """
    found: dict[str, tuple[str, int, int]] = {}
    for file in sorted(ROOT.rglob("*.py")):
        if file.name == "errors.py":
            continue
        for node, function in _calls(ast.parse(file.read_text(encoding="utf-8"))):
            place = f"{file.relative_to(ROOT).as_posix()} {function}: {_words(node)}"
            assert place not in found, f"two messages alike: {place}"
            found[place] = (str(file), node.lineno, node.end_lineno or node.lineno)
    return found


def _calls(node: ast.AST, function: str = "") -> Iterator[tuple[ast.Call, str]]:
    for child in ast.iter_child_nodes(node):
        name = child.name if isinstance(child, ast.FunctionDef) else function
        called = child.func if isinstance(child, ast.Call) else None
        if isinstance(child, ast.Call) and isinstance(called, ast.Name) and called.id in KINDS:
            yield child, name
        yield from _calls(child, name)


def _words(call: ast.Call) -> str:
    """The message's constant parts, up to 40 characters; its source where it has none."""
    texts = [
        part.value
        for argument in call.args[:1]
        for part in ast.walk(argument)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    words = " ".join(" ".join(texts).split())
    return words[:40] or ast.unparse(call)[:60]


def _key(place: tuple[str, int]) -> str:
    file, line = place
    for name, (where, first, last) in sites_cached().items():
        if where == file and first <= line <= last:
            return name
    return f"{os.path.relpath(file, ROOT)}:{line}"


_sites: dict[str, tuple[str, int, int]] = {}


def sites_cached() -> dict[str, tuple[str, int, int]]:
    if not _sites:
        _sites.update(sites())
    return _sites
