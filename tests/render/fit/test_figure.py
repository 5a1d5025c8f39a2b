"""The picture of a fit, against what single predictions say."""

from __future__ import annotations

import pytest
from support.pictures import words

import nincost
from nincost._render.figures.picture import render
from nincost._render.fit import figure


@pytest.fixture(scope="module")
def fitted():
    return nincost.fit("two-1x1", gpu="2GiB")


@pytest.mark.parametrize("width", ["column", "page"])
def test_fit_draws_what_single_predictions_say(fitted, width):
    picture = figure.draw(fitted, width=width)
    lines = {line.get_label(): line for line in picture.axes[0].lines}
    process = lines["process, with its context"]
    answer = fitted.totals.batch_size
    assert answer in process.get_xdata()
    for batch, size, allocated in zip(
        process.get_xdata(), process.get_ydata(), lines["allocated"].get_ydata(), strict=True
    ):
        alone = nincost.memory("two-1x1", batch_size=int(batch), gpu="2GiB", measure=False).totals
        assert (size, allocated) == (alone.process_bytes, alone.peak_allocated_bytes)
    assert any(set(line.get_ydata()) == {2 << 30} for line in picture.axes[0].lines)
    shown = words(render(picture, "svg"))
    assert any(w.startswith(f"batch {answer}: ") for w in shown)
    assert "2.000 GiB" in shown  # a size names no card


def test_the_answers_range_lies_within_the_picture():
    result = nincost.fit("two-1x1", gpu="700MiB")
    low, high = result.memory.totals.interval["process_bytes"]
    axes = figure.draw(result).axes[0]
    assert high > result.totals.budget_bytes  # or it would show nothing
    (bar,) = [c for c in axes.collections if len(c.get_segments()) == 1 and c.get_zorder() == 5]
    assert list(bar.get_segments()[0][:, 1]) == [low, high]
    assert axes.get_ylim()[0] <= low < high <= axes.get_ylim()[1]


def test_a_card_that_is_named_is_in_the_picture():
    result = nincost.fit("two-1x1", gpu="rtx3060")
    assert any("RTX 3060" in w for w in words(render(figure.draw(result), "svg")))
