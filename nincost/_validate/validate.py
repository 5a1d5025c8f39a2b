"""Compares predictions with what a GPU really allocates, over a suite of steps."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nincost._environment import environment
from nincost._isolation import collection_paused, in_own_mode
from nincost._measure.measure import Measurement, measured_from
from nincost._measure.results import Measured
from nincost._memory.predict import describe, predict
from nincost._progress import advance
from nincost._signals import request_granted
from nincost._step.request import Request, make_request
from nincost._time.predict import predict_time
from nincost._time.speeds import is_timed
from nincost._validate.results import Validation, ValidationRow
from nincost._validate.suite import Case, suite
from nincost.errors import InputError, NincostError

#: Bytes of a report that are read; the whole suite's has a twentieth of it.
_LARGEST_REPORT = 16 * 2**20

#: Seconds for which each case's steps are timed, once its memory is measured.
_TIMED_SECONDS = 1.0

#: Prepares the measurement of a case, which runs when what it gives is called. The number is that
#: of the steps that were simulated; what is opened is closed when all cases are done.
Preparer = Callable[[Case, Request, int, contextlib.ExitStack], Callable[[], Measured]]

#: Measurements that are prepared while one runs: importing torch takes longer than most steps.
_AHEAD = 3


@in_own_mode
def validate(
    *,
    quick: bool = False,
    recorded: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Validation:
    """Predict and measure a suite of steps, memory and time, and set both side by side.

    Args:
        quick: a handful of cases instead of all.
        recorded: a report of an earlier run, whose measurements are taken in place of a GPU's: to
            see what a change of the rules does to all predictions, without that GPU.
        progress: called with each case's name before it is run.

    Returns:
        A `Validation`; its `save` writes the reports. Ctrl-C ends it early with the cases so far.

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

        timed = any(known[case.name].step_seconds for case in cases)
        rows = tuple(
            _rows(cases, gpu, lambda case, *_: lambda: known[case.name], progress, times=timed)
        )
        return Validation(gpu, versions, rows, str(recorded), environment())
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            "there is no CUDA GPU to validate on (torch.cuda.is_available() is False): run this "
            "where one is, or give --recorded with the report of such a machine"
        )
    gpu = torch.cuda.get_device_name(0)
    cases = suite(quick=quick)
    rows = tuple(_rows(cases, None, _measurement, progress))
    versions = next((dict(row.measured.versions) for row in rows if row.measured), {})
    return Validation(gpu, versions, rows, "", environment(), left=len(cases) - len(rows))


def _rows(
    cases: tuple[Case, ...],
    gpu: str | None,
    prepare: Preparer,
    progress: Callable[[str], None] | None,
    *,
    times: bool = True,
) -> list[ValidationRow]:
    """A row for each case. The next measurements are prepared while one runs.

    What was measured is worth having where a user ends it early: the rows so far are given.
    """
    rows: list[ValidationRow] = []
    waiting: deque[Callable[[], ValidationRow]] = deque()

    def finish() -> None:
        advance(cases[len(rows)].name, len(rows), len(cases))
        if progress:
            progress(cases[len(rows)].name)
        rows.append(waiting.popleft()())

    with contextlib.ExitStack() as opened:
        try:
            for case in cases:
                waiting.append(_prepared(case, gpu, prepare, opened, times=times))
                if len(waiting) > _AHEAD:
                    finish()
            while waiting:
                finish()
        except KeyboardInterrupt:
            if not rows:
                raise
            request_granted()
    return rows


def _prepared(
    case: Case, gpu: str | None, prepare: Preparer, opened: contextlib.ExitStack, *, times: bool
) -> Callable[[], ValidationRow]:
    """Predicts a case; what measures it and gives its row. A failure is the case's own."""
    predicted = seconds = None
    try:
        with collection_paused():
            options: Any = case.options
            request = make_request(case.model, gpu, case.batch_size, **options)
            found = predict(request)
            # The history of each case would be megabytes.
            predicted = replace(describe(found), history=None)
            if times and is_timed(request):
                seconds = predict_time(request).seconds
        measure = prepare(case, request, found.simulation.steps, opened)
    except NincostError as error:
        failure = str(error)
        return lambda: ValidationRow(case.name, predicted, None, failure)

    def measured() -> ValidationRow:
        try:
            return ValidationRow(case.name, predicted, measure(), "", seconds)
        except NincostError as error:
            return ValidationRow(case.name, predicted, None, str(error))

    return measured


def _measurement(
    _: Case, request: Request, steps: int, opened: contextlib.ExitStack
) -> Callable[[], Measured]:
    measurement = Measurement(request, steps, timed_seconds=_TIMED_SECONDS)
    return opened.enter_context(measurement).run


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
