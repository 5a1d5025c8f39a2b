"""Memory by batch against predictions in full, and the largest batches against `fit`."""

from __future__ import annotations

import itertools

import pytest
import torch

import nincost
from nincost._devices.cards import GPUS
from nincost._report import batches
from nincost._report.batches import COMMON_CARDS, batch_curve
from nincost._report.results import BatchCurve
from nincost._step.request import make_request


def curve_of(gpu: str | None = None, **options) -> BatchCurve:
    return batch_curve(make_request("zero-1x1", gpu, **options), {})


def test_the_common_sizes_are_the_cards_that_are_sold() -> None:
    for label, name in COMMON_CARDS.items():
        box = int(label.removesuffix(" GB"))
        assert 0.93 * box * 2**30 < GPUS[name].memory_bytes <= 1.07 * box * 10**9


def test_points_are_predictions_and_answers_are_those_of_fit() -> None:
    curve = curve_of()
    for batch, size in curve.points[:3]:
        whole = nincost.memory("zero-1x1", batch_size=batch, measure=False)
        assert whole.totals.process_bytes == size
    for card in curve.cards[::3]:
        mib = card.budget_bytes // 2**20
        fit = nincost.fit("zero-1x1", gpu=f"{mib}MiB").totals
        assert (card.batch_size, card.process_bytes) == (fit.batch_size, fit.process_bytes)
        assert card.exact
    assert all(card.process_bytes <= card.budget_bytes for card in curve.cards)
    sizes = dict(curve.points)
    one_more = [sizes[(card.batch_size or 0) + 1] for card in curve.cards]
    budgets = [card.budget_bytes for card in curve.cards]
    assert all(size > budget for size, budget in zip(one_more, budgets, strict=True))
    assert set(curve.points) <= set(curve.line)


def test_the_card_that_was_named_is_among_them() -> None:
    named = {card.label: card for card in curve_of("20GiB").cards}
    assert list(named) == ["8 GB", "12 GB", "16 GB", "20.0 GiB", "24 GB", "40 GB", "80 GB",
                           "141 GB"]  # fmt: skip
    assert named["20.0 GiB"].card == "the size given"
    assert named["16 GB"].batch_size < named["20.0 GiB"].batch_size < named["24 GB"].batch_size


def test_what_is_beyond_the_last_prediction_grows() -> None:
    """From 8,000 MB at 127 to 7,900 at 128 it went on to less than nothing."""
    request = make_request("zero-1x1", "rtx3090")
    curve = batches._Curve(request, {127: 8 * 10**9, 128: 79 * 10**8})
    assert curve.at(10**6) > curve.at(10**5) > curve.at(129) > 79 * 10**8
    assert 0 < curve.largest(24 * 2**30) < 1000


def test_largest_batches_of_a_step_whose_memory_is_uneven() -> None:
    """With the prediction at batch 128 beside it, "any" batch fitted three cards."""
    request = make_request("two-1x1", "rtx3090")
    at_128 = nincost.memory("two-1x1", gpu="rtx3090", batch_size=128, measure=False)
    curve = batch_curve(request, {128: at_128.totals.process_bytes})
    found = [card.batch_size for card in curve.cards]
    assert all(batch is not None and 100 < batch < 100_000 for batch in found)
    # Of two cards of nearly the same size the newer may take a percent more: its plans are others.
    assert all(small < 1.02 * large for small, large in itertools.pairwise(found))  # type: ignore[operator]
    assert all(size > 0 for _, size in curve.line)


def test_a_long_step_is_predicted_at_few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    net = torch.nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True, device="meta")
    request = make_request(net, None, input="64x256", loss="sum")
    whole = batch_curve(request, {})
    monkeypatch.setattr(batches, "_LONG", 10)
    few = batch_curve(request, {})
    own = batch_curve(make_request(net, "rtx4090", input="64x256", loss="sum"), {})
    assert [card.label for card in own.cards if card.exact] == ["24 GB"]
    assert len(few.points) <= 5 < len(whole.points)
    for one, two in zip(whole.cards, few.cards, strict=True):
        assert one.exact
        assert not two.exact
        assert two.batch_size == pytest.approx(one.batch_size, rel=0.03)


def test_a_model_too_large_for_any_card() -> None:
    wide = torch.nn.Sequential(torch.nn.Linear(150_000, 150_000, device="meta"))
    request = make_request(wide, None, input="150000", loss="sum")
    curve = batch_curve(request, {})
    assert [card.batch_size for card in curve.cards] == [0] * 7
    assert curve.cards[0].process_bytes == dict(curve.points)[1] > curve.cards[-1].budget_bytes


def test_example_tensors_have_a_batch_of_their_own() -> None:
    with pytest.raises(nincost.InputError, match="a batch of their own"):
        curve_of(input=torch.zeros(2, 1, 224, 224))


def test_what_hardly_grows_is_said_to() -> None:
    request = make_request(torch.nn.Linear(3, 3), None, input="3", loss="sum")
    with pytest.raises(nincost.InputError, match="the same from batch 1 to 1,024"):
        batch_curve(request, {})


def test_one_card_that_no_batch_fills_spares_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = max(GPUS[name].memory_bytes for name in COMMON_CARDS.values())
    search = batches.search  # type: ignore[attr-defined]

    def refuse(request, budget, cache):
        if budget == largest:
            raise nincost.InputError("any batch fits")
        return search(request, budget, cache)

    monkeypatch.setattr(batches, "search", refuse)
    *others, last = curve_of().cards
    assert all(card.exact for card in others)
    assert not last.exact
    assert last.batch_size > others[-1].batch_size
