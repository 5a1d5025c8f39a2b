"""What a step's options take: a check for each that needs one of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nincost._allocator.config import AllocatorConfig
from nincost._canonical_names import canonical_name, plain
from nincost._step.option_fields import check_count, check_text, options_of
from nincost.errors import InputError

Loss = Callable[..., Any]

#: What stands for a LightningModule's own optimizer.
OWN_OPTIMIZER = "configure_optimizers"

#: Losses that a step knows by name.
LOSSES = ("cross-entropy", "mse", "sum", "none")

#: What activation checkpointing may compute again, besides what a pattern names.
CHECKPOINTED = ("none", "top-level", "blocks", "every-second", "selective", "own")

#: Other names of floating-point types.
_DTYPE_NAMES = {
    "bf16": "bfloat16", "fp16": "float16", "half": "float16", "fp32": "float32",
    "float": "float32", "fp64": "float64", "double": "float64",
}  # fmt: skip


def check_loss(name: str, value: Any) -> str | Loss:
    """One of `LOSSES`, a function, or what a text such as `output.loss` names."""
    if isinstance(value, str):
        from nincost._step.loss_by_name import loss_by_name

        found = loss_by_name(name, value)
        return canonical_name(name, value, LOSSES) if found is None else found
    if not callable(value):
        raise InputError(
            f"{name} is {value!r}: choose {', '.join(LOSSES)}, or give a function of the model's "
            "output"
        )
    return value  # type: ignore[no-any-return]


def check_optimizer(name: str, value: Any) -> str:
    """The name of a class in `torch.optim`, or of another as `package.module:Class`.

    From the class, or a name.
    """
    import torch

    base = torch.optim.Optimizer
    known = {
        key: kind
        for key, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    }
    if isinstance(value, type):
        value = next(
            (key for key, kind in known.items() if kind is value),
            f"{value.__module__}:{value.__qualname__}" if issubclass(value, base) else value,
        )
    if value == OWN_OPTIMIZER:
        return OWN_OPTIMIZER
    if isinstance(value, str) and ":" in value:
        from nincost._models.user_code import callable_named

        kind = callable_named(value)
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise InputError(
                f"{name} {value!r} is no optimizer: expected a class of torch.optim.Optimizer, "
                "such as package.module:Class"
            )
        return value
    found = canonical_name(name, value, sorted(known))
    if found == "LBFGS":
        raise InputError(
            "optimizer LBFGS runs the model inside its own step, as often as it likes, so one step "
            "has no fixed memory: choose another, such as SGD or Adam"
        )
    return found


def check_dtype(*known: str) -> Callable[[str, Any], str]:
    """A check that takes one of some types, by name or as a `torch.dtype`."""
    aliases = {short: name for short, name in _DTYPE_NAMES.items() if name in known}

    def check(name: str, value: Any) -> str:
        text = value if isinstance(value, str) else str(value)
        return canonical_name(name, text.removeprefix("torch."), known, aliases=aliases)

    return check


def check_checkpointing(name: str, value: Any) -> str:
    """One of `CHECKPOINTED`, or a pattern of module names as it is; True is `blocks`."""
    if isinstance(value, bool):
        return "blocks" if value else "none"
    text = check_text(name, value).strip()
    if not text:
        raise InputError(f"{name} is empty: choose {', '.join(CHECKPOINTED)}, or give a pattern")
    return next((choice for choice in CHECKPOINTED if plain(choice) == plain(text)), text)


#: Backward passes of a step: each is recorded, and some ten of them show what the memory does.
MOST_ACCUMULATION = 1024


def check_accumulation(name: str, value: Any) -> int:
    """A number of backward passes that can be recorded in minutes.

    Raises:
        InputError: it is not.
    """
    if check_count(name, value) > MOST_ACCUMULATION:
        raise InputError(
            f"{name} is {value}: at most {MOST_ACCUMULATION} backward passes are recorded; memory "
            "repeats after a few, so give a smaller number, such as 16"
        )
    return int(value)


def check_alloc_conf(name: str, value: Any) -> str:
    """A text that `PYTORCH_CUDA_ALLOC_CONF` may be."""
    AllocatorConfig.parse(check_text(name, value))
    return value  # type: ignore[no-any-return]


#: Options of a step that say something of its training alone.
_OF_TRAINING = (
    "loss", "optimizer", "optimizer_arg", "optimizer_impl", "grad_scaler", "clip_grad_norm",
    "grad_accumulation", "activation_checkpointing", "freeze", "zero_grad_before_forward",
    "grad_set_to_none", "optimizer_in_backward", "offload_activations", "ema",
)  # fmt: skip


def check_generation(step: Any) -> None:
    """Set `inference` of a step that generates.

    Raises:
        InputError: it is said how to generate and not that, or what goes with training.
    """
    if step.generate is None:
        for name in ("prompt", "cache"):
            if getattr(step, name) != type(step).__dataclass_fields__[name].default:
                raise InputError(
                    f"{name} is {getattr(step, name)!r}, and nothing is generated: give generate, "
                    "the number of tokens, with it"
                )
        return
    for name in ("seq", "nodes", "edges", "boxes"):
        value = getattr(step, name)
        if value is not None:
            raise InputError(
                f"{name} is {value}, of one forward pass: with generate give prompt instead"
            )
    for field, declared in options_of(step):
        value = getattr(step, field.name)
        usual = (None, declared.usual, declared.check(field.name, field.default))
        if field.name in _OF_TRAINING and value and value not in usual:
            raise InputError(
                f"generate runs the model without gradients, and {field.name} is {value!r}, which "
                "is of a training step: leave one of the two out"
            )
    object.__setattr__(step, "inference", True)


def check_updates(step: Any) -> None:
    """Refuse what cannot be done where each parameter is updated within backward.

    Raises:
        InputError: gradients are to be added up, scaled or clipped, or one optimizer has all.
    """
    if not step.optimizer_in_backward:
        return
    unfit = {
        "grad_accumulation": step.grad_accumulation > 1,
        "clip_grad_norm": step.clip_grad_norm is not None,
        "grad_scaler": step.scales_gradients,
        "grad_set_to_none": not step.grad_set_to_none,
        "optimizer configure_optimizers": step.optimizer == OWN_OPTIMIZER,
    }
    for name, given in unfit.items():
        if given:
            raise InputError(
                f"optimizer_in_backward updates each parameter before the next has its gradient, "
                f"which {name} does not go with: leave one of the two out"
            )
