"""The host and the card, by cases that can be added up by hand."""

import pytest

from nincost._time.operators import Launched
from nincost._time.parameters import HostCosts
from nincost._time.queue import run_queue

HOST = HostCosts(forward=10.0, backward=6.0, step=4.0, kernel=0.0, tensor=0.0)


def step(*phases, waits=()):
    return [Launched("op", 0, phase, (0,), 0, waits=at in waits) for at, phase in enumerate(phases)]


def run(launched, card, kernels=None, **options):
    return run_queue(launched, card, kernels or [1] * len(card), HOST, **options)


def test_a_slow_card_hides_the_host():
    queue = run(step("forward", "backward", "step"), [100.0, 200.0, 50.0])
    assert queue.seconds == 350
    assert queue.host_seconds == 20
    assert [span.seconds for span in queue.spans] == [100, 200, 50]
    assert sum(span.waited for span in queue.spans) == 0


def test_a_fast_card_waits_for_the_host():
    queue = run(step("forward", "backward", "step"), [1.0, 1.0, 1.0])
    assert queue.seconds == pytest.approx(20)  # the host's time; the card's is hidden
    assert sum(span.waited for span in queue.spans) == pytest.approx(17)
    assert sum(span.seconds for span in queue.spans) == pytest.approx(queue.seconds)


def test_a_graph_is_launched_at_once():
    assert run(step("forward", "backward", "step"), [1.0, 1.0, 1.0], graph=True).seconds == 3


def test_where_the_host_looks_at_a_result_the_queue_runs_empty():
    together = run(step("forward", "forward"), [30.0, 5.0]).seconds
    apart = run(step("forward", "forward", waits=(0,)), [30.0, 5.0]).seconds
    # When the first has ended the host launches the second, and the next step's first.
    assert (together, apart) == (35, 30 + 10 + 10)


def test_what_runs_no_kernel_costs_the_host_alone():
    queue = run(step("forward", "forward"), [0.0, 1.0], [0, 1])
    assert queue.seconds == pytest.approx(20)
    assert queue.spans[0].seconds == 0


def test_the_host_runs_ahead_by_what_the_queue_holds():
    launched = step(*["forward"] * 3000)
    queue = run(launched, [11.0] * 3000)
    assert queue.seconds == 33_000
    assert min(span.begins - span.launched for span in queue.spans) >= 0
    assert max(span.begins - span.launched for span in queue.spans) <= 1025 * 11
