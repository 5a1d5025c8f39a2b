"""What a training says in words: what was trained, how well, how fast, with how much memory."""

from __future__ import annotations

from nincost import _units as units
from nincost._train.results import Epoch, Speed, StepMemory, Training
from nincost._train.settings import TrainSettings

#: The columns of the table of epochs.
COLUMNS = ("Epoch", "Train loss", "Train acc.", "Test loss", "Test acc.", "Examples/s", "Seconds")


def cells(row: Epoch) -> list[str]:
    """An epoch under `COLUMNS`."""
    return [
        str(row.epoch), f"{row.train_loss:.4f}", f"{row.train_accuracy:.4f}",
        f"{row.test_loss:.4f}", f"{row.test_accuracy:.4f}", f"{row.examples_per_second:,.1f}",
        f"{row.seconds:,.1f}",
    ]  # fmt: skip


def title(result: Training) -> str:
    """`two-1x1, SGD 0.1, batch 128, 224 pixels, 10 epochs, init xavier, seed 0`."""
    return TrainSettings(**result.settings).title


def statements(result: Training) -> list[tuple[str, str]]:
    """All that is said below the table: the result, then the notes."""
    return [*summary(result), *(("Note", text) for text in result.notes)]


def summary(result: Training) -> list[tuple[str, str]]:
    """The result, each line with its name."""
    last, data = result.last, result.data
    lines = [
        (
            "Test",
            f"accuracy {last.test_accuracy:.4f}, loss {last.test_loss:.4f} after "
            f"{last.epoch} epoch{'s' if last.epoch > 1 else ''}",
        ),
        (
            "Data",
            f"{data['name']}, {units.exact(data['train_examples'])} training and "
            f"{units.exact(data['test_examples'])} test examples",
        ),
        ("Summed loss", summed(result)),
        ("Speed", speed(result.speed)),
        ("Computation", computation(result.speed)),
        ("Memory", memory(result.memory)),
    ]
    if result.not_learning:
        lines.insert(1, ("Not learning", "test loss and accuracy are no better than guessing"))
    if result.unsaved:
        lines.append(("Not saved", result.unsaved))
    return lines


def summed(result: Training) -> str:
    """The training loss as those print it who add it up over an epoch's batches."""
    sums = [f"{row.train_loss * result.batches:,.1f}" for row in (result.epochs[0], result.last)]
    course = f"from {sums[0]} to {sums[1]}" if len(result.epochs) > 1 else sums[0]
    batches = units.exact(result.batches)
    return f"{course} where an epoch's {batches} batches are added up: {batches} times the mean"


def speed(found: Speed) -> str:
    """Examples per second, on what, the loader's share, and what was predicted."""
    text = (
        f"{found.examples_per_second:,.1f} examples/s on {found.device}; making batches took "
        f"{found.loading_share:.1%} of the time"
    )
    predicted = found.predicted_examples_per_second
    if predicted is None:
        return text
    return (
        f"{text}; {predicted:,.1f} predicted ({predicted / found.examples_per_second - 1:+.1%}), "
        "without data loading"
    )


def computation(found: Speed) -> str:
    """MACs of an example, and what that makes in FLOP/s."""
    if found.forward_macs is None or found.flops_per_second is None:
        return "the step's MACs are not known"
    text = (
        f"{units.exact(found.forward_macs)} MACs forward and "
        f"{units.exact(found.backward_macs or 0)} backward for one example: "
        f"{units.count(round(found.flops_per_second))}FLOP/s"
    )
    if found.peak_flops is None or found.peak_share is None:
        return f"{text}; the device's peak is not known"
    peak = units.count(round(found.peak_flops))
    return f"{text}, {found.peak_share:.1%} of the {found.peak_kind} peak of {peak}FLOP/s"


def memory(found: StepMemory) -> str:
    """The predicted peak of a step, and the measured one where there is a GPU."""
    if found.predicted_bytes is None:
        text = "not predicted"
    else:
        text = f"{units.size(found.predicted_bytes)} predicted for a step on {found.gpu}"
    if found.measured_bytes is None:
        return f"{text}; not measured, as no GPU was used"
    text = f"{text}; {units.size(found.measured_bytes)} measured"
    if found.predicted_bytes is not None:
        text = f"{text} ({found.predicted_bytes / found.measured_bytes - 1:+.1%} predicted)"
    return f"{text}, in addition to {units.size(found.before_bytes or 0)} of data"
