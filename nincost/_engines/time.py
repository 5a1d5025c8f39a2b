"""`nincost.time`: how long a step takes on a card, without one; the engine that can say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Unpack

from nincost._engines.ranks_time import ranks_time
from nincost._isolation import in_own_mode
from nincost._models.nin import DEFAULT_MODEL
from nincost._step.option_fields import with_options
from nincost._step.parallel import Parallel, split_options
from nincost._step.step_options import Step
from nincost._time.ranks.spread import untimed
from nincost._time.results import StepTime
from nincost._time.time import TimeOptions
from nincost._time.time import time as by_meta


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
    host launches kernels alone: a rough model. docs/time.md says how well that was met. Ranks of
    tensor or pipeline parallelism, or with offload, run on the emulated GPU (Linux, some seconds),
    and what each launches is timed; stages wait for each other.

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
    given: dict[str, Any] = {
        "input": input, "batch_size": batch_size, "arg": arg, "gpu": gpu, "bandwidth": bandwidth,
        "tflops": tflops, "examples": examples, "epochs": epochs, "price": price, "power": power,
        "measure": measure, "calibrate": calibrate, "calibration": calibration,
        "link_bandwidth": link_bandwidth, "network_bandwidth": network_bandwidth,
        "cuda_graphs": cuda_graphs, "suggest": suggest,
    }  # fmt: skip
    _, parallel = split_options(options)
    if untimed(parallel):
        return ranks_time(model, given, options)
    return by_meta(model, **given, **options)
