"""The table of a prediction of memory at both widths, its CSV, Markdown and HTML."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

import nincost
from nincost._measure.results import Measured
from nincost._render.memory import table


@pytest.fixture(scope="module")
def result():
    return nincost.memory(
        "two-1x1", batch_size=128, what_if="one-1x1", suggest=True, gpu="rtx3060", measure=False
    )


@pytest.mark.parametrize("width", [80, 120])
def test_every_line_fits_the_terminal(result, width):
    assert max(map(len, table.render(result, width=width).splitlines())) <= width


def test_the_words_say_what_where_and_how_to_reduce_it(result):
    text = " ".join(table.render(result, width=80).split())
    totals = result.totals
    assert f"reached in backward at {totals.peak_layer} ({totals.peak_op})" in text
    assert "Breakdown activations" in text
    assert "To reduce --batch-size 64 (half the batch):" in text
    assert "Alternative one-1x1 would allocate" in text
    assert "Measured no: there is no GPU here" in text


def test_a_measurement_stands_beside_the_prediction(result):
    totals = result.totals
    measured = Measured(
        peak_allocated_bytes=totals.peak_allocated_bytes,
        peak_reserved_bytes=totals.peak_reserved_bytes + 2**21,
        process_bytes=None,
        peak_phase="backward",
        categories_at_peak={"parameters": totals.categories_at_peak["parameters"]},
        phases={},
        device="Some GPU",
        versions={},
        steps=4,
    )
    beside = replace(result, totals=replace(totals, measured=measured))
    text = table.render(beside, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "exact" in text
    assert "-2.000 MiB" in text
    assert "on Some GPU" in text
    assert "measured" in beside.to_markdown()
    full = replace(measured, out_of_memory="CUDA out of memory.", shortfall_bytes=2**20)
    short = replace(result, totals=replace(totals, measured=full))
    assert "out of memory on Some GPU, 1.000 MiB short" in table.render(short, width=120)


def test_the_csv_adds_up(result):
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert sum(int(row["bytes"]) for row in rows) == result.totals.peak_allocated_bytes
    assert (
        sum(int(row["workspace"]) for row in rows)
        == (result.totals.categories_at_peak["workspace"])
    )


def test_markdown_and_html_hold_whole_numbers_and_escaped_names(result):
    named = replace(result, model="a|b<c>")
    assert "a\\|b&lt;c&gt;" in named.to_markdown()
    assert f"{result.totals.peak_reserved_bytes:,}" in named.to_markdown()
    assert "a|b&lt;c&gt;" in named._repr_html_()


def test_a_card_that_is_too_small_is_named(result):
    small = nincost.memory("two-1x1", batch_size=128, gpu="1GiB", measure=False)
    says = table.render(small, width=120).splitlines()[0]
    assert says.startswith("DOES NOT FIT: needs 2.")
    assert says.endswith("short)")
    assert small.to_dict()["totals"]["fits"] is False
    assert says in small.to_markdown()
    assert table.render(result, width=120).splitlines()[0].startswith("FITS: needs ")
    assert result.totals.fits is True
    unknown = replace(result, totals=replace(result.totals, budget_bytes=None))
    assert "to spare" not in table.render(unknown, width=120)
    assert unknown.totals.fits is None
