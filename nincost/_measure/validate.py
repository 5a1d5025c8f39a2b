"""Holds predictions against what a GPU really takes, over a suite of steps."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from nincost._environment import environment
from nincost._files import check_writable, write_file
from nincost._isolation import collection_paused
from nincost._measure.measure import measure_request, measured_from
from nincost._measure.suite import Case, suite
from nincost._memory.predict import describe, predict
from nincost._memory.results import Measured, Memory
from nincost._result import Result, Tabular
from nincost._step.request import Request, make_request
from nincost.errors import InputError, NincostError

#: What is compared: a total's name, and as a column.
COMPARED = ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes")

#: The columns of a validation's CSV: a row for each case, in bytes.
VALIDATION_COLUMNS = (
    "case", *(f"{side}_{name}" for name in COMPARED for side in ("predicted", "measured")),
    "failure",
)  # fmt: skip

#: Bytes of a report that are read; the whole suite's has a twentieth of it.
_LARGEST_REPORT = 16 * 2**20

#: Measures a case; the number is that of the steps that were played.
Measurer = Callable[[Case, Request, int], Measured]


@dataclass(frozen=True, slots=True)
class Row:
    """A case: what was predicted and what was measured; `failure` where one of both failed."""

    case: str
    predicted: Memory | None
    measured: Measured | None
    failure: str = ""

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
    """

    renderers: ClassVar[str] = "validate"

    gpu: str
    versions: Mapping[str, str]
    rows: tuple[Row, ...]
    recorded: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def median_error(self, name: str) -> float | None:
        """The median of a total's absolute relative errors."""
        errors = [abs(error) for row in self.rows if (error := row.error(name)) is not None]
        return statistics.median(errors) if errors else None

    def worst_error(self, name: str) -> float | None:
        """The largest of a total's absolute relative errors."""
        errors = [abs(error) for row in self.rows if (error := row.error(name)) is not None]
        return max(errors, default=None)

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
                (row.case, *(size for name in COMPARED for size in row.pair(name)), row.failure)
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


def validate(
    *,
    quick: bool = False,
    recorded: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Validation:
    """Predict and measure a suite of steps, and set both side by side.

    Args:
        quick: a handful of cases instead of all.
        recorded: a report of an earlier run, whose measurements are taken in place of a GPU's: to
            see what a change of the rules does to all predictions, without that GPU.
        progress: called with each case's name before it is run.

    Returns:
        A `Validation`; its `save` writes the reports.

    Raises:
        InputError: there is no CUDA GPU and no report, or the report cannot be read.
    """
    if recorded is not None:
        gpu, versions, known = _read_report(Path(recorded))
        cases = tuple(case for case in suite(quick=quick) if case.name in known)
        if not cases:
            raise InputError(
                f"the report {str(recorded)!r} has none of the suite's cases: expected one that "
                "nincost validate wrote"
            )

        rows = tuple(_rows(cases, gpu, lambda case, *_: known[case.name], progress))
        return Validation(gpu, versions, rows, str(recorded), environment())
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            "there is no CUDA GPU to validate on (torch.cuda.is_available() is False): run this "
            "where one is, or give --recorded with the report of such a machine"
        )
    gpu = torch.cuda.get_device_name(0)
    rows = tuple(
        _rows(suite(quick=quick), None, lambda _, *given: measure_request(*given), progress)
    )
    versions = next((dict(row.measured.versions) for row in rows if row.measured), {})
    return Validation(gpu, versions, rows, "", environment())


def _rows(
    cases: tuple[Case, ...],
    gpu: str | None,
    measurer: Measurer,
    progress: Callable[[str], None] | None,
) -> list[Row]:
    rows = []
    for case in cases:
        if progress:
            progress(case.name)
        rows.append(_row(case, gpu, measurer))
    return rows


def _row(case: Case, gpu: str | None, measurer: Measurer) -> Row:
    """One case; a failure is its own, the suite goes on."""
    predicted = None
    try:
        with collection_paused():
            options: Any = case.options
            request = make_request(case.model, gpu, case.batch_size, **options)
            found = predict(request)
            # The history of each case would be megabytes.
            predicted = replace(describe(found), history=None)
        return Row(case.name, predicted, measurer(case, request, found.played.steps))
    except NincostError as error:
        return Row(case.name, predicted, None, str(error))


def _read_report(path: Path) -> tuple[str, dict[str, str], dict[str, Measured]]:
    """The card, versions, and measurements by case of a report."""
    try:
        with path.open("rb") as file:
            report = json.loads(file.read(_LARGEST_REPORT))
        known = {
            row["case"]: measured_from(row["measured"])
            for row in report["cases"]
            if row["measured"] is not None
        }
        return report["gpu"], report["versions"], known
    except OSError as error:
        raise InputError(
            f"the report {str(path)!r} cannot be read ({error.strerror}): give one that "
            "nincost validate wrote"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the report {str(path)!r} is not what nincost validate writes "
            f"({type(error).__name__}: {error}): give its JSON file"
        ) from error
