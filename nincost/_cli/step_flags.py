"""The options that say what a training step is, made from the fields of `Step`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field
from typing import Any, TypeVar

import click

from nincost._step.option_fields import Option, options_of
from nincost._step.step_options import Step

F = TypeVar("F", bound=Callable[..., Any])


def step_options(function: F) -> F:
    """--loss, --optimizer and all that makes a step what it is."""
    return options_from(Step)(function)


def options_from(kind: Any, *, without: str = "") -> Callable[[F], F]:
    """A command's options for the options of a dataclass such as `Step`, in the fields' order.

    Args:
        without: an option that the command has in a form of its own.
    """

    def decorate(function: F) -> F:
        for field, declared in reversed(list(options_of(kind))):
            if field.name != without:
                function = _click_option(field, declared)(function)
        return function

    return decorate


def _click_option(field: Field[Any], declared: Option) -> Callable[[F], F]:
    name = f"--{field.name.replace('_', '-')}"
    default = field.default
    if declared.kind == "switch" and default is False:
        return click.option(name, is_flag=True, help=declared.help)
    if declared.kind == "switch":
        pair = f"{name}/--no-{name.removeprefix('--')}"
        return click.option(
            pair, default=default, show_default=default is not None, help=declared.help
        )
    if declared.kind == "arguments":
        return click.option(
            name, multiple=True, metavar=declared.metavar, help=f"{declared.help} Repeatable."
        )
    types: dict[str, Any] = {"text": str, "count": int, "number": float}
    return click.option(
        name,
        type=types[declared.kind],
        default=default,
        show_default=bool(default),
        metavar=declared.metavar,
        help=declared.help,
    )


def parse_step(options: dict[str, Any]) -> dict[str, Any]:
    """A command's options as its function in Python takes them, `KEY=VALUE` parsed."""
    from nincost._models.arguments import parse_arguments

    options["arg"] = parse_arguments(options["arg"])
    for field, declared in options_of(Step):
        if declared.kind == "arguments":
            options[field.name] = parse_arguments(
                options[field.name],
                option=f"--{field.name.replace('_', '-')}",
                example="momentum=0.9",
            )
    if "input" in options:
        options["input"] = options["input"] or None
    return options
