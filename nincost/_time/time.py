"""`nincost.time`: how long a step takes on a card, without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Unpack

from nincost._isolation import collection_paused, in_own_mode
from nincost._models.nin import DEFAULT_MODEL
from nincost._step.option_fields import with_options
from nincost._step.parallel import Parallel, ParallelOptions, split_options
from nincost._step.request import Request, make_request
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions
from nincost._time.calibration import calibrate as fit_factors
from nincost._time.calibration import (
    chosen_calibration,
    in_words,
    keep,
    refuse_another_card,
    stored_at,
)
from nincost._time.cost import check_cost, training_cost
from nincost._time.describe import describe
from nincost._time.gains import gains
from nincost._time.measured import measure_time
from nincost._time.predict import predict_time, timed_with
from nincost._time.ranks.links import Links, usual_links
from nincost._time.results import StepTime
from nincost._time.speeds import check_figure, refuse_quantized, with_speeds
from nincost.errors import InputError

#: Operators of a step up to which some five more predictions take seconds.
_CHEAP = 4000


class TimeOptions(StepOptions, ParallelOptions, total=False):
    """A step, and how it is spread over ranks."""


@in_own_mode
@with_options((Step, Parallel), TimeOptions.__annotations__)
def time(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    gpu: str | None = None,
    suggest: bool | Literal["cheap"] | None = None,
    bandwidth: float | None = None,
    tflops: float | None = None,
    examples: int | None = None,
    epochs: float | None = None,
    price: float | None = None,
    power: float | None = None,
    measure: bool = False,
    calibrate: bool | str | None = None,
    calibration: str | None = None,
    link_bandwidth: float | None = None,
    network_bandwidth: float | None = None,
    cuda_graphs: bool = False,
    **options: Unpack[TimeOptions],
) -> StepTime:
    """As `nincost.time`, of a step that is recorded on the meta device.

    Args:
        {options}
    """
    check_cost(examples, epochs, price, power)
    given, parallel = split_options(options)
    joining = {"link_bandwidth": link_bandwidth, "network_bandwidth": network_bandwidth}
    check_ranks(parallel, joining, measures=bool(measure or calibrate))
    if cuda_graphs and (measure or calibrate):
        raise InputError("measure and calibrate launch each kernel: leave them or cuda_graphs out")
    with collection_paused():
        request, links = prepare(
            model, gpu, batch_size, input, arg, given, parallel, bandwidth, tflops, joining
        )
        timing = predict_time(
            request, compiled=parallel.compile, parallel=parallel, links=links, graph=cuda_graphs
        )
        measured = measure_time(request) if measure or calibrate else None
        notes = []
        if calibrate:
            assert measured is not None
            refuse_another_card(request, measured)
            factors = fit_factors(timing, measured)
            path = Path(calibrate) if isinstance(calibrate, str) else stored_at(factors.card)
            keep(factors, path)
            notes.append(f"{in_words(factors)}, kept in {path}")
        else:
            found = chosen_calibration(request.card.title, calibration)
            if found is not None:
                timing = timed_with(timing, found.applied(timing.timed.parameters))
                notes.append(in_words(found))
        result = describe(timing)
        cost = training_cost(
            result.totals, request.card.gpu, ranks=parallel.ranks, examples=examples,
            epochs=epochs, price=price, power=power,
        )  # fmt: skip
        result = replace(
            result, cost=cost, totals=replace(result.totals, measured=measured),
            notes=(*result.notes, *notes),
        )  # fmt: skip
        if suggest is True or (suggest and len(timing.timed.operators.launched) <= _CHEAP):
            result = replace(result, gains=gains(timing))
    return result


def prepare(
    model: Any, gpu: str | None, batch_size: int, input: Any, arg: Mapping[str, Any] | None,
    step: Mapping[str, Any], parallel: Parallel, bandwidth: float | None, tflops: float | None,
    joining: Mapping[str, float | None],
) -> tuple[Request, Links]:  # fmt: skip
    """The step that is asked for, on a card with speeds, and how its ranks are joined.

    Raises:
        InputError: of the card too little is known, or weights are quantized.
    """
    request = make_request(model, gpu, batch_size, input=input, arg=arg, **step)
    refuse_quantized(request)
    request = with_speeds(request, gpu, bandwidth, tflops)
    return request, usual_links(
        request.card.gpu, parallel.ranks_per_node, within=joining["link_bandwidth"],
        between=joining["network_bandwidth"],
    )  # fmt: skip


def check_ranks(parallel: Parallel, joining: Mapping[str, float | None], *, measures: bool) -> None:
    """Refuse figures of links that there are none of, and to measure several ranks.

    Raises:
        InputError: the one or the other.
    """
    for name, figure in joining.items():
        check_figure(name, figure, "50 (GB/s)")
        if figure is not None and parallel.ranks == 1:
            raise InputError(f"{name} joins several ranks, and there is one: give --ranks too")
    if parallel.ranks > 1 and measures:
        raise InputError("measure and calibrate run one GPU: leave them or ranks out")
