"""Which tensors the observer of a script names, and what has no memory to name."""

from __future__ import annotations

import torch
from torch import nn

from nincost._emulator.observe.tensors import NamedTensors


def test_what_has_no_memory_yet_is_passed_over() -> None:
    """The textbook's own networks are lazy: `.cuda()` comes before their first input."""
    named: list[tuple[int, int, str, int]] = []
    lazy = nn.LazyLinear(3)
    linear = nn.Linear(2, 3)
    NamedTensors(torch, named).name("parameters", [*lazy.parameters(), *linear.parameters()])
    addresses = [linear.weight.data_ptr(), linear.bias.data_ptr()]
    assert [address for _, address, _, _ in named] == addresses
