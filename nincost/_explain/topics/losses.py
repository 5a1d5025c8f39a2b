"""Losses as readers printed them: sums over batches, and jumps."""

from __future__ import annotations

import math

from nincost import _units as units
from nincost._explain.results import Sentence
from nincost._explain.topics.results import Case, Figure
from nincost._explain.topics.subject import Answer, Subject, figure

#: Fashion-MNIST's training examples and classes, and the textbook's batch and learning rate.
EXAMPLES, CLASSES, BATCH, RATE = 60_000, 10, 128, 0.1
#: A reader's losses of the first epoch and of the last, as they were printed.
PRINTED = (949.0, 134.0)
#: Another batch, to show that a sum depends on it.
_OTHER_BATCH = 256
#: Curvatures of a loss along a direction: for a batch that is gentle there, and for a steep one.
_CURVATURES = (5.0, 15.0, 25.0)


def summed_loss(subject: Subject) -> Answer:
    """Losses that were added up over an epoch's batches, and their means."""
    batch = subject.batch_size
    batches = math.ceil(EXAMPLES / batch)
    guess = math.log(CLASSES)
    # What a reader with another batch would have printed for the same means.
    means = [value / math.ceil(EXAMPLES / BATCH) for value in PRINTED]
    sums = [*(mean * batches for mean in means), guess * batches]
    cases = tuple(
        Case(key, Sentence(phrase))
        for key, phrase in (
            ("first_epoch", "case_first"), ("last_epoch", "case_last"), ("guessing", "case_guess"),
        )
    )  # fmt: skip
    figures = (
        figure("sum_over_batches", "row_sum", [_rounded(value) for value in sums], "number"),
        figure("mean", "row_mean", [_rounded(value) for value in (*means, guess)], "number"),
        figure("sum_by_examples", "row_by_examples",
               [_rounded(value / EXAMPLES) for value in sums], "number"),
    )  # fmt: skip
    other = math.ceil(EXAMPLES / _OTHER_BATCH)
    answers = (
        Sentence("loss_batches", {
            "examples": units.exact(EXAMPLES), "batch": batch, "batches": batches,
            "rest": EXAMPLES - (batches - 1) * batch,
        }),
        Sentence("loss_mean", {
            "first": f"{sums[0]:.6g}", "last": f"{sums[1]:.6g}", "batches": batches,
            "first_mean": f"{means[0]:.3f}", "last_mean": f"{means[1]:.3f}",
        }),
        Sentence("loss_guess", {
            "classes": CLASSES, "guess": f"{guess:.4f}", "sum": f"{guess * batches:.1f}",
        }),
        Sentence("loss_other", {
            "other": _OTHER_BATCH, "batches": other, "first": f"{means[0] * other:.1f}",
            "last": f"{means[1] * other:.1f}",
        }),
        Sentence("loss_train"),
    )  # fmt: skip
    asked = {"first": f"{sums[0]:.6g}", "last": f"{sums[1]:.6g}", "mean": f"{means[0]:.1f}"}
    return Answer(Sentence("ask_loss", asked), cases, figures, answers)


def jumping_loss(_: Subject) -> Answer:
    """What a step of gradient descent does along one direction, by the learning rate.

    Along a direction of curvature c a step of lr multiplies the distance from the minimum by
    1 - lr*c, and what the loss is above the minimum by the square of that.
    """
    rates = (RATE, RATE / 2, RATE / 10)
    cases = tuple(Case(f"lr_{rate:g}", Sentence("case_rate", {"rate": f"{rate:g}"}))
                  for rate in rates)  # fmt: skip
    figures = [
        figure("largest_curvature", "row_curvature", [_rounded(2 / rate) for rate in rates],
               "number"),
        *(
            Figure(
                f"loss_times_at_{curvature:g}", Sentence("row_times", {"c": f"{curvature:g}"}),
                "number", tuple(_rounded((1 - rate * curvature) ** 2) for rate in rates),
            )
            for curvature in _CURVATURES
        ),
    ]  # fmt: skip
    batches = math.ceil(EXAMPLES / BATCH)
    steep = (1 - RATE * _CURVATURES[-1]) ** 2
    answers = (
        Sentence("jump_why", {
            "rate": f"{RATE:g}", "limit": f"{2 / RATE:g}", "steep": f"{_CURVATURES[-1]:g}",
            "times": f"{steep:g}", "half": f"{RATE / 2:g}",
            "half_times": f"{(1 - RATE / 2 * _CURVATURES[-1]) ** 2:g}",
        }),
        Sentence("jump_epoch", {
            "batches": batches, "one": f"{1 / batches:.4f}", "tenth": math.ceil(batches / 10),
        }),
        Sentence("jump_dead", {"classes": CLASSES, "guess": f"{math.log(CLASSES):.4f}"}),
        Sentence("jump_try", {"half": f"{RATE / 2:g}"}),
    )  # fmt: skip
    return Answer(Sentence("ask_jump", {"rate": f"{RATE:g}"}), cases, tuple(figures), answers)


def _rounded(value: float) -> float:
    """To six significant digits: what readers printed has no more."""
    return float(f"{value:.6g}")
