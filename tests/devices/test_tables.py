"""The tables of a device: gathered from its package alone, and immutable."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from support.cuda_steps import Apply, taken, timeline

import nincost
from nincost._devices import cuda
from nincost._devices.declare import declarations_in, rule
from nincost._devices.tables import device_tables, gather

#: A family's file with all that a made-up operator does: the one place that is touched to add one.
MADE_UP = '''
"""Made-up operators on CUDA."""

import torch

from nincost._devices.declare import layout, rule, substitute
from nincost._devices.output_layouts import row_major
from nincost._devices.rules import alloc, free, out


@substitute("aten.kron")
def joined_kron(target, left, right):
    return torch.ops.nincost_made_up.join(left, right)


@layout("nincost_made_up.join.default")
def join_layout(left, right):
    return (row_major((7, left.shape[1]), left.dtype),)


@rule("nincost_made_up.join", source="made_up.cu")
def join(call):
    return [alloc("scratch", 1000), out(0), free("scratch")]
'''


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "made_up.py").write_text(MADE_UP)
    monkeypatch.setattr(cuda, "__path__", [*cuda.__path__, str(tmp_path)])
    device_tables.cache_clear()
    with torch.library._scoped_library("nincost_made_up", "FRAGMENT") as library:
        library.define("join(Tensor left, Tensor right) -> Tensor")
        yield
    device_tables.cache_clear()
    del sys.modules["nincost._devices.cuda.made_up"]


@pytest.mark.usefixtures("made_up")
def test_an_operator_is_added_in_one_place() -> None:
    told = timeline(Apply(lambda x: torch.kron(x, x)), "64", batch=8, inference=True)
    assert taken(told, "nincost_made_up.join") == [1000, 7 * 64 * 4]
    assert told.uncounted == ()
    assert "made_up.cu" in {used.source for used in told.used_rules}


def test_without_it_the_composites_own_parts_run() -> None:
    told = timeline(Apply(lambda x: torch.kron(x, x)), "64", batch=8, inference=True)
    assert taken(told, "nincost_made_up.join") == []
    assert taken(told, "aten.mul") == [64 * 4096 * 4]


@pytest.mark.parametrize("device", ["meta", "cpu", "cuda"])
def test_nothing_changes_tables(device: str) -> None:
    tables = device_tables(device)
    for field in dataclasses.fields(tables):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(tables, field.name, {})
    for table in (tables.operators, tables.substitutes, tables.meta_kernels, tables.rules):
        with pytest.raises(TypeError):
            table["aten.add"] = None


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_devices_own_declaration_comes_before_metas(device: str) -> None:
    everywhere, own = device_tables("meta").operators, device_tables(device).operators
    assert set(everywhere) <= set(own)
    name = "aten.native_dropout.default"
    assert (own[name].layout is everywhere[name].layout) is (device == "cpu")


def test_two_declarations_of_one_aspect_are_refused() -> None:
    module = ModuleType("made_up")
    for name in ("first", "second"):

        @rule("aten.made_up", source="made_up.cu")
        def allocates(_call: object) -> list[object]:
            return []

        allocates.__module__ = "made_up"
        setattr(module, name, allocates)
    assert len(list(declarations_in(module))) == 2
    with pytest.raises(ValueError, match=r"made_up: a second rule for aten\.made_up"):
        gather("cuda", [[module]])


#: Imports some modules in the order given, then says what is declared, and by which function.
PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from nincost._devices.tables import device_tables
for device in ("cuda", "meta", "cpu"):
    tables = device_tables(device)
    for name, known in tables.operators.items():
        for aspect in ("layout", "in_place", "refusal", "correction"):
            function = getattr(known, aspect)
            print(device, aspect, name, function and (function.__module__, function.__qualname__))
    for name, rule in tables.rules.items():
        print(device, name, rule.function.__module__, rule.function.__qualname__, rule.source)
    print(device, *tables.substitutes, *tables.meta_kernels)
"""


def test_the_order_of_imports_changes_nothing() -> None:
    root = Path(nincost.__file__).parent
    modules = [
        ".".join(path.relative_to(root.parent).with_suffix("").parts)
        for path in sorted((root / "_devices").rglob("*.py")) if path.name != "__init__.py"
    ]  # fmt: skip
    orders = [[], ["nincost._memory.record"], random.Random(1).sample(modules, len(modules))]
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *order], capture_output=True, text=True, check=True
        ).stdout
        for order in orders
    }
    assert len(said) == 1
    assert "cuda layout aten._fused_rms_norm.default" in said.pop()
