"""How tensor parallelism splits a module: by its own plan, or by a file's, each by its library.

A model of transformers brings a plan, whose styles are transformers' (of experts, of fused
weights, of norms per head); transformers applies it. A file's styles are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from nincost._step.activation_checkpointing import matching
from nincost._step.parallel import Parallel
from nincost._step.tp_plan import check_tp_plan, read_tp_plan
from nincost.errors import InputError, ModelError, nearest


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """Styles by the names of modules, without patterns; none where nothing is split.

    Attributes:
        weights: styles of parameters, which transformers splits one by one.
        apply_own: transformers' function that applies both; None for torch's styles.
    """

    modules: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    apply_own: Callable[[nn.Module, DeviceMesh, dict[str, str]], Any] | None = None

    @classmethod
    def of(cls, module: nn.Module, parallel: Parallel) -> TensorPlan:
        """That of a whole model: the file's, or what the model brings.

        Raises:
            InputError: there is none, or a name of it is no module's.
            ModelError: it does not go with how data-parallel ranks share the model.
        """
        if parallel.tp == 1:
            return cls()
        name = type(module).__name__
        if parallel.tp_plan:
            return cls(_by_module(module, read_tp_plan(parallel.tp_plan)))
        own = getattr(module, "tp_plan", None)
        if not own:
            raise InputError(
                f"{name} brings no tp_plan (transformers' models do): give tp_plan, a JSON file "
                'such as {"layers.*.up": "colwise", "layers.*.down": "rowwise"}'
            )
        apply_own = _transformers_own(own)
        if apply_own is None:  # a release before 5.20, or styles that are in no release
            return cls(_by_module(module, check_tp_plan(own, name)))
        found = cls(*_by_transformers(module, own), apply_own)
        if parallel.kind in ("ddp", "zero1") and parallel.data > 1:
            found._check_with_ddp(name)
        return found

    def _check_with_ddp(self, name: str) -> None:
        """Refuse what reads the ranks' parts of its parameters itself, and not as DTensors.

        DDP gets plain tensors, of which torch's helper makes DTensors as the model is called; they
        are parameters no more, and transformers' code does not find them.

        Raises:
            ModelError: there is such a style.
        """
        from transformers.distributed.tensor_parallel import ALL_PARALLEL_STYLES

        local = sorted(
            style
            for style in set(self.modules.values())
            if ALL_PARALLEL_STYLES[style].should_use_local_tensors(nn.Identity())
        )
        if local:
            raise ModelError(
                f"{name} is split by {', '.join(local)}, which transformers cannot do in a model "
                "that DDP holds: give --parallel fsdp"
            )

    def renamed(self, names: Mapping[str, str]) -> TensorPlan:
        """That of a part of the model, whose modules have other names: by those in the whole."""
        weights = {}
        for name, style in self.weights.items():
            owner, _, last = name.rpartition(".")
            if owner in names:
                weights[f"{names[owner]}.{last}"] = style
        modules = {names[name]: style for name, style in self.modules.items() if name in names}
        return TensorPlan(modules, weights, self.apply_own)

    def apply(self, module: nn.Module, mesh: DeviceMesh) -> None:
        """Split a module over the ranks of a mesh."""
        if self.apply_own is not None:
            self.apply_own(module, mesh, {**self.weights, **self.modules})
        else:
            _split_layers(module, self.modules, mesh)


def _transformers_own(plan: Mapping[str, str]) -> Callable[..., Any] | None:
    """What applies a plan in transformers, where it knows all of its styles."""
    try:
        from transformers.distributed.tensor_parallel import (
            ALL_PARALLEL_STYLES,
            apply_tensor_parallelism,
        )
    except ImportError:
        return None
    known = all(style in ALL_PARALLEL_STYLES for style in plan.values())
    return apply_tensor_parallelism if known else None


def _by_transformers(
    module: nn.Module, plan: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Styles of modules and of parameters, which have their module's where they have none."""
    styles: dict[int, str] = {}
    for pattern, style in plan.items():
        styles |= {id(found): style for found in matching(module, pattern)}
    modules, weights = {}, {}
    for path, inner in module.named_modules():
        own = styles.get(id(inner)) if path else None
        if own is not None:
            modules[path] = own
        for last, _ in inner.named_parameters(recurse=False):
            name = f"{path}.{last}" if path else last
            by_name = plan.get(_generic(name)) or own
            if by_name is not None:
                weights[name] = by_name
    return modules, weights


def _generic(name: str) -> str:
    """`layers.3.mlp.gate` as a plan has it: `layers.*.mlp.gate`."""
    return ".".join("*" if part.isdigit() else part for part in name.split("."))


def _by_module(module: nn.Module, plan: Mapping[str, str]) -> dict[str, str]:
    """Styles by the names of a whole model's modules, without patterns.

    Raises:
        InputError: a name of the plan is no module's.
    """
    paths = {id(inner): path for path, inner in module.named_modules() if path}
    styles: dict[str, str] = {}
    for pattern, style in plan.items():
        found = matching(module, pattern)
        styles |= {paths[id(inner)]: style for inner in found}
        if not found:
            close = nearest(pattern, list(paths.values()))
            words = f": the nearest are {', '.join(close)}" if close else ""
            raise InputError(
                f"the tensor-parallel plan names {pattern!r}, and {type(module).__name__} has no "
                f"such module{words}"
            )
    return styles


def _split_layers(module: nn.Module, plan: Mapping[str, str], mesh: DeviceMesh) -> None:
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        SequenceParallel,
        parallelize_module,
    )

    styles: dict[str, Callable[[], Any]] = {
        "colwise": ColwiseParallel,
        "rowwise": RowwiseParallel,
        "colwise_rep": lambda: ColwiseParallel(output_layouts=Replicate()),
        "embedding_rowwise": lambda: RowwiseParallel(input_layouts=Replicate()),
        "sequence": SequenceParallel,
    }
    parallelize_module(module, mesh, {name: styles[style]() for name, style in plan.items()})
