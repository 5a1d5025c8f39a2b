"""What a whole training costs, from the time of a step: hours, energy, money. Estimates."""

from __future__ import annotations

from math import ceil

from nincost._devices.cards import Gpu
from nincost._time.results import Cost, TimeTotals
from nincost._time.speeds import check_figure
from nincost.errors import InputError


def check_cost(
    examples: int | None, epochs: float | None, price: float | None, power: float | None
) -> None:
    """Refuse what no cost can be estimated from.

    Raises:
        InputError: a figure is not above 0, or there are no examples to count by.
    """
    given = {"epochs": epochs, "price": price, "power": power}
    for name, value, example in (
        ("examples", examples, "60000"), ("epochs", epochs, "90"), ("price", price, "2.50"),
        ("power", power, "350 (watts)"),
    ):  # fmt: skip
        check_figure(name, value, example)
    named = [name for name, value in given.items() if value is not None]
    if examples is None and named:
        raise InputError(
            f"{named[0]} is given and examples is not: say how many an epoch has, such as "
            "--examples 1281167"
        )


def training_cost(
    step: TimeTotals,
    gpu: Gpu,
    *,
    ranks: int,
    examples: int | None,
    epochs: float | None,
    price: float | None,
    power: float | None,
) -> Cost | None:
    """Hours, energy and money, of what `check_cost` accepts; None where examples is None.

    Args:
        step: what one step takes.
        ranks: how many cards run it.
        examples: in an epoch; a last batch that is not full takes as long as a full one.
        epochs: 1 where None.
        price: of one GPU-hour.
        power: watts that the card draws; its rated power where None.
    """
    if examples is None:
        return None
    many = 1.0 if epochs is None else float(epochs)
    each = round(step.examples_per_second * step.step_seconds)
    seconds = ceil(examples / each) * many * step.step_seconds
    hours = seconds / 3600 * ranks
    watts = float(gpu.watts if power is None else power)
    return Cost(
        examples=examples,
        epochs=many,
        seconds=seconds,
        gpu_hours=hours,
        watts=watts,
        energy_kwh=hours * watts / 1000,
        price=None if price is None else hours * price,
    )
