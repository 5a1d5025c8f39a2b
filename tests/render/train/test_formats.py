"""A training in each format."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import pictures
from support.results import training

from nincost._render.figures.picture import render
from nincost._render.train import jsonl as train_jsonl
from nincost._render.train import table as train_table
from nincost._train.results import EPOCH_COLUMNS, Epoch, StepMemory, Training
from nincost.errors import OutputError


@pytest.fixture
def result() -> Training:
    return training()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_and_says_all(result: Training, width: int) -> None:
    text = train_table.render(result, width=width)
    assert all(len(line) <= max(width, 72) for line in text.splitlines())
    flat = " ".join(text.split())
    for words in (
        "2 1.2500 0.4000 1.1000 0.5000 1,500.0 40.0",
        "accuracy 0.7500, loss 0.7333 after 3 epochs",
        "1,500.0 examples/s on NVIDIA A100-SXM4-40GB; making batches took 5.0% of the time",
        "762,297,352 MACs forward and 1,490,722,448 backward for one example: 6.759 TFLOP/s, 4.3% "
        "of the tf32 peak of 156.0 TFLOP/s",
        "1.000 GiB predicted for a step on NVIDIA A100-SXM4-40GB; 1000.0 MiB measured "
        "(+2.4% predicted), in addition to 55.00 MiB of data",
        "something *odd*",
        "momentum 0.9",
    ):
        assert words in flat, words


def test_what_is_not_known_is_said_so(result: Training) -> None:
    bare = replace(
        result,
        speed=replace(
            result.speed, forward_macs=None, flops_per_second=None, peak_flops=None, peak_share=None
        ),
        memory=StepMemory("", None, None, None),
        not_learning=True,
        unsaved="the disk is full",
    )
    flat = " ".join(train_table.render(bare, width=100).split())
    for words in (
        "the step's MACs are not known", "not predicted; not measured, as no GPU was used",
        "Not learning test loss and accuracy are no better than guessing",
        "Not saved the disk is full",
    ):  # fmt: skip
        assert words in flat, words
    no_peak = replace(result.speed, peak_flops=None, peak_share=None)
    known = train_table.render(replace(result, speed=no_peak), width=200)
    assert "the device's peak is not known" in known


def test_csv_has_all_digits(result: Training) -> None:
    rows = list(csv.DictReader(result.to_csv().splitlines()))
    assert tuple(rows[0]) == EPOCH_COLUMNS
    assert float(rows[2]["train_loss"]) == 2.5 / 3
    assert rows[0]["examples_per_second"] == "1500.0"
    assert result.to_dataframe()["test_accuracy"].tolist() == [0.25, 0.5, 0.75]


def test_json_and_lines_agree(result: Training) -> None:
    document = json.loads(result.to_json())
    assert (document["schema"], document["command"]) == (1, "train")
    assert document["totals"]["test_accuracy"] == 0.75
    lines = [json.loads(line) for line in train_jsonl.render(result).splitlines()]
    assert [line["event"] for line in lines] == ["start", "epoch", "epoch", "epoch", "end"]
    assert {**lines[2], "event": 0} == {**document["epochs"][1], "event": 0}
    assert lines[-1]["speed"] == document["speed"]


def test_markdown_and_html_escape(result: Training) -> None:
    assert "# a&lt;b&gt;, SGD 0.1" in result.to_markdown()
    assert r"something \*odd\*" in result.to_markdown()
    assert "a&lt;b&gt;" in result._repr_html_()
    assert str(result).startswith("a<b>, SGD 0.1, batch 128")


@pytest.mark.parametrize("width", ["column", "page"])
def test_the_curves_are_one_picture_with_each_value(result: Training, width: str) -> None:
    picture = result.plot(width=width)
    assert picture.title == (
        "a<b>, SGD 0.1, batch 128, 224 pixels, 3 epochs, init xavier, momentum 0.9, seed 0"
    )
    for axes, what, guessing in zip(
        picture.axes, ("loss", "accuracy"), (2.302585, 0.1), strict=True
    ):
        assert axes.get_title(loc="left").lower() == what
        lines = {line.get_label(): line for line in axes.lines}
        for name, field in (("training", f"train_{what}"), ("test", f"test_{what}")):
            assert list(lines[name].get_xdata()) == [1, 2, 3]
            assert list(lines[name].get_ydata()) == [getattr(row, field) for row in result.epochs]
            assert max(lines[name].get_ydata()) <= axes.get_ylim()[1]
        assert lines["guessing"].get_ydata() == pytest.approx([guessing] * 2, abs=1e-6)
        assert axes.get_ylim()[0] == 0
    (legend,) = picture.legends
    assert [text.get_text() for text in legend.texts] == ["guessing", "training", "test"]
    shown = pictures.words(render(picture, "svg"))
    assert {"Loss", "Accuracy", "guessing", "training", "test"} <= set(shown)


@pytest.mark.parametrize(("count", "ticks"), [(1, [1]), (2, [1, 2]), (40, [10, 20, 30, 40])])
@pytest.mark.parametrize("width", ["column", "page"])
def test_one_epoch_and_many_have_a_picture(
    result: Training, count: int, ticks: list[int], width: str
) -> None:
    epochs = tuple(Epoch(n, 2.3 / n, 0.1, 9.0, 0.1, 10, 1.0, 0.1) for n in range(1, count + 1))
    picture = replace(result, epochs=epochs).plot(width=width)
    for axes in picture.axes:
        assert len(axes.lines[1].get_xdata()) == count
        left, right = axes.get_xlim()
        assert left < 1 <= count < right
        assert set(ticks) <= set(axes.get_xticks())
        assert [label.get_text() for label in axes.get_xticklabels()] == [
            str(tick) for tick in axes.get_xticks()
        ]
    loss, accuracy = picture.axes
    assert loss.get_ylim() == (0, 10)
    assert accuracy.get_ylim() == (0, 1)
    panels = [axes.get_position() for axes in picture.axes]
    assert all(0 < box.x0 < box.x1 < 1 and 0 < box.y0 < box.y1 < 1 for box in panels)


def test_a_picture_is_written(result: Training, tmp_path: Path) -> None:
    for name in ("curves.svg", "curves.png", "curves.pdf"):
        result.plot(tmp_path / name)
        again = (tmp_path / name).read_bytes()
        result.plot(tmp_path / name, force=True)
        assert (tmp_path / name).read_bytes() == again  # the same bytes each time
    with pytest.raises(OutputError, match="force"):
        result.plot(tmp_path / "curves.svg")
