"""Compares predictions with what a GPU really allocates, over a suite of steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nincost._environment import environment
from nincost._isolation import collection_paused, in_own_mode
from nincost._measure.measure import measure_request, measured_from
from nincost._measure.results import Measured
from nincost._memory.predict import describe, predict
from nincost._progress import advance
from nincost._step.request import Request, make_request
from nincost._validate.results import Validation, ValidationRow
from nincost._validate.suite import Case, suite
from nincost.errors import InputError, NincostError

#: Bytes of a report that are read; the whole suite's has a twentieth of it.
_LARGEST_REPORT = 16 * 2**20

#: Measures a case; the number is that of the steps that were simulated.
Measurer = Callable[[Case, Request, int], Measured]


@in_own_mode
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
) -> list[ValidationRow]:
    rows = []
    for number, case in enumerate(cases):
        advance(case.name, number, len(cases))
        if progress:
            progress(case.name)
        rows.append(_row(case, gpu, measurer))
    return rows


def _row(case: Case, gpu: str | None, measurer: Measurer) -> ValidationRow:
    """One case; a failure is its own, the suite goes on."""
    predicted = None
    try:
        with collection_paused():
            options: Any = case.options
            request = make_request(case.model, gpu, case.batch_size, **options)
            found = predict(request)
            # The history of each case would be megabytes.
            predicted = replace(describe(found), history=None)
        return ValidationRow(case.name, predicted, measurer(case, request, found.simulation.steps))
    except NincostError as error:
        return ValidationRow(case.name, predicted, None, str(error))


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
