"""A card's own factors: how much slower than predicted its kernels and its host were.

Two numbers from one step that was measured. The host's factor is its measured time to launch a step
over the predicted one. The card's factor is what kernels have to be multiplied by for the predicted
step to take as long as the measured one; where the host bounds the step, nothing is learned of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nincost._files import cache_folder, write_file
from nincost._result import plain
from nincost._step.request import Request
from nincost._time.parameters import HostCosts, Parameters
from nincost._time.predict import Timing, timed_with
from nincost._time.results import MeasuredTime
from nincost.errors import InputError

#: Factors beyond which something else than the card is wrong.
_LEAST, _MOST = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Factors of one card in one machine.

    Attributes:
        card: its title.
        kernels: by how much its kernels take longer than predicted; host: launches likewise.
        model: what was measured, with its batch.
    """

    card: str
    kernels: float
    host: float
    model: str

    def applied(self, parameters: Parameters) -> Parameters:
        """Parameters with these factors."""
        host = parameters.host
        slower: Mapping[str, float] = {
            name: getattr(host, name) * self.host for name in HostCosts.__slots__
        }
        return replace(parameters, slowdown=self.kernels, host=replace(host, **slower))

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


def calibrate(timing: Timing, measured: MeasuredTime) -> Calibration:
    """The factors by which an uncalibrated prediction becomes what was measured.

    Raises:
        InputError: no sensible factor does that.
    """
    title = timing.request.card.title
    name = f"{timing.recording.model}, batch {timing.recording.batch_size}"
    host = measured.host_seconds / timing.timed.queue.host_seconds
    low, high = _LEAST, _MOST

    def seconds(kernels: float) -> float:
        parameters = Calibration(title, kernels, host, name).applied(timing.timed.parameters)
        return timed_with(timing, parameters).seconds

    if seconds(low) > measured.step_seconds * 1.02 or seconds(high) < measured.step_seconds:
        raise InputError(
            f"the measured step ({measured.step_seconds:.3g} s on {measured.device}) cannot be met "
            f"by any factor from {_LEAST:g} to {_MOST:g}: calibrate with a step that the card and "
            "not the host bounds, such as a larger batch"
        )
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if seconds(middle) < measured.step_seconds else (low, middle)
    return Calibration(title, round((low * high) ** 0.5, 4), round(host, 4), name)


def stored_at(card: str) -> Path:
    """Where the factors of a card are kept in the user's cache."""
    return cache_folder() / "calibration" / f"{re.sub('[^a-z0-9]+', '-', card.lower())}.json"


def keep(found: Calibration, path: Path) -> None:
    """Write factors to a file, in the place of earlier ones.

    Raises:
        OutputError: that is not possible.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(found.to_dict(), indent=1) + "\n", force=True)


def read_calibration(path: str | Path, card: str) -> Calibration:
    """Factors from a file, which must be of the card.

    Raises:
        InputError: the file cannot be read, is none of these, or is of another card.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        found = Calibration(
            str(values["card"]), float(values["kernels"]), float(values["host"]),
            str(values["model"]),
        )  # fmt: skip
    except OSError as error:
        raise InputError(
            f"cannot read the calibration {path}: {error.strerror}: nincost time --calibrate makes "
            "one where the card is"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{path} is no calibration: expected a file that nincost time --calibrate wrote"
        ) from None
    if found.card != card:
        raise InputError(
            f"the calibration {path} is of {found.card}, and the prediction is for {card}: leave "
            "--calibration out, or calibrate on that card"
        )
    if not (_LEAST <= found.kernels <= _MOST and 0.01 <= found.host <= 100):
        raise InputError(
            f"{path} has factors that no card has ({found.kernels:g}, {found.host:g}): calibrate "
            "again"
        )
    return found


def chosen_calibration(card: str, given: str | None) -> Calibration | None:
    """The factors of a file, of the user's cache where none is given, or none of all.

    Raises:
        InputError: the file is not of this card.
    """
    if given == "none":
        return None
    if given is not None:
        return read_calibration(given, card)
    stored = stored_at(card)
    return read_calibration(stored, card) if stored.exists() else None


def refuse_another_card(request: Request, measured: MeasuredTime) -> None:
    """A card can only be calibrated by its own steps.

    Raises:
        InputError: the prediction is for another card than the one that was measured.
    """
    card = request.card.title
    if measured.device != card:
        raise InputError(
            f"the prediction is for {card}, and the steps ran on {measured.device}: calibrate with "
            "the GPU that is here, by leaving --gpu out"
        )


def in_words(found: Calibration) -> str:
    """`calibrated by resnet50, batch 64: kernels x1.07, host x0.80`."""
    return f"calibrated by {found.model}: kernels x{found.kernels:.2f}, host x{found.host:.2f}"
