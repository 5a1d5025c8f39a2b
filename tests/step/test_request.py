"""From options to a step and a card."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from nincost._devices.cards import get_gpu
from nincost._step.request import DEFAULT_GPU, make_request, pick_card


@pytest.fixture
def card_here(monkeypatch):
    def put(name: str, capability: tuple[int, int]):
        found = SimpleNamespace(
            name=name, total_memory=7 * 2**30, major=capability[0], minor=capability[1],
            multi_processor_count=11,
        )  # fmt: skip
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: found)

    return put


def test_a_card_by_name_has_its_memory_for_a_budget():
    card = pick_card("RTX 4090")
    assert card.gpu == get_gpu("rtx4090")
    assert card.budget_bytes == card.gpu.memory_bytes
    assert not card.assumed


def test_a_size_is_a_budget_on_the_default_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    card = pick_card("24GiB")
    assert card.budget_bytes == 24 * 2**30
    assert card.gpu.capability == get_gpu(DEFAULT_GPU).capability
    assert card.assumed


def test_no_name_and_no_card_is_the_default_without_a_budget(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    card = pick_card(None)
    assert (card.gpu, card.budget_bytes, card.assumed) == (get_gpu(DEFAULT_GPU), None, True)


def test_the_card_in_the_machine_is_taken_with_what_cuda_tells(card_here):
    card_here("NVIDIA GeForce RTX 3090", (8, 6))
    card = pick_card(None)
    assert card.gpu.name == "rtx3090"
    assert (card.gpu.sm_count, card.gpu.capability) == (11, (8, 6))
    assert card.budget_bytes == 7 * 2**30


def test_an_unknown_card_in_the_machine_is_no_mistake(card_here):
    card_here("NVIDIA Future 9000", (99, 0))
    card = pick_card(None)
    assert card.title == "NVIDIA Future 9000"
    assert card.gpu.limits == get_gpu(DEFAULT_GPU).limits


def test_a_change_leaves_the_rest(monkeypatch):
    request = make_request("two-1x1", "t4", 4, optimizer="Adam")
    other = request.changed(batch_size=2)
    assert (request.step.batch_size, other.step.batch_size) == (4, 2)
    assert other.step.optimizer == "Adam"
    assert other.card is request.card
