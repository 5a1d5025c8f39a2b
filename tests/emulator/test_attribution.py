"""Which block was what: made-up histories with marks, worked out by hand."""

from __future__ import annotations

from typing import Any

from support.made_up_script import MIB, MadeUpScript, made_up_run, training_step

from nincost._allocator import AllocatorConfig
from nincost._emulator.attribution import Origin, attribute, layer_names
from nincost._emulator.history import replay
from nincost._emulator.observe.user_code import UserCode
from nincost._emulator.timeline_marks import MarkedEvents


def origins(script: MadeUpScript, **options: Any) -> list[Origin]:
    history = replay(script.events, AllocatorConfig())
    marked = MarkedEvents(script.events, script.marks)
    return attribute(history, marked, script.observed, user_code=UserCode(), **options)


def categories(script: MadeUpScript, **options: Any) -> list[str]:
    return [origin.category for origin in origins(script, **options)]


def test_a_step() -> None:
    script = training_step()
    assert categories(script) == [
        "parameters", "inputs", "temporaries", "activations", "gradients", "temporaries",
        "optimizer_state", "inputs",
    ]  # fmt: skip
    found = origins(script)
    assert [origin.layer for origin in found[:2]] == ["fc", "[input]"]
    assert found[6].layer == "[optimizer]"
    # Autograd's thread has no Python frames: the line is that which called backward.
    assert found[4].line == ("/home/me/train.py", 9, "<module>")


def test_a_name_belongs_to_the_block_that_had_the_address_then() -> None:
    script = MadeUpScript()
    script.mark("forward", 1)
    address = script.allocate()
    script.free(address)
    script.next = address
    script.allocate()
    script.name("parameters", address)
    assert categories(script)[1] == "parameters"
    assert categories(script)[0] != "parameters"


def test_what_a_checkpoint_computes_again_is_an_activation() -> None:
    script = MadeUpScript()
    script.mark("forward", 1)
    script.mark("backward", 1)
    script.mark("recompute", 1)
    kept, passing = script.allocate(), script.allocate()
    script.free(passing)
    script.mark("backward", 1)
    script.free(kept)
    assert categories(script) == ["activations", "temporaries"]


def test_out_of_memory_keeps_what_was_held() -> None:
    """The exception frees what forward had made: at the failure it was held all the same."""
    script = MadeUpScript()
    script.mark("forward", 1)
    held = script.allocate()
    script.events.append({"action": "oom", "size": 1, "device_free": 0, "time_us": script.now})
    script.free(held)
    script.mark("forward", 1)
    assert categories(script) == ["activations"]


def test_workspace_is_known_by_its_size() -> None:
    script = MadeUpScript()
    script.mark("forward", 1)
    script.allocate()
    script.mark("loss", 1)
    assert categories(script) == ["activations"]
    assert categories(script, workspace_bytes=frozenset({2 * MIB})) == ["workspace"]


def test_what_nothing_is_known_of_is_other() -> None:
    script = MadeUpScript()
    script.allocate()
    script.mark("forward", 1)
    assert categories(script) == ["other"]


def test_the_users_line_is_the_innermost_that_is_installed_nowhere() -> None:
    script = MadeUpScript()
    script.allocate(
        ("/usr/lib/python3/site-packages/torch/nn/functional.py", 1),
        ("/venv/lib/python3.11/site-packages/transformers/llama.py", 2),
        ("/venv/lib/python3.11/site-packages/accelerate/optimizer.py", 3),
        ("/home/me/net.py", 4),
        ("/home/me/train.py", 5),
    )
    (origin,) = origins(script)
    assert origin.line == ("/home/me/net.py", 4, "f")
    assert origin.via == ("/venv/lib/python3.11/site-packages/transformers/llama.py", 2, "f")


def test_layers_of_several_networks_have_their_names() -> None:
    assert layer_names(["Net\0", "Net\0fc", "Loss"]) == ["Net", "fc", "Loss"]
    assert layer_names(["G\0", "G\0fc", "D\0", "D\0fc"]) == ["G", "G.fc", "D", "D.fc"]


def test_the_result_of_a_made_up_script() -> None:
    """Blocks of 2 MiB: two at first, three more in forward and backward, and so on, by hand."""
    result = made_up_run()
    totals = result.totals
    # Weight, input, what forward saved, the gradient, and one that backward passes on.
    assert totals.peak_allocated_bytes == 5 * 2 * MIB
    assert totals.categories_at_peak["temporaries"] == 2 * MIB
    assert (totals.peak_phase, totals.peak_step, totals.peak_line) == ("backward", 1, "train.py:9")
    (step,) = [step for step in result.ranks[0].steps if step.step == 1]
    assert step.phases == {
        "after_forward": 3 * 2 * MIB, "after_backward": 3 * 2 * MIB, "after_step": 4 * 2 * MIB,
    }  # fmt: skip
    assert totals.phases["after_model"] == 2 * MIB  # without the first input
    assert result.uncounted == ("cudaSomething",)
    assert result.exit_status == 0
