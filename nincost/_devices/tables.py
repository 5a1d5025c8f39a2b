"""All that is declared for a device, gathered once into tables that nothing changes."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any, Literal, get_args

from nincost._devices.declare import Aspect, Declaration, Substitute, declarations_in
from nincost._devices.rules import Rule
from nincost._trace.meta_operators import MetaOperator, MetaOperators

DeviceName = Literal["meta", "cpu", "cuda"]


@dataclass(frozen=True, slots=True, eq=False)
class DeviceTables:
    """What each operator does on a device.

    This is the order in which a call meets them, and the only place that says so:

    1. `substitutes`: a composite that the device runs as another operator becomes that one, above
       autograd, before a recorder sees it. One that answers NotImplemented comes apart as on meta.
    2. `operators[...].layout`: outputs of these layouts are made, and nothing runs.
    3. A composite operator comes apart into its parts, which begin at 2.
    4. `operators[...].refusal`: what real kernels refuse is refused.
    5. `operators[...].in_place`: the first argument is the result, and nothing runs.
    6. `meta_kernels`, where torch has no meta kernel for the operator, else torch's own.
    7. `operators[...].correction`: the result of 6 is laid out as real kernels do.
    8. `rules`: what the operator allocates, and in which order. Without a rule that is its outputs;
       `without_rule` knows which of those are named as not counted.

    In each of them what the device declares comes before what `meta` declares for all devices, and
    an overload (`aten.add.Scalar`) before its operator (`aten.add`).
    """

    device: str
    operators: MetaOperators
    substitutes: Mapping[str, Substitute]
    meta_kernels: Mapping[str, Callable[..., Any]]
    rules: Mapping[str, Rule]


@functools.cache
def device_tables(device: DeviceName) -> DeviceTables:
    """The tables of a device, from each module of its package (and of `meta`)."""
    packages = dict.fromkeys(("meta", device))
    return gather(device, [[*_modules(f"nincost._devices.{package}")] for package in packages])


def meta_operators() -> MetaOperators:
    """What a profile's recorder is handed: what holds on every device."""
    return device_tables("meta").operators


def gather(device: str, layers: Iterable[Iterable[ModuleType]]) -> DeviceTables:
    """The tables of what some modules declare: of each layer in turn, a later one first.

    Raises:
        ValueError: two functions of one layer declare the same aspect of an operator.
    """
    merged: dict[Aspect, dict[str, Any]] = {aspect: {} for aspect in get_args(Aspect)}
    for modules in layers:
        for aspect, found in _by_operator(modules).items():
            merged[aspect] |= {name: declaration.value for name, declaration in found.items()}
    layouts, in_place = merged["layout"], merged["in_place"]
    refusals, corrections = merged["refusal"], merged["correction"]
    operators = {
        name: MetaOperator(
            layouts.get(name), in_place.get(name), refusals.get(name), corrections.get(name)
        )
        for name in sorted({*layouts, *in_place, *refusals, *corrections})
    }
    return DeviceTables(
        device=device,
        operators=MappingProxyType(operators),
        substitutes=MappingProxyType(merged["substitute"]),
        meta_kernels=MappingProxyType(merged["meta_kernel"]),
        rules=MappingProxyType(merged["rule"]),
    )


def _by_operator(modules: Iterable[ModuleType]) -> dict[Aspect, dict[str, Declaration]]:
    found: dict[Aspect, dict[str, Declaration]] = {aspect: {} for aspect in get_args(Aspect)}
    for module in modules:
        for declaration in declarations_in(module):
            table = found[declaration.aspect]
            if declaration.operator in table:
                raise ValueError(
                    f"{module.__name__}: a second {declaration.aspect} for {declaration.operator}"
                )
            table[declaration.operator] = declaration
    return found


def _modules(package: str) -> Iterator[ModuleType]:
    folder = importlib.import_module(package)
    for info in pkgutil.iter_modules(folder.__path__):
        yield importlib.import_module(f"{package}.{info.name}")
