"""Private names of torch stand in nincost/_torch alone; one that is missing is a clear error."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import nincost
from nincost._torch import names
from nincost.errors import NincostError, TorchVersionError

PACKAGE = Path(nincost.__file__).parent

#: Attributes with an underscore that are no private names of torch, and why.
ALLOWED = {
    "_parameters": "nn.Module keeps its parameters there since its first version",
    "_buffers": "nn.Module's",
    "_modules": "nn.Module's",
    "_replace": "a NamedTuple's own method",
    "_asdict": "a NamedTuple's own method",
    "_fields": "a NamedTuple's own attribute",
    "_exit": "os._exit",
    "_current_frames": "sys._current_frames",
    "_getframe": "sys._getframe",
    "_filters_mutated": "warnings', asked for with getattr",
    "_from_config": "transformers' way to a model without weights",
}

_PRIVATE = re.compile(r"_[^_].*|__dynamo.*")
_DOTTED = re.compile(r"torch(\.\w+)*\._\w+(\.\w+)*")


def own_names(trees: dict[Path, ast.Module]) -> set[str]:
    """Names that nincost itself defines: functions, classes, and what is assigned to self."""
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            ):
                found.add(node.attr)
    return found


def is_operator(node: ast.AST) -> bool:
    """Whether an attribute is one of an operator's namespace: `torch.ops.aten._softmax`."""
    while isinstance(node, ast.Attribute):
        if node.attr == "ops":
            return True
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("aten", "prims")


def texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """The strings of a module but its docstrings."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node


def private_names(tree: ast.Module, own: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not is_operator(node):
            if _PRIVATE.fullmatch(node.attr) and node.attr not in own | set(ALLOWED):
                yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            parts = [*node.module.split("."), *(alias.name for alias in node.names)]
            if parts[0] == "torch" and any(map(_PRIVATE.fullmatch, parts)):
                yield node.lineno, f"from {node.module} import"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _DOTTED.fullmatch(alias.name):
                    yield node.lineno, f"import {alias.name}"
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "setattr", "hasattr", "delattr")
            and isinstance(node.args[1], ast.Constant)
        ):
            name = node.args[1].value
            if _PRIVATE.fullmatch(name) and name not in own | set(ALLOWED):
                yield node.lineno, f"{node.func.id}(..., {name!r})"
    for text in texts(tree):
        if _DOTTED.fullmatch(text.value):
            yield text.lineno, repr(text.value)


def parsed() -> dict[Path, ast.Module]:
    return {
        path.relative_to(PACKAGE): ast.parse(path.read_text())
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "_torch"
    }


def test_private_names_of_torch_stand_in_one_package() -> None:
    trees = parsed()
    own = own_names(trees)
    found = [
        f"nincost/{path}:{line}: {name}"
        for path, tree in trees.items()
        for line, name in private_names(tree, own)
    ]
    assert found == []


@pytest.mark.parametrize(
    "program",
    [
        "node = torch._C._current_autograd_node()",
        "from torch._ops import OpOverload",
        "from torch.nn.modules.conv import _ConvNd",
        "import torch._dynamo",
        "address = storage._cdata",
        "name = func._schema.name",
        "getattr(scaler, '_scale')",
        "loaded = 'torch._dynamo' in sys.modules",
    ],
)
def test_the_rule_sees_each_form_of_a_private_name(program: str) -> None:
    assert list(private_names(ast.parse(program), set()))


def test_the_rule_lets_operators_and_own_names_be() -> None:
    program = "torch.ops.aten._softmax.default(self._x, module._parameters, 'see torch._C of it')"
    assert list(private_names(ast.parse(program), {"_x"})) == []


#: For each name that is taken away: the program that needs it, and what it is needed for.
VANISHED = [
    ("torch._C._current_autograd_node", "memory", "say which layer a gradient belongs to"),
    ("torch._C._autograd._get_sequence_nr", "memory", "say which layer a gradient belongs to"),
    ("torch._C._dispatch_has_kernel_for_dispatch_key", "profile", "operators come apart"),
    ("torch.utils._pytree.tree_map_only", "memory", "walk through a model's arguments"),
    (
        "torch.utils._foreach_utils._get_foreach_kernels_supported_devices",
        "memory",
        "update parameters on meta",
    ),
    ("torch.nn.Module._call_impl", "profile", "which layer an operator belongs to"),
]  # fmt: skip


#: In a fork for each, the name is gone before nincost is imported.
WITHOUT = """
import json, os, sys
import torch
import torch.utils._pytree, torch.optim
torch.__version__ = "2.99.0"
for name, command, options in json.loads(sys.argv[1]):
    if os.fork():
        os.wait()
        continue
    home, _, last = name.rpartition(".")
    net = torch.nn.Linear(4, 4)
    exec(f"del {home}.{last}")
    import nincost
    try:
        getattr(nincost, command)(net, input="4", **options)
    except nincost.NincostError as error:
        print(json.dumps([name, type(error).__name__, str(error)]), flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """Of each name the type and the text of the error."""
    asked = [
        (name, command, {"clip_grad_norm": 1.0} if command == "memory" else {})
        for name, command, _ in VANISHED
    ]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, json.dumps(asked)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name: words for name, *words in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize(("name", "purpose"), [(v[0], v[2]) for v in VANISHED])
def test_a_name_that_torch_has_no_more_is_a_clear_error(
    name: str, purpose: str, said: dict[str, list[str]]
) -> None:
    kind, text = said[name]
    assert kind == "TorchVersionError"
    assert text.startswith("this torch (2.99.0) has no torch.")
    assert name.rpartition(".")[2] in text
    assert purpose in text
    assert "install one of torch 2.11" in text


def test_a_bound_name_that_does_something_else_is_an_error_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch._C, "_current_autograd_node", lambda: 1)
    node = names.bound("_C._current_autograd_node", "know it", fits=lambda found: found() is None)
    with pytest.raises(TorchVersionError, match=r"_current_autograd_node .* to know it: install"):
        node()
    assert issubclass(TorchVersionError, NincostError)
    unknown = names.bound("_C._no_such_name", "know it")
    with pytest.raises(TorchVersionError, match=r"no torch\._C\._no_such_name"):
        unknown()


def test_a_bound_name_is_torchs_own_object() -> None:
    """So that what is called for each operator costs nothing more."""
    from nincost._torch.autograd import autograd_node, next_sequence_number

    assert autograd_node is torch._C._current_autograd_node
    assert next_sequence_number is torch._C._autograd._get_sequence_nr
