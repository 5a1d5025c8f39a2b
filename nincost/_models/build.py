"""Builds a module whose structure is known and whose weights are not.

Constructors run under `torch.device("meta")`, so that nothing as large as the model is allocated,
and again on the CPU where one refuses to.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nincost._isolation import unchanged
from nincost._models.meta_parameters import parameters_on_meta
from nincost.errors import (
    STOPS,
    InputError,
    ModelError,
    NincostError,
    described,
    did_you_mean,
    place_of,
    printable,
    stopped_in,
)

if TYPE_CHECKING:
    from torch import nn

    from nincost._models.own_step import OwnStep


@dataclass(frozen=True, slots=True)
class Model:
    """A module and what is known of it.

    Attributes:
        name: how results call it, printable.
        module: its structure, on meta where its constructor allows that; never run in place
            unless `owned`.
        default_input: the input specs of its source, without the batch (`1x224x224`); empty where
            the source says nothing.
        owned: whether nincost built the module itself, on meta, so that a trace need not copy it.
        details: how it was built, where that was not on meta.
        source_notes: what a reader of any result must know of how its source was read.
        rebuild: `rebuild(seed=0)` builds a second instance with real weights on the CPU, drawn by
            the seed; None for a module that was passed in.
        rebuild_on_meta: builds it on meta once more; None where it was not built there.
        folder: where its code may import from while it runs; None where it needs none.
        own_step: the user's own training step, whose models are the module's children; None where
            the module is one model.
        compiled: which of its parts torch.compile was called for; empty where none was.
        loss, optimizer: what such a model is trained with, where that is not the usual one; else
            empty.
        training_step: whether it is trained by a training step of its own.
    """

    name: str
    module: nn.Module
    default_input: tuple[str, ...] = ()
    owned: bool = False
    details: tuple[str, ...] = ()
    source_notes: tuple[str, ...] = ()
    rebuild: Callable[..., nn.Module] | None = field(default=None, repr=False)
    rebuild_on_meta: Callable[[], nn.Module] | None = field(default=None, repr=False)
    folder: Path | None = None
    own_step: OwnStep | None = field(default=None, repr=False)
    compiled: tuple[str, ...] = ()
    loss: str = ""
    optimizer: str = ""
    training_step: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of any result must know of the model."""
        try:
            return (*self.source_notes, *_weight_notes(self.module))
        except Exception:  # its own way to list its parameters: what runs it says what is wrong
            return self.source_notes


def _weight_notes(module: nn.Module) -> Iterator[str]:
    """A sentence on weights that are no plain tensors: the structure on meta has one for each."""
    import torch

    from nincost._models.made_of_tensors import is_made_of_tensors

    kinds: dict[str, list[str]] = {}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        kind = type(tensor)
        if "sparse" in str(tensor.layout):
            kinds.setdefault("sparse", []).append(name)
        elif kind.__name__ == "FakeTensor" or is_made_of_tensors(tensor):
            continue  # it stands for a plain one, or for those that it is made of
        elif kind.__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
            kinds.setdefault(kind.__name__, []).append(name)
    for what, names in kinds.items():
        first = [printable(name) for name in names[:3]]
        more = f" and {len(names) - 3} others" if len(names) > 3 else ""
        yield (
            f"{printable(what)} weights are counted as plain tensors of their shape: "
            f"{', '.join(first)}{more}"
        )


def build(
    given_name: str,
    factory: Callable[..., Any],
    arguments: dict[str, Any],
    default: tuple[str, ...] = (),
    *,
    owned: bool = True,
) -> Model:
    """Call `factory` on meta, or on the CPU where that fails, and check what it returns.

    Args:
        given_name: the model's name as the user wrote it.
        factory: a class or function that returns an `nn.Module`.
        arguments: its keyword arguments.
        default: the input specs of the model's source, without the batch.
        owned: False for a user's own factory, which may return a module that it keeps.

    Raises:
        InputError: an argument that the factory does not have, or one that it needs is missing.
        ModelError: it fails, or returns no module.
    """
    import torch
    from torch import nn

    name = printable(given_name)
    constructor = f"the constructor of {name}"
    _check_arguments(name, factory, arguments)

    def on_cpu(seed: int = 0) -> nn.Module:
        with unchanged():
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed CUDA too
            return factory(**arguments)  # type: ignore[no-any-return]

    def on_meta() -> nn.Module:
        with unchanged(), torch.device("meta"):
            return unwrap(factory(**arguments))

    details: tuple[str, ...] = ()
    try:
        with unchanged(), torch.device("meta"), stopped_in(constructor):
            module = factory(**arguments)
    except (NincostError, *STOPS):
        raise
    except BaseException as meta_error:
        try:
            with unchanged(), parameters_on_meta(), stopped_in(constructor):
                module = factory(**arguments)
        except (NincostError, *STOPS):
            raise
        except BaseException as error:
            raise ModelError(
                f"{name} could not be built: {described(error)}{place_of(error)}; "
                "give its arguments with --arg key=value"
            ) from error
        details = (
            f"{name} was built on the CPU, each parameter moved to meta as it was made: its "
            f"constructor fails on the meta device ({described(meta_error)})",
        )
    if isinstance(module, nn.Module) and not isinstance(module, type):
        compiled, module = compiled_parts(module), unwrap(module)
        # What a constructor makes by torch.Tensor(3) is on the CPU: a copy puts it on meta.
        runs_as_it_is = owned and not details and _is_on_meta(module)
        return Model(
            name, module, default, runs_as_it_is, details, rebuild=on_cpu,
            rebuild_on_meta=None if details else on_meta, compiled=compiled,
        )  # fmt: skip
    raise ModelError(
        f"{name} returned {printable(type(module).__name__)!r}: expected a class or function that "
        "returns an nn.Module"
    )


def _is_on_meta(module: nn.Module) -> bool:
    return all(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))


def _check_arguments(name: str, factory: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Refuse keyword arguments that the factory does not have, before anything is built."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return
    parameters = signature.parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        for key in arguments:
            if key not in names:
                known = ", ".join(n for n in names if n != "variant") or "none"
                raise InputError(
                    f"{name} takes no argument {key!r}: it takes {known}{did_you_mean(key, names)}"
                )
    missing = [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        and p.name not in arguments
    ]
    if missing:
        raise InputError(
            f"{name} needs {', '.join(missing)}: give each with --arg, as in "
            f"--arg {missing[0]}=VALUE"
        )


def compiled_parts(module: nn.Module) -> tuple[str, ...]:
    """The paths of modules that torch.compile was called for; `the model` for all of it."""
    from nincost._torch.modules import COMPILED_CALL, COMPILED_MODULE

    found = []
    for path, part in _parts(module):
        wrapped = COMPILED_MODULE in part.__dict__.get("_modules", ())
        if wrapped or part.__dict__.get(COMPILED_CALL) is not None:
            names = [name for name in path.split(".") if name != COMPILED_MODULE]
            found.append(printable(".".join(names)) or "the model")
    return tuple(found)


def unwrap(module: nn.Module) -> nn.Module:
    """The network inside `torch.compile`, `DataParallel` and `DistributedDataParallel`.

    Raises:
        ModelError: a TorchScript module, one whose `__init__` has not run, or one whose weights are
            sharded over several ranks.
    """
    import torch

    from nincost._torch.modules import COMPILED_MODULE

    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError(
            "a TorchScript module cannot be traced: give the Python module that it was made from"
        )
    if "_modules" not in module.__dict__:
        raise ModelError(
            f"{printable(type(module).__name__)} has not been set up: call super().__init__() "
            "first in its __init__"
        )
    wrapped = module._modules.get(COMPILED_MODULE)
    if wrapped is None and type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
        wrapped = module._modules.get("module")
    if wrapped is not None:
        return unwrap(wrapped)
    if how := _sharded(module):
        raise ModelError(
            f"the model is distributed over several ranks ({how}): expected the model for one "
            "device. Give it as it is before fully_shard or parallelize_module, or have its script "
            "run by nincost run --ranks N"
        )
    return module


def _sharded(module: nn.Module) -> str:
    """How a model is one rank's part of it; nothing where it is whole."""
    for path, part in _parts(module):
        kinds = {kind.__name__ for kind in type(part).__mro__}
        if kinds & {"FSDPModule", "FullyShardedDataParallel"}:
            return f"{printable(path) or 'the model'} is sharded by FSDP"
        for name, tensor in (*part._parameters.items(), *part._buffers.items()):
            if type(tensor).__name__ == "DTensor":
                return f"{printable(f'{path}.{name}' if path else name)} is a DTensor"
    return ""


def _parts(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """`named_modules()`; nothing where a model has a way of its own to list them, and it fails.

    Whoever runs the model then says what is wrong.
    """
    try:
        return [*module.named_modules()]
    except Exception:
        return []
