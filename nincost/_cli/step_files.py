"""`--timeline` and `--snapshot`: what `memory` and `run` write of a step besides their result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from nincost._cli.options import Output, check_picture

F = TypeVar("F", bound=Callable[..., Any])


class StepResult(Protocol):
    """A result with a step's history."""

    def plot(self, path: str | Path, *, width: str | float, force: bool) -> Any: ...
    def to_snapshot(self, path: str | Path, *, force: bool) -> None: ...


def step_file_options(*, snapshot: str) -> Callable[[F], F]:
    """--timeline and --snapshot; `snapshot` is the help of the latter."""

    def decorate(function: F) -> F:
        for option in (
            click.option("--snapshot", metavar="FILE", help=snapshot),
            click.option(
                "--timeline", metavar="FILE",
                help="Draw the memory over the step, too: an SVG, PNG or PDF by FILE's ending.",
            ),
        ):  # fmt: skip
            function = option(function)
        return function

    return decorate


@dataclass(frozen=True, slots=True)
class StepFiles:
    """Where the picture and the snapshot go; None where none is asked for."""

    timeline: str | None
    snapshot: str | None

    @classmethod
    def from_options(cls, output: Output, options: dict[str, Any]) -> StepFiles:
        """Take them out of a command's options, and refuse early what cannot be written.

        Raises:
            OutputError: a file cannot be written, or two would be one.
            InputError: no such kind of picture, or width.
        """
        files = cls(options.pop("timeline"), options.pop("snapshot"))
        output.check_more_files(timeline=files.timeline, snapshot=files.snapshot)
        if files.timeline is not None:
            check_picture(output.picture_width, files.timeline)
        return files

    def write(self, result: StepResult, output: Output) -> None:
        """Write those that are asked for."""
        if self.timeline is not None:
            result.plot(self.timeline, width=output.picture_width, force=output.force)
            output.say(f"wrote {self.timeline}")
        if self.snapshot is not None:
            result.to_snapshot(self.snapshot, force=output.force)
            output.say(f"wrote {self.snapshot}")
