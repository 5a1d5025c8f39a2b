"""What is read of a written answer: amounts line by line, other figures, and what is not read."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from nincost._audit.reading.expression import Claim, Node
from nincost._audit.reading.words import About
from nincost._closed_form.cost_terms import Quantity
from nincost.errors import ExpressionError

MAX_TERMS = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """A stretch of the answer: the words around it, its tree and the subtotals stated.

    `own` are the words of its clause alone, where `label` has those of the line before it, too;
    `batch` is the one that its sentence names for it.
    """

    label: str
    node: Node
    claims: tuple[Claim, ...] = ()
    total: bool = False
    after: str = ""
    own: str = ""
    batch: int | None = None


@dataclass(slots=True)
class Part:
    """The part of an answer about one amount.

    Attributes:
        what: None where it does not say which.
        batch: the batch size that it names first, or None; `batches` are all that it names.
        remarks: what is said of a part of a number before it: "of which".
        summed: how many of the lines are in a subtotal that was said.
    """

    what: Quantity | None
    text: str
    lines: list[Line] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    batch: int | None = None
    batches: list[int] = field(default_factory=list)
    remarks: list[Line] = field(default_factory=list)
    summed: int = 0

    @property
    def value(self) -> Fraction:
        return sum((line.node.value for line in self.lines), Fraction(0))

    @property
    def is_summed(self) -> bool:
        """Whether the terms' sum is stated."""
        return len(self.lines) > 1 and any(claim.fits(self.value) for claim in self.claims)


@dataclass(frozen=True, slots=True)
class Figure:
    """A statement about memory, an output's shape or a receptive field.

    Attributes:
        about: which of them.
        start, end: where its calculation stands in the text.
        before, after, context: the words around it, and those of its line and heading before.
        batch: the batch size that it names, or None.
        own_batch: whether its own sentence or the heading above it names that, and no other one.
    """

    about: About
    start: int
    end: int
    before: str
    after: str
    context: str
    batch: int | None
    own_batch: bool = True


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that holds numbers and cannot be read: its text, and why."""

    text: str
    reason: str


@dataclass(slots=True)
class Reading:
    """All of an answer: amounts in parts, other figures, and what could not be read.

    `line` is the text with all but its calculations made spaces; `binary` whether MB means 2**20
    bytes: both are tried where it does not say.
    """

    text: str
    line: str
    parts: list[Part] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    binary: tuple[bool, ...] = (False, True)

    def not_read(self, at: int, why: ExpressionError) -> None:
        """List the line around a place as one that cannot be read."""
        start = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        line = self.text[start : end if end >= 0 else len(self.text)].strip()[:200]
        if all(one.text != line for one in self.unread):
            self.unread.append(Unread(line, str(why)))
