"""Random networks: nincost's figures are those of real runs, of FlopCounterMode and by hand.

`benchmarks/fuzz.py` tries as many as there is time for. hypothesis draws the same ones each time
here, and makes one that fails smaller; what a failure prints can be run as it is.
"""

from __future__ import annotations

from random import Random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliability.counts import Difference, differences
from reliability.networks import Network, random_network
from reliability.replay import is_exact, memory_differences

quietly = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
RANDOM = st.randoms(use_true_random=False)


def told(network: Network, found: list[Difference]) -> str:
    return "\n".join([*map(str, found), network.program])


@settings(quietly, max_examples=100)
@given(RANDOM)
def test_counts_shapes_and_activations(rng: Random) -> None:
    network = random_network(rng)
    found = differences(network)
    assert not found, told(network, found)


@settings(quietly, max_examples=60)
@given(RANDOM)
def test_what_training_keeps_and_takes(rng: Random) -> None:
    network = random_network(rng, most=5)
    found = memory_differences(network)
    assert not found, told(network, found or [])


def test_each_allocation_is_compared_in_some() -> None:
    """The comparison that asks most is not left out by accident."""
    exact = [network for n in range(120) if is_exact(network := random_network(Random(n)))]
    assert len(exact) >= 8
    assert any("conv" in network.kinds for network in exact)


def test_a_network_is_its_number() -> None:
    first, second = random_network(Random(4)), random_network(Random(4))
    assert first == second
    assert compile(first.program, "program", "exec")
    weights = first.build().state_dict()
    for name, tensor in second.build().state_dict().items():
        assert torch.equal(tensor, weights[name])


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(40))
def test_more_of_them(chunk: int) -> None:
    for number in range(50 * chunk, 50 * (chunk + 1)):
        network = random_network(Random(number))
        found = [*differences(network), *(memory_differences(network) or [])]
        assert not found, f"case {number}\n{told(network, found)}"
