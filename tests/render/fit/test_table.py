"""The table of a fit at both widths, its CSV and Markdown."""

from __future__ import annotations

import csv
import io

import pytest

import nincost
from nincost._render.fit import table


@pytest.fixture(scope="module")
def fitted():
    return nincost.fit("two-1x1", gpu="8GiB")


@pytest.mark.parametrize("width", [80, 120])
def test_every_line_fits_the_terminal(fitted, width):
    assert max(map(len, table.render(fitted, width=width).splitlines())) <= width


def test_the_fit_shows_both_batches(fitted):
    batch = fitted.totals.batch_size
    text = table.render(fitted, width=80)
    assert f"Batch {batch}" in text
    assert f"Batch {batch + 1}" in text
    rows = list(csv.DictReader(io.StringIO(fitted.to_csv())))
    assert [row["fits"] for row in rows] == ["1", "0"]
    assert int(rows[0]["process_bytes"]) == fitted.totals.process_bytes
    assert f"| batch {batch} |" in fitted.to_markdown()
