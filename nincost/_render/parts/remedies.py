"""What makes a step fit, for every format: a row for each change tried, and the command."""

from __future__ import annotations

from nincost import _units as units
from nincost._memory.change_results import Remedies

#: Stands before the first change that is enough.
MARK = "=>"

HEADINGS = ("", "What makes it fit", "Needs", "Fits", "In words")


def rows(found: Remedies) -> list[tuple[str, str, str, str, str]]:
    """Mark, option, what the process takes, whether that fits, and the change in words."""
    return [
        (
            MARK if remedy is found.first else "",
            remedy.option,
            units.size(remedy.process_bytes),
            "yes" if remedy.fits else "no",
            remedy.description,
        )
        for remedy in found.tried
    ]


def advice(found: Remedies) -> str:
    """What to do, before the command."""
    if found.first is not None:
        return "The first that fits, which costs least:"
    return (
        "Nothing that was tried makes it fit: take a larger card, several of them, a smaller input "
        "or model."
    )


def command(found: Remedies) -> str:
    """The command to paste; empty where nothing makes it fit."""
    return found.first.command if found.first is not None else ""


def lines(found: Remedies) -> list[str]:
    """Each change as a sentence, then the command."""
    said = [
        f"{remedy.option} ({remedy.description}): {units.size(remedy.process_bytes)}, "
        f"{'fits' if remedy.fits else 'does not fit'}"
        for remedy in found.tried
    ]
    return [*said, *filter(None, [command(found)])]
