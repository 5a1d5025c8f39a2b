"""The step that was predicted, timed on a real GPU."""

from __future__ import annotations

from statistics import quantiles

from nincost._measure.timed_steps import Clock, CudaClock, time_steps
from nincost._step.request import Request, refuse_own_step
from nincost._time.results import MeasuredTime
from nincost.errors import InputError

#: Seconds of timed steps.
_LIMIT = 3.0


def measure_time(request: Request, clock: Clock | None = None) -> MeasuredTime:
    """Run the request's step on the GPU here: warmed up, then timed by the card's own events.

    Args:
        clock: of another device, as in tests; that of the current GPU where None.

    Raises:
        InputError: there is no GPU.
        NincostError: the step cannot be run.
    """
    refuse_own_step(request, "measuring")
    if clock is None:
        import torch

        if not torch.cuda.is_available():
            raise InputError(
                "there is no CUDA GPU to time steps on (torch.cuda.is_available() is False): leave "
                "--measure and --calibrate out for the prediction alone, or run it where a GPU is"
            )
        clock = CudaClock()
    timed = time_steps(request.step, clock, limit=_LIMIT)
    phases = timed.phases
    tenths = quantiles(timed.seconds, n=10)
    return MeasuredTime(
        device=_name(clock),
        steps=len(timed.seconds),
        step_seconds=timed.step_seconds,
        interval=(tenths[0], tenths[-1]),
        forward_seconds=phases.get("forward", 0.0) + phases.get("loss", 0.0),
        backward_seconds=phases.get("backward", 0.0),
        optimizer_seconds=phases.get("step", 0.0) + phases.get("zero_grad", 0.0),
        host_seconds=timed.host_seconds,
    )


def _name(clock: Clock) -> str:
    import torch

    device = clock.device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
