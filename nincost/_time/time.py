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
from nincost._step.request import make_request
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
from nincost._time.ranks.links import usual_links
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
    """Predict how long a training step takes on a GPU, without one.

    The step is the one that `memory` predicts, on the meta device. Each operator's kernels are
    timed by their FLOPs and bytes, with efficiencies that were fitted to measured kernels and
    networks; the host launches them one after another, and the step is as long as the slower of
    both. With `ranks` each data-parallel rank gathers, reduces and scatters beside its kernels, as
    DDP and FSDP do. With `compile` chains of element-wise operators read and write once, and the
    host launches kernels alone: a rough model. docs/time.md says how well that was met.

    Args:
        model, input, batch_size, arg: as in `nincost.profile`.
        gpu: the card, such as `h100`; the one in this machine, else an A100, where None.
        suggest: predict what a larger batch, mixed precision, channels-last and a fused optimizer
            would gain; `cheap`: where that takes some seconds at most, as the command does for its
            table. None: no.
        bandwidth: the card's memory bandwidth in GB/s, where it is another than nincost knows.
        tflops: its peak in TFLOP/s, for the precision of the step.
        examples: in an epoch, for an estimate of a whole training.
        epochs: how many; 1 where None.
        price: of a GPU-hour, in any currency.
        power: watts that the card draws; its rated power where None.
        measure: run the step on the GPU here, too, and set both side by side.
        calibrate: measure, and keep by how much this card's kernels and its host were slower or
            faster than predicted: in the user's cache, from where later predictions for the card
            take it, or in the file that is named.
        calibration: such a file, of the same card; `none` for no factors at all. Those in the
            user's cache where None.
        link_bandwidth: GB/s that a rank sends to the next one of its machine; as such cards are
            commonly joined where None.
        network_bandwidth: GB/s that a rank may send to other machines; likewise.
        cuda_graphs: the step's kernels are launched at once, as by a CUDA graph of all of it.
        {options}

    Returns:
        A `StepTime`: totals, and what each layer and operator takes.

    Raises:
        NincostError: something that does not fit; its message says what to try.

    Examples:
        >>> nincost.time("two-1x1", batch_size=128, gpu="v100").totals.bound_by
        'compute'
    """
    check_cost(examples, epochs, price, power)
    given, parallel = split_options(options)
    step: Any = given
    links = {"link_bandwidth": link_bandwidth, "network_bandwidth": network_bandwidth}
    for name, figure in links.items():
        check_figure(name, figure, "50 (GB/s)")
        if figure is not None and parallel.ranks == 1:
            raise InputError(f"{name} joins several ranks, and there is one: give --ranks too")
    if parallel.ranks > 1 and (measure or calibrate):
        raise InputError("measure and calibrate run one GPU: leave them or ranks out")
    if cuda_graphs and (measure or calibrate):
        raise InputError("measure and calibrate launch each kernel: leave them or cuda_graphs out")
    with collection_paused():
        request = make_request(model, gpu, batch_size, input=input, arg=arg, **step)
        refuse_quantized(request)
        request = with_speeds(request, gpu, bandwidth, tflops)
        joined = usual_links(
            request.card.gpu, parallel.ranks_per_node, within=link_bandwidth,
            between=network_bandwidth,
        )  # fmt: skip
        timing = predict_time(
            request, compiled=parallel.compile, parallel=parallel, links=joined, graph=cuda_graphs
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
        cost = training_cost(timing, examples=examples, epochs=epochs, price=price, power=power)
        result = describe(timing)
        result = replace(
            result, cost=cost, totals=replace(result.totals, measured=measured),
            notes=(*result.notes, *notes),
        )  # fmt: skip
        if suggest is True or (suggest and len(timing.timed.operators.launched) <= _CHEAP):
            result = replace(result, gains=gains(timing))
    return result
