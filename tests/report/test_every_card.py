"""No page has an odd figure: six models, every known card, several batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import nincost
from nincost._devices.cards import GPUS

MODELS = (
    "two-1x1", "resnet18", "mobilenet_v3_small", "vit_b_16", "densenet121", "convnext_tiny",
)  # fmt: skip

CARDS = sorted(GPUS)
BATCHES = (1, 32, 128)
#: Each other model on each card, at one of the batches in turn.
_OTHERS = [
    (model, card, BATCHES[(place + number) % len(BATCHES)])
    for place, model in enumerate(MODELS[1:])
    for number, card in enumerate(CARDS)
]

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Each number of a JSON document, with where it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from numbers(inner, f"{path}[{place}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "card", "batch"), [*itertools.product(MODELS[:1], CARDS, BATCHES), *_OTHERS]
)
def test_no_figure_is_odd(model: str, card: str, batch: int) -> None:
    report = nincost.report(model, batch_size=batch, gpu=card, suggest=False, measure=False)
    odd = [
        (path, value)
        for path, value in numbers(report.to_dict())
        if not 0 <= value < 2**62 and "settings" not in path
    ]
    assert not odd
    assert report.training is not None
    assert report.inference is not None
    assert report.inference.totals.process_bytes <= report.training.totals.process_bytes
    assert report.batches is not None
    page = report.to_html()
    assert ">any<" not in page
    assert not [part for part in page.split("-")[1:] if part[:6].isdigit() and " B" in part[:24]]
