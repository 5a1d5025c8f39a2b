"""What a validation gives: predictions beside measurements, all sizes in bytes."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nincost._files import check_writable, write_file
from nincost._measure.results import Measured
from nincost._memory.results import Memory
from nincost._result import Result, Tabular
from nincost.errors import InputError

#: What is compared: a total's name, and as a column.
COMPARED = ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes")

#: The columns of a validation's CSV: a row for each case, in bytes.
VALIDATION_COLUMNS = (
    "case", *(f"{side}_{name}" for name in COMPARED for side in ("predicted", "measured")),
    "predicted_step_seconds", "measured_step_seconds", "failure",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValidationRow:
    """A case: what was predicted and what was measured; `failure` where one of both failed.

    `predicted_seconds` are those of a step; None where the card's speeds are not known.
    """

    case: str
    predicted: Memory | None
    measured: Measured | None
    failure: str = ""
    predicted_seconds: float | None = None

    @property
    def measured_seconds(self) -> float | None:
        """Of a step; None where it was not timed."""
        return self.measured.step_seconds if self.measured else None

    def time_error(self) -> float | None:
        """(predicted - measured) / measured of a step's seconds; None where either is missing."""
        real = self.measured_seconds
        if not real or self.predicted_seconds is None:
            return None
        return (self.predicted_seconds - real) / real

    def error(self, name: str) -> float | None:
        """(predicted - measured) / measured of a total; None where either is missing."""
        if self.predicted is None or self.measured is None or self.measured.out_of_memory:
            return None
        real = getattr(self.measured, name)
        return (getattr(self.predicted.totals, name) - real) / real if real else None

    def pair(self, name: str) -> tuple[int | None, int | None]:
        """A total as predicted and as measured, in bytes; None where it is not known."""
        predicted = getattr(self.predicted.totals, name) if self.predicted else None
        return predicted, getattr(self.measured, name) if self.measured else None

    def exact_parts(self) -> bool | None:
        """Whether parameters, buffers, gradients, optimizer state and inputs agree to the byte."""
        if self.predicted is None or self.measured is None or self.measured.out_of_memory:
            return None
        real = self.measured.categories_at_peak
        mine = self.predicted.totals.categories_at_peak
        names = ("parameters", "buffers", "gradients", "optimizer_state", "inputs")
        if any(real.get(name) is None for name in names):
            return None
        return all(mine[name] == real[name] for name in names)

    def to_dict(self) -> dict[str, Any]:
        return {
            "case": self.case,
            "predicted": self.predicted.totals.to_dict() if self.predicted else None,
            "measured": self.measured.to_dict() if self.measured else None,
            "errors": {name: self.error(name) for name in COMPARED},
            "predicted_step_seconds": self.predicted_seconds,
            "step_seconds_error": self.time_error(),
            "notes": list(self.predicted.notes) if self.predicted else [],
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Validation(Result):
    """The suite, predicted and measured.

    Attributes:
        gpu: the card that was measured, by the driver's name.
        versions: driver, torch, CUDA and cuDNN, and cuDNN's settings, as measured.
        rows: the cases in order.
        recorded: the report that the measurements were taken from; empty where this machine's GPU
            was measured.
        environment: versions of what predicted.
        left: how many cases were not run, since the suite was interrupted.
    """

    renderers: ClassVar[str] = "validate"

    gpu: str
    versions: Mapping[str, str]
    rows: tuple[ValidationRow, ...]
    recorded: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    left: int = 0

    def median_error(self, name: str) -> float | None:
        """The median of a total's absolute relative errors."""
        errors = [abs(error) for row in self.rows if (error := row.error(name)) is not None]
        return statistics.median(errors) if errors else None

    def worst_error(self, name: str) -> float | None:
        """The largest of a total's absolute relative errors."""
        errors = [abs(error) for row in self.rows if (error := row.error(name)) is not None]
        return max(errors, default=None)

    @property
    def time_errors(self) -> list[float]:
        """The absolute relative errors of all steps' seconds that were timed."""
        return [abs(error) for row in self.rows if (error := row.time_error()) is not None]

    @property
    def report_name(self) -> str:
        """`cuda-nvidia-a100-sxm4-40gb-torch2.14.1`, the stem of a report's files."""
        gpu = re.sub("[^a-z0-9]+", "-", self.gpu.lower()).strip("-")
        version = self.versions.get("torch", "unknown").partition("+")[0]
        return f"cuda-{gpu}-torch{re.sub('[^A-Za-z0-9.]', '-', version)}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "command": "validate",
            "gpu": self.gpu,
            "versions": dict(self.versions),
            "recorded": self.recorded,
            "left": self.left,
            "environment": dict(self.environment),
            "totals": {
                name: {
                    "median_error": self.median_error(name),
                    "worst_error": self.worst_error(name),
                }
                for name in COMPARED
            },
            "cases": [row.to_dict() for row in self.rows],
        }

    def tabular(self) -> Tabular:
        """A row for each case, in bytes; None where there is no figure."""
        return Tabular(
            VALIDATION_COLUMNS,
            tuple(
                (
                    row.case,
                    *(size for name in COMPARED for size in row.pair(name)),
                    row.predicted_seconds,
                    row.measured_seconds,
                    row.failure,
                )
                for row in self.rows
            ),
        )

    def headline(self) -> dict[str, Any]:
        """The card, how many cases, and the median error of each total."""
        errors = {f"median_error_{name}": self.median_error(name) for name in COMPARED}
        return {"gpu": self.gpu, "cases": len(self.rows), **errors}

    def save(self, folder: str | Path, *, force: bool = False) -> tuple[Path, Path]:
        """Write the JSON and the Markdown report into a folder, which is made if it is missing."""
        target = Path(folder)
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the folder {str(folder)!r} cannot be made ({error.strerror}): choose another"
            ) from error
        paths = (target / f"{self.report_name}.json", target / f"{self.report_name}.md")
        for path in paths:
            check_writable(path, force=force)
        for path, text in zip(paths, (self.to_json(), self.to_markdown()), strict=True):
            write_file(path, text, force=force)
        return paths
