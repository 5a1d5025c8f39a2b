"""The shape of the package: what may import what, and how large a file or folder may be.

`lint-imports` checks the contracts in pyproject.toml; here is what it cannot say.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.imports import ROOT, circles, import_graph, module_files

#: Where pyproject.toml is: nincost itself may be installed elsewhere.
CHECKOUT = Path(__file__).parents[1]

#: Lines of a file, and files of a folder, that a reader can hold in the head.
MOST_LINES = 350
MOST_FILES = 30


def test_no_module_imports_itself_through_others() -> None:
    assert circles(import_graph()) == []


def test_circles_are_found_through_imports_inside_functions(tmp_path: Path) -> None:
    package = tmp_path / "made"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from made import b\n")
    (package / "b.py").write_text("def late():\n    from made.c import x\n")
    (package / "c.py").write_text("import made.a\nx = 1\n")
    (package / "d.py").write_text("import made.a\n")
    assert circles(import_graph(package)) == [["made.a", "made.b", "made.c"]]


def test_only_renderers_and_commands_import_renderers() -> None:
    imports = {
        name: sorted(other for other in others if other.startswith("nincost._render"))
        for name, others in import_graph().items()
        if not name.startswith(("nincost._render", "nincost._cli"))
    }
    assert {name: others for name, others in imports.items() if others} == {}


@pytest.mark.parametrize("path", module_files().values(), ids=module_files())
def test_a_file_fits_in_the_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_a_folder_has_few_files() -> None:
    files = Counter(path.parent.relative_to(ROOT) for path in module_files().values())
    assert {str(folder): count for folder, count in files.items() if count > MOST_FILES} == {}


def test_each_package_says_what_it_is_for() -> None:
    silent = [
        name
        for name, path in module_files().items()
        if path.name == "__init__.py"
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_the_contracts_are_kept() -> None:
    """import-linter's own command, on pyproject.toml's contracts."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
