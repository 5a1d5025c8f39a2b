"""What a training's numbers follow from, besides its data, the machine and versions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nincost._step.option_checks import check_dtype, check_optimizer
from nincost.errors import InputError, did_you_mean

#: Initial weights: Glorot and Bengio's uniform distribution for convolutions and linear layers,
#: as the textbook has it (biases stay as PyTorch draws them), or all as the model draws them.
INITS = ("xavier", "default")

#: The textbook's side of the images.
TEXTBOOK_SIDE = 224


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One training as plain values. (Torch's own settings are `nincost._devices.settings`.)

    Attributes:
        model, arg: the model's name and its factory's arguments.
        epochs: passes over the training examples.
        batch_size: examples of an optimizer step, over all processes together.
        lr, optimizer, optimizer_arg: the step's size, a class of `torch.optim`, its arguments.
        resize, channels: side of the images that the model gets, and their channels.
        init: `xavier` or `default`.
        amp: `float16` or `bfloat16` for autocast; None for none.
        compile: whether `torch.compile` is used.
        deterministic: whether deterministic kernels are used where torch has them.
        seed: of weights, order and dropout.
        limit, test_limit: how many examples are used, from the first on; all where None.

    Raises:
        InputError: a value that no training can have.
    """

    model: str
    arg: Mapping[str, Any]
    epochs: int
    batch_size: int
    lr: float
    optimizer: str
    optimizer_arg: Mapping[str, Any]
    resize: int
    channels: int
    init: str
    amp: str | None
    compile: bool
    deterministic: bool
    seed: int
    limit: int | None
    test_limit: int | None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "resize", "channels"):
            _whole(name, getattr(self, name))
        for name in ("limit", "test_limit"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name))
        seed = self.seed
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise InputError(f"seed is {seed!r}: expected a whole number from 0, such as 1")
        rate = self.lr
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not _is_rate(rate):
            raise InputError(f"lr is {rate!r}: expected a number above 0, such as 0.1")
        _choice("init", self.init, INITS)
        if self.amp is not None:
            check_dtype("float16", "bfloat16")("amp", self.amp)
        check_optimizer("optimizer", self.optimizer)
        if not isinstance(self.optimizer_arg, Mapping):
            raise InputError(
                f"optimizer_arg is {self.optimizer_arg!r}: expected keyword arguments such as "
                "{'momentum': 0.9}"
            )
        if "lr" in self.optimizer_arg:
            raise InputError("the learning rate is given twice: give lr alone")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in found.items()
        }

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """What differs from a checkpoint's settings, each as `lr 0.1 (there 0.2)`.

        The number of epochs may differ: nothing before the last epoch depends on it.
        """
        mine = self.to_dict()
        return [
            f"{name.replace('_', '-')} {mine[name]} (there {other.get(name)})"
            for name in mine
            if name != "epochs" and mine[name] != other.get(name)
        ]

    @property
    def title(self) -> str:
        """`two-1x1, SGD 0.1, batch 128, 224 pixels, 10 epochs, xavier, seed 0`."""
        more = [f"{key} {value}" for key, value in self.optimizer_arg.items()]
        more += [f"amp {self.amp}"] if self.amp else []
        more += ["compiled"] if self.compile else []
        more += [f"{self.limit} examples"] if self.limit else []
        plural = "s" if self.epochs > 1 else ""
        parts = [
            self.model, f"{self.optimizer} {self.lr:g}", f"batch {self.batch_size}",
            f"{self.resize} pixels", f"{self.epochs} epoch{plural}", f"init {self.init}", *more,
            f"seed {self.seed}",
        ]  # fmt: skip
        return ", ".join(parts)


def _is_rate(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _whole(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            f"{name.replace('_', '-')} is {value!r}: expected a whole number of at least 1"
        )


def _choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(
            f"unknown {name} {value!r}: choose {', '.join(known)}{did_you_mean(str(value), known)}"
        )
