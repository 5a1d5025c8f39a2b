"""The emulated CUDA is compiled once, whole or absent, with errors that say what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nincost import _c_libraries
from nincost._emulator import elf, library
from nincost.errors import EmulatorError


def test_symbols_are_those_that_nm_lists(tmp_path: Path) -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("no nm")
    path = library.torch_of(sys.executable).folder / "lib" / "libc10_cuda.so"
    for option, found in (("--undefined-only", elf.undefined), ("--defined-only", elf.defined)):
        lines = subprocess.run([nm, "-D", option, path], capture_output=True, text=True, check=True)
        names = {line.split()[-1].partition("@")[0] for line in lines.stdout.splitlines()}
        assert found(path) - {""} == names


def test_a_text_is_no_library(tmp_path: Path) -> None:
    path = tmp_path / "text.so"
    path.write_text("no library")
    with pytest.raises(ValueError, match="no 64-bit ELF file"):
        elf.undefined(path)


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_c_libraries.shutil, "which", lambda name: None)
    monkeypatch.setattr(_c_libraries.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmulatorError, match="pip install ziglang"):
        library.library()
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(EmulatorError, match="set XDG_CACHE_HOME"):
        library.library()


def test_a_broken_compilation_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(library, "compiler", lambda: ["false"])
    with pytest.raises(EmulatorError, match="could not compile"):
        library.library()
    assert list((tmp_path / "nincost").iterdir()) == []


def test_a_compiler_without_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As Debian installs gcc without what it recommends."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiler = tmp_path / "cc"
    said = "stream.c:6:10: fatal error: pthread.h: No such file or directory"
    compiler.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(library, "compiler", lambda: [str(compiler)])
    with pytest.raises(EmulatorError, match=r"no headers of the C library: install .*libc6-dev"):
        library.library()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_what_other_compilers_refuse() -> None:
    """clang, and with it ziglang, takes no pointer for one of another type."""
    strict = ["-Werror=incompatible-pointer-types", "-Werror=int-conversion"]
    sources = sorted(library.RUNTIME.glob("*.c"))
    command = ["gcc", "-std=gnu11", "-fsyntax-only", *strict, f"-I{library.RUNTIME}", *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library.sys, "platform", "darwin")
    with pytest.raises(EmulatorError, match=r"nincost memory.*which works everywhere"):
        library.library()


def test_a_torch_without_cuda(tmp_path: Path) -> None:
    folder = tmp_path / "torch"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "version.py").write_text("__version__ = '2.14.1+cpu'\ncuda: str | None = None\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with pytest.raises(EmulatorError, match=r"torch 2\.14\.1\+cpu .* is built without CUDA"):
        library.library(str(python))
