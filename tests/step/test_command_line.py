"""The command that makes a report again gives the options back when it is parsed."""

from __future__ import annotations

import inspect
import shlex
from typing import Any

import pytest
from torch import nn

import nincost
from nincost._cli.report import command
from nincost._cli.step_flags import parse_step
from nincost._step.command_line import command_line

DEFAULTS = {key: p.default for key, p in inspect.signature(nincost.report).parameters.items()}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"batch_size": 128, "gpu": "rtx4090", "amp": "bfloat16"},
        {"optimizer": "AdamW", "optimizer_arg": {"lr": 0.5, "foreach": False}},
        {"channels_last": True, "grad_set_to_none": False, "suggest": False, "measure": True},
        {"input": ("ids=128:int64", "mask=128:bool"), "arg": {"name": "a b"}},
        {"alloc_conf": "expandable_segments:True", "inference": True},
    ],
    ids=str,
)
def test_the_command_gives_the_options_back(given: dict[str, Any]) -> None:
    words = shlex.split(command_line("report", ["two-1x1"], given, DEFAULTS))
    assert words[:3] == ["nincost", "report", "two-1x1"]
    parsed = dict(command.make_context("report", words[2:]).params)
    parse_step(parsed)
    assert parsed["output"] == "report.html"
    for key, default in DEFAULTS.items():
        expected = given.get(key, default)
        if key == "model":
            expected = "two-1x1"
        assert (parsed[key] or None) == (expected or None), key


def test_what_a_shell_cannot_say_is_written_in_python() -> None:
    def loss(output: Any) -> Any:
        return output.sum()

    given = {"loss": loss, "batch_size": 2}
    assert command_line("report", ["two-1x1"], given, DEFAULTS) == (
        "nincost.report('two-1x1', loss=loss, batch_size=2)"
    )
    net = nn.Linear(2, 2)
    assert command_line("report", [net], {"input": "2"}, DEFAULTS) == (
        "nincost.report(Linear, input='2')"
    )
    assert command_line("compare", ["a", "b"], {"batch_sizes": [1, 128]}, {}) == (
        "nincost compare a b --batch-sizes 1,128 --output compare.html"
    )
