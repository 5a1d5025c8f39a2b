"""Answers as students write them (tests/audit/answers/), each with a teacher's verdict.

A file begins with TOML between two lines `+++`: `model`; `what`, the quantities that the answer is
about; `verdict`, `right`, `wrong`, or `partial` where all that is written is right and layers are
missing; `mistakes`, the keys of what a teacher would name first, any of them; and, where the
exercise says so, `batch_size`, and `layer` where it asks for that layer or block alone. The answer
follows as it was written. All were written by hand, before the grammar was made to read them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nincost.errors import NincostError

FOLDER = Path(__file__).resolve().parents[1] / "audit" / "answers"


@dataclass(frozen=True)
class WrittenAnswer:
    """One answer and what a teacher says of it."""

    name: str
    text: str
    model: str
    what: tuple[str, ...]
    verdict: str
    mistakes: tuple[str, ...] = ()
    batch_size: int = 1
    layer: str | None = None

    @property
    def chinese(self) -> bool:
        return any("\u4e00" <= character <= "\u9fff" for character in self.text)


@dataclass(frozen=True)
class Judged:
    """What `audit` made of one: `named` is None where a teacher would name no mistake."""

    answer: WrittenAnswer
    read: bool
    verdict: str
    named: bool | None
    said: str


def written_answers() -> list[WrittenAnswer]:
    """All of them, in order of their names."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        _, head, text = path.read_text(encoding="utf-8").split("+++\n", 2)
        values: dict[str, Any] = tomllib.loads(head)
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        found.append(WrittenAnswer(path.stem, text, **values))
    return found


def judge(answer: WrittenAnswer, audit: Callable[[WrittenAnswer], Any]) -> Judged:
    """Grade it and compare: was all of it read, is the verdict the teacher's, is the mistake."""
    try:
        result = audit(answer)
    except NincostError as error:
        return Judged(answer, False, "unread", False if answer.mistakes else None, str(error))
    document = result.to_dict()
    seen = {grade["what"] for grade in document["answers"]}
    understood = not document.get("unread") and document["verdict"] != "not sure"
    read = set(answer.what) <= seen and understood
    named = [mistake["mistake"] for grade in document["answers"] for mistake in grade["mistakes"]]
    for grade in document["answers"]:
        if grade.get("arithmetic_errors"):
            named.append("arithmetic")
    verdict = document["verdict"]
    if verdict == "wrong" and set(named) == {"missing"}:
        verdict = "partial"
    first = (named[0] in answer.mistakes if named else False) if answer.mistakes else None
    return Judged(answer, read, verdict, first, f"{sorted(seen)} {verdict} {named}")


@dataclass
class Shares:
    """The figures of all answers."""

    judged: list[Judged]

    def of(self, which: str) -> list[Judged]:
        """The answers that are not as they should be: `unread`, `unnamed`, or wrongly called."""
        tests: dict[str, Callable[[Judged], bool]] = {
            "unread": lambda j: not j.read,
            "unnamed": lambda j: j.named is False,
            "wrong called right": lambda j: j.answer.verdict != "right" and j.verdict == "right",
            "right called wrong": lambda j: (
                j.answer.verdict == "right" and j.verdict in ("wrong", "partial")
            ),
        }
        return [j for j in self.judged if tests[which](j)]

    def lines(self) -> list[str]:
        """As a report has them."""
        count = len(self.judged)
        chinese = sum(j.answer.chinese for j in self.judged)
        asked = sum(j.named is not None for j in self.judged)
        unread, unnamed = len(self.of("unread")), len(self.of("unnamed"))
        lines = [
            f"- {count} answers, {chinese} of them with Chinese in them",
            f"- read: {count - unread}, **{100 * (count - unread) / max(count, 1):.1f}%**",
            f"- with a mistake: {asked}; a mistake that a teacher would name first, named first: "
            f"{asked - unnamed}, **{100 * (asked - unnamed) / max(asked, 1):.1f}%**",
        ]
        return lines + [f"- {w}: {len(self.of(w))}" for w in ("wrong called right",
                                                              "right called wrong")]  # fmt: skip
