"""An option is declared once: a made-up one comes out everywhere."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from torch import nn

import nincost
from nincost._cli.step_flags import options_from
from nincost._measure.measure import make_job
from nincost._models.sources import resolve
from nincost._step.option_fields import option, options_of, refuse_unknown, with_options
from nincost._step.request import make_request
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions, step_words


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class More(Step):
    sharding: str = option("none", help="A made-up option.", metavar="HOW", words="{} sharding")


STEP = More(resolve("two-1x1"), sharding="rows")


def test_a_new_option_is_on_the_command_line() -> None:
    seen: dict[str, Any] = {}

    @click.command()
    @options_from(More)
    def command(**options: Any) -> None:
        seen.update(options)

    done = CliRunner().invoke(command, ["--sharding", "rows"])
    assert not done.exception
    assert (seen["sharding"], seen["alloc_conf"]) == ("rows", "")
    assert [parameter.name for parameter in command.params] == [f.name for f, _ in options_of(More)]
    assert "--sharding HOW" in CliRunner().invoke(command, ["--help"]).output


def test_a_new_option_is_in_signature_and_docstring() -> None:
    @with_options(More, StepOptions.__annotations__)
    def function(model: Any, *, gpu: str | None = None, **step: Any) -> None:
        """Do something.

        Args:
        {options}
        """

    parameters = inspect.signature(function).parameters
    assert list(parameters)[:3] == ["model", "gpu", "loss"]
    assert parameters["sharding"].default == "none"
    assert parameters["sharding"].annotation == "str"
    assert "        sharding: A made-up option.\n" in (function.__doc__ or "")


def test_a_new_option_is_in_words_settings_and_the_job_of_a_measurement(tmp_path: Path) -> None:
    options = STEP.options()
    assert options["sharding"] == "rows"
    assert step_words(options, More).endswith("rows sharding")
    assert "sharding" not in step_words({**options, "sharding": "none"}, More)
    request = dataclasses.replace(make_request("two-1x1"), step=STEP)
    assert make_job(request, 2, tmp_path)["sharding"] == "rows"


@pytest.mark.parametrize("name", ["memory", "fit", "report", "compare"])
def test_each_function_shows_each_option_with_its_default(name: str) -> None:
    parameters = inspect.signature(getattr(nincost, name)).parameters
    document = inspect.getdoc(getattr(nincost, name)) or ""
    for field, declared in options_of(Step):
        assert parameters[field.name].default == field.default
        assert " ".join(f"{field.name}: {declared.help}".split()) in " ".join(document.split())


def test_type_checkers_read_of_the_same_options() -> None:
    """`StepOptions` has each of `Step`'s options, as wide or wider: it takes what a check takes."""
    written = {name: given.__forward_arg__ for name, given in StepOptions.__annotations__.items()}
    declared = {field.name: str(field.type) for field, _ in options_of(Step)}
    assert list(written) == list(declared)
    for name, kept in declared.items():
        assert set(kept.split(" | ")) <= set(written[name].split(" | ")), name


def test_an_unknown_option_is_named_with_its_nearest() -> None:
    with pytest.raises(nincost.InputError, match=r"no option 'optimzer' .did you mean 'optimizer'"):
        nincost.memory("two-1x1", optimzer="Adam")  # type: ignore[call-arg]
    refuse_unknown({"optimizer": "Adam"}, Step)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("update", "optimizer_impl"),
        ("accumulate", "grad_accumulation"),
        ("checkpoint", 'activation_checkpointing="blocks"'),
        ("benchmark", "cudnn_benchmark"),
        ("zero_first", "zero_grad_before_forward"),
    ],
)
@pytest.mark.parametrize("name", ["memory", "fit", "report", "compare"])
def test_an_old_name_is_answered_with_the_new_one(name: str, old: str, new: str) -> None:
    models = ["two-1x1", "one-1x1"] if name == "compare" else ["two-1x1"]
    with pytest.raises(nincost.InputError, match=f"{old} was renamed: use {new}"):
        getattr(nincost, name)(*models, **{old: True})


def test_options_are_refused_before_the_model_is_looked_at() -> None:
    with pytest.raises(nincost.InputError, match="unknown amp"):
        nincost.compare(nn.Linear(1, 1), nn.Linear(1, 1), amp="float8")
