"""Torch's settings: read once, and nothing below looks at the process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import nincost
from nincost._devices.settings import Settings, release_of

#: Packages whose answers follow from their arguments alone.
BELOW = ("_devices", "_allocator", "_profile", "_closed_form")
#: The one file that reads the process, on behalf of all others.
READER = "_devices/settings.py"


def test_defaults_are_torchs_own() -> None:
    here = {
        "mkldnn": True,
        "threads": torch.get_num_threads(),
        "torch_release": release_of(torch.__version__),
    }
    assert Settings.read() == Settings(**here)


def test_what_the_process_has_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.EFFICIENT_ATTENTION):
        found = Settings.read()
    assert (found.tf32, found.flash_sdp, found.efficient_sdp) == (False, False, True)
    assert found.variables == {"CUBLAS_WORKSPACE_CONFIG": ":16:8"}
    assert Settings.from_dict(found.to_dict()) == found


def test_deterministic_algorithms_make_convolutions_deterministic() -> None:
    assert not Settings().deterministic_convolutions
    assert Settings(deterministic=True).deterministic_convolutions
    assert Settings(cudnn_deterministic=True).deterministic_convolutions


def test_warn_only_is_read_and_refuses_nothing() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        found = Settings.read()
    finally:
        torch.use_deterministic_algorithms(False)
    assert found.deterministic
    assert not found.refuses_nondeterministic
    assert Settings(deterministic=True).refuses_nondeterministic


def _attributes(tree: ast.AST) -> set[str]:
    """Every dotted name in a module, such as `torch.backends.cudnn`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return found


def test_nothing_below_looks_at_the_process() -> None:
    root = Path(nincost.__file__).parent
    looking = {}
    for package in BELOW:
        for path in (root / package).rglob("*.py"):
            if path == root / READER:
                continue
            names = _attributes(ast.parse(path.read_text(encoding="utf-8")))
            asked = [
                name for name in names
                if name.startswith(("torch.backends", "os.environ", "os.getenv"))
                or name == "torch.are_deterministic_algorithms_enabled"
            ]  # fmt: skip
            if asked:
                looking[str(path.relative_to(root))] = asked
    assert looking == {}
