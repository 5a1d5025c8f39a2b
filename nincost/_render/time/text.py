"""What a prediction of time says: its rows, and the answer in words."""

from __future__ import annotations

from nincost import _units as units
from nincost._render.parts.times import WAITS, percent
from nincost._step.parallel import parallel_words
from nincost._step.step_words import step_words
from nincost._time.results import Cost, Gain, LayerTime, MeasuredTime, OperatorTime, StepTime

#: Rows of layers and of operators unless asked otherwise; CSV and JSON have them all.
TOP = 10

LAYER_HEADINGS = ("Layer", "Time", "Share", "Forward", "Backward", "Waits for")
OPERATOR_HEADINGS = ("Operator", "Calls", "Time", "Share", "FLOP/s", "Bytes/s", "Waits for")
GAIN_HEADINGS = ("What would be faster", "Step", "Examples/s", "Speed", "In words")


def title(result: StepTime) -> str:
    """`resnet50 on 3x224x224 on NVIDIA H100: a training step with SGD`."""
    inputs = f" on {', '.join(result.input)}" if result.input else ""
    ranks = f", {parallel_words(result.settings)}" if result.communication else ""
    return f"{result.model}{inputs}, {result.gpu}: {step_words(result.settings)}{ranks}"


def phases(result: StepTime) -> list[tuple[str, float]]:
    """Each phase that takes time, and the step."""
    totals = result.totals
    found = [
        ("forward", totals.forward_seconds), ("backward", totals.backward_seconds),
        ("optimizer", totals.optimizer_seconds), ("communication", totals.communication_seconds),
    ]  # fmt: skip
    return [*((name, seconds) for name, seconds in found if seconds), ("step", totals.step_seconds)]


def layer_rows(result: StepTime, top: int) -> list[tuple[str, ...]]:
    """The layers that take longest, cells as `LAYER_HEADINGS` says; what is left in a last row."""
    ordered = sorted(result.layers, key=lambda layer: -layer.seconds)
    shown, rest = ordered[: max(top, 0)], ordered[max(top, 0) :]
    rows = [_layer(layer) for layer in shown]
    if rest:
        seconds = sum(layer.seconds for layer in rest)
        rows.append((
            f"{len(rest)} more", units.duration(seconds), percent(sum(one.share for one in rest)),
            units.duration(sum(one.forward_seconds for one in rest)),
            units.duration(sum(one.backward_seconds for one in rest)), "",
        ))  # fmt: skip
    return rows


def _layer(layer: LayerTime) -> tuple[str, ...]:
    return (
        layer.layer, units.duration(layer.seconds), percent(layer.share),
        _or_none(layer.forward_seconds), _or_none(layer.backward_seconds), WAITS[layer.bound_by],
    )  # fmt: skip


def operator_rows(result: StepTime, top: int) -> list[tuple[str, ...]]:
    """The operators that take longest, cells as `OPERATOR_HEADINGS` says."""
    return [_operator(operator) for operator in result.operators[: max(top, 0)]]


def _operator(operator: OperatorTime) -> tuple[str, ...]:
    seconds = operator.seconds or float("inf")
    rate = f"{units.count(round(operator.flops / seconds))}" if operator.flops else "-"
    return (
        operator.operator + ("" if operator.timed else " (by its bytes)"),
        units.exact(operator.calls), units.duration(operator.seconds), percent(operator.share),
        rate, units.size(round(operator.moved_bytes / seconds)), WAITS[operator.bound_by],
    )  # fmt: skip


def gain_rows(result: StepTime) -> list[tuple[str, ...]]:
    """What was changed, cells as `GAIN_HEADINGS` says."""
    return [_gain(gain) for gain in result.gains]


def _gain(gain: Gain) -> tuple[str, ...]:
    return (
        gain.option, units.duration(gain.step_seconds), f"{gain.examples_per_second:,.1f}",
        f"{gain.speedup:.2f}x", gain.description,
    )  # fmt: skip


def _communication(result: StepTime) -> list[tuple[str, str]]:
    sent = result.communication
    if sent is None:
        return []
    joined = {"nvswitch": "NVLink", "pcie": "PCI Express", "host": "the host's memory"}[sent.links]
    return [(
        "Sends",
        f"{units.size(sent.moved_bytes)} in {units.exact(sent.collectives)} "
        f"collective{'s' * (sent.collectives != 1)}, "
        f"{units.duration(sent.seconds)} over {joined} ({sent.link_bandwidth / 1e9:.4g} GB/s); "
        f"{units.duration(result.totals.communication_seconds)} of the step is not hidden",
    )]  # fmt: skip


def summary(result: StepTime) -> list[tuple[str, str]]:
    """The answer in words."""
    totals = result.totals
    low, high = totals.interval
    lines = [
        (
            "Step",
            f"{units.duration(totals.step_seconds)}, {totals.examples_per_second:,.1f} examples/s "
            f"(predicted; {units.duration(low)} to {units.duration(high)})",
        ),
        (
            "Arithmetic",
            f"{units.count(round(totals.flops_per_second))}FLOP/s, {percent(totals.mfu)} of "
            f"{units.count(round(totals.peak_flops))}FLOP/s (MFU)",
        ),
        ("Waits for", ", ".join(
            f"{WAITS[name]} {percent(seconds / totals.step_seconds)}"
            for name, seconds in sorted(totals.by_bound.items(), key=lambda item: -item[1])
            if seconds
        )),
        (
            "Host",
            f"launches {units.exact(totals.kernels)} kernels in "
            f"{units.duration(totals.host_seconds)}; the card waits for it "
            f"{units.duration(totals.waiting_seconds)} a step",
        ),
        *_communication(result),
        ("Hangs on", ", ".join(
            f"{name} (10% better: {less:.1f}% less time)"
            for name, less in result.hangs_on.items()
        )),
    ]  # fmt: skip
    if totals.measured is not None:
        lines.insert(1, ("Measured", measured(totals.step_seconds, totals.measured)))
    return lines if result.cost is None else [*lines, ("Training", cost(result.cost))]


def measured(predicted: float, found: MeasuredTime) -> str:
    """What real steps took, by phase, beside the prediction."""
    low, high = found.interval
    return (
        f"{units.duration(found.step_seconds)} ({units.duration(low)} to {units.duration(high)}, "
        f"median of {found.steps} steps on {found.device}): forward "
        f"{units.duration(found.forward_seconds)}, backward "
        f"{units.duration(found.backward_seconds)}, optimizer "
        f"{units.duration(found.optimizer_seconds)}; the host launches it in "
        f"{units.duration(found.host_seconds)}; predicted is "
        f"{100 * (predicted / found.step_seconds - 1):+.1f}%"
    )


def cost(found: Cost) -> str:
    """An estimate of a whole training."""
    price = "" if found.price is None else f", {found.price:,.2f} at that price"
    epochs = f"{found.epochs:g} epoch{'' if found.epochs == 1 else 's'}"
    return (
        f"an estimate: {epochs} of {units.exact(found.examples)} examples in "
        f"{units.duration(found.seconds)}: {found.gpu_hours:,.2f} GPU-hours, "
        f"{found.energy_kwh:,.2f} kWh at {found.watts:,.0f} W{price}"
    )


def notes(result: StepTime) -> list[str]:
    """What a careful reader should know."""
    if not result.untimed:
        return list(result.notes)
    names = ", ".join([*result.untimed[:5], *["..."] * (len(result.untimed) > 5)])
    return [*result.notes, f"no time is known of {names}: counted by the bytes they touch"]


def statements(result: StepTime) -> list[tuple[str, str]]:
    """All that is said: the answer, then the notes."""
    return [*summary(result), *(("Note", text) for text in notes(result))]


def _or_none(seconds: float) -> str:
    return units.duration(seconds) if seconds else "-"
