"""The result of a training: plain values, loss and accuracy by epoch, speed and memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from nincost._result import Result, Tabular

if TYPE_CHECKING:
    from torch import nn

#: The columns of a training's CSV, one row for each epoch.
EPOCH_COLUMNS = (
    "epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "examples",
    "seconds", "loading_seconds", "examples_per_second",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training examples, and the test after it.

    Attributes:
        epoch: from 1 on.
        train_loss, train_accuracy: means over the epoch's examples, each computed in the step that
            trained on it, dropout included. Cross-entropy in nats; accuracy from 0 to 1.
        test_loss, test_accuracy: means over all test examples after the epoch, in eval mode.
        examples: how many were trained on.
        seconds: wall time of training, without the test and without saving.
        loading_seconds: the part of it in which batches were made.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    examples: int
    seconds: float
    loading_seconds: float

    @property
    def examples_per_second(self) -> float:
        """Examples by `seconds`, which include the making of batches."""
        return self.examples / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The row as plain values under the names in `EPOCH_COLUMNS`."""
        return {name: getattr(self, name) for name in EPOCH_COLUMNS}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Epoch:
        """The inverse of `to_dict`."""
        return cls(**{item.name: row[item.name] for item in fields(cls)})


@dataclass(frozen=True, slots=True)
class Speed:
    """The training's speed, beside the work that was predicted.

    Attributes:
        device: the name of the GPU or CPU, and how many processes.
        examples_per_second: the median of the epochs'.
        loading_share: the part of the training's time in which batches were made, from 0 to 1.
        forward_macs, backward_macs: multiply-accumulates of one example, from a recorded step;
            None where the step could not be recorded.
        uncounted: operators of the step that are contractions and have no formula.
        flops_per_second: 2 x (forward + backward MACs) x examples per second.
        peak_flops: the device's, over all processes; None where it is not known.
        peak_kind: which peak: `fp32`, `tf32`, `fp16` or `bf16`.
        peak_share: `flops_per_second` by `peak_flops`.
        predicted_examples_per_second: by `nincost.time`, of steps that never wait for data; None
            but on one GPU that nincost knows.
    """

    device: str
    examples_per_second: float
    loading_share: float
    forward_macs: int | None
    backward_macs: int | None
    uncounted: tuple[str, ...]
    flops_per_second: float | None
    peak_flops: float | None
    peak_kind: str | None
    peak_share: float | None
    predicted_examples_per_second: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return _plain(self)


@dataclass(frozen=True, slots=True)
class StepMemory:
    """The memory of a training step on a GPU: predicted, and measured where there was one.

    Attributes:
        gpu: the card that the prediction is for; empty where it failed.
        predicted_bytes: `peak_allocated_bytes` of `nincost.memory` for one process's share of the
            batch; None where it could not be predicted.
        measured_bytes: `torch.cuda.max_memory_allocated` over the training steps, less
            `before_bytes`; None without a GPU.
        before_bytes: bytes allocated on the GPU before the model was built, above all the data;
            None without a GPU.
    """

    gpu: str
    predicted_bytes: int | None
    measured_bytes: int | None
    before_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return _plain(self)


@dataclass(frozen=True, slots=True, repr=False)
class Training(Result):
    """A complete training. `print` it, or read `epochs`, `speed` and `memory`.

    Attributes:
        model: the model's name.
        settings: what the numbers follow from, as `TrainSettings.to_dict()`.
        data: the data set's name, its checksum, its classes, and how many examples were used.
        params: elements of the parameters that were trained.
        epochs: one row for each epoch.
        speed, memory: measured beside predicted.
        not_learning: whether loss and accuracy are still those of guessing.
        unsaved: why the last checkpoint could not be written; empty where it could.
        notes: what a careful reader should know.
        processes: how many trained together.
        environment: versions.
        module: the trained network, a copy of the model, in eval mode; not in `to_dict`.
    """

    renderers: ClassVar[str] = "train"

    model: str
    settings: Mapping[str, Any]
    data: Mapping[str, Any]
    params: int
    epochs: tuple[Epoch, ...]
    speed: Speed
    memory: StepMemory
    not_learning: bool
    unsaved: str
    notes: tuple[str, ...]
    processes: int
    environment: Mapping[str, str] = field(default_factory=dict)
    module: nn.Module | None = field(default=None, repr=False, compare=False)

    @property
    def batches(self) -> int:
        """How many batches an epoch has; its last may be smaller."""
        return -(-self.last.examples // int(self.settings["batch_size"]))

    @property
    def last(self) -> Epoch:
        """The last epoch's row."""
        return self.epochs[-1]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        last = self.last
        return {
            "schema": 1,
            "command": "train",
            "model": self.model,
            "settings": dict(self.settings),
            "data": dict(self.data),
            "processes": self.processes,
            "environment": dict(self.environment),
            "totals": {
                "params": self.params,
                "epochs": len(self.epochs),
                "train_loss": last.train_loss,
                "train_loss_sum": last.train_loss * self.batches,
                "batches": self.batches,
                "train_accuracy": last.train_accuracy,
                "test_loss": last.test_loss,
                "test_accuracy": last.test_accuracy,
                "seconds": sum(row.seconds for row in self.epochs),
                "not_learning": self.not_learning,
            },
            "speed": self.speed.to_dict(),
            "memory": self.memory.to_dict(),
            "epochs": [row.to_dict() for row in self.epochs],
            "unsaved": self.unsaved or None,
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """A row for each epoch, all digits."""
        return Tabular.of(EPOCH_COLUMNS, (row.to_dict() for row in self.epochs))

    def headline(self) -> dict[str, Any]:
        """The model, how long it was trained, and how well it does."""
        return {
            "model": self.model,
            "epochs": len(self.epochs),
            "test_loss": self.last.test_loss,
            "test_accuracy": self.last.test_accuracy,
        }


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass's fields as plain values."""
    found = {item.name: getattr(value, item.name) for item in fields(value)}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()}
