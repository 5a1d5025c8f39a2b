"""Whether a network is learning, and what to try where it is not."""

from __future__ import annotations

import math

from nincost._train.results import Epoch
from nincost._train.settings import TrainSettings

#: A loss below ln(classes) by less than this, and an accuracy below so many times chance, are no
#: better than guessing.
_NEAR = 0.01
_ABOVE_CHANCE = 1.5

#: A loss so near to ln(classes) is that of equal scores, up to rounding.
_ALL_EQUAL = 1e-6

#: An epoch of so few steps may well end before a good network has begun to learn.
_FEW_STEPS = 100


def is_guessing(row: Epoch, classes: int) -> bool:
    """Whether test loss and accuracy are no better than with each class equally likely."""
    near = row.test_loss > math.log(classes) - _NEAR
    return near and row.test_accuracy < _ABOVE_CHANCE / classes


def not_learning(row: Epoch, settings: TrainSettings, classes: int) -> str:
    """A message that the network is not learning after an epoch, and what to try."""
    steps = -(-row.examples // settings.batch_size)
    if settings.init != "xavier":
        tries = [
            "--init xavier (with PyTorch's default initialization the textbook's network often "
            "does not train)"
        ]
    else:
        tries = [f"a smaller --lr than {settings.lr:g}", "another --seed"]
    if settings.optimizer == "SGD":
        tries.append("--optimizer Adam --lr 0.001")
    guess = math.log(classes)
    dead = ""
    if abs(row.test_loss - guess) < _ALL_EQUAL:
        dead = (
            ": all scores are equal, as after a ReLU whose outputs are all zero, through which no "
            "gradient flows any more"
        )
    if steps < _FEW_STEPS:
        tries.append(f"more than the {steps} steps that an epoch has here")
    return (
        f"it is not learning: after epoch {row.epoch} the test loss is {row.test_loss:.4f}, no "
        f"better than the ln {classes} = {guess:.4f} of guessing{dead}; if the next epochs do not "
        f"change it, try {', or '.join(tries)}"
    )
