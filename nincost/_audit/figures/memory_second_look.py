"""A second look at a figure that seemed wrong: it may be right of something its words do not name.

What it is about is guessed from a heading or the sentence before where its own clause does not say.
So it is called wrong only where none of the usual amounts that its clause allows is it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.figures.memory_agrees import claimed, found_as
from nincost._audit.figures.memory_formulas import BYTES, MemoryKind
from nincost._audit.figures.memory_kinds import KINDS
from nincost._audit.figures.memory_mistakes import shown
from nincost._audit.figures.memory_said import Said, contradicts
from nincost._audit.figures.memory_sums import Item, Items
from nincost._audit.figures.memory_units import is_in_bytes
from nincost._audit.figures.results import GradedFigure
from nincost._audit.reading.parts import Reading
from nincost._audit.reading.words import about, names_other_network, says_values
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import QUANTITIES

Kinds = frozenset[MemoryKind]
#: Found out from numbers or a list that are stated, which other words would not change.
_CERTAIN = ("arithmetic", "follows", "gradients-missing")
_COUNT = re.compile(
    r"(?P<zh>[两二三四五])[项者]|(?:these|all|the)\s+(?P<en>two|three|four|five)\b", re.IGNORECASE
)
_COUNTS = {
    "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "two": 2, "three": 3, "four": 4, "five": 5,
}  # fmt: skip
_UNIT_MEANS = re.compile(
    r"\s*(?:10\s*(?:\^|\*\*)\s*\d|2\s*(?:\^|\*\*)\s*\d0|1e\d)\s*(?:字节|bytes?|B)?\s*",
    re.IGNORECASE,
)
_FACTOR = re.compile(r"(?:^|\s)[x×*]\s*$|[×*]\s*$")
_FEW = 10_000
_OWN_NETWORK = re.compile(
    r"\b(?:mine|ours?|this (?:net|model)\w*)\b|我的|我们|本(?:节|网络|模型)", re.I
)
_LINE = re.compile(r"[。；;!?！？\n]|\.(?=\s)")


def second_look(
    reading: Reading,
    said: Said,
    one: GradedFigure,
    subject: Subject,
    items: Items,
    kinds: Kinds,
    last: Said | None,
) -> tuple[GradedFigure, Kinds] | None:
    """The figure as right, with the kinds of memory that it is of; None where nothing fits."""
    if one.mistakes and one.mistakes[0].key in _CERTAIN:
        return None
    if sums_counted(said, items):
        said.expected = said.value
        return _as_right(one, "", "the sum of what was said before", said, said.value), frozenset()
    if last is not None and contradicts(said, last):
        return None
    found = found_as(reading, said, subject, kinds)
    if found is None:
        return None
    known, place = found
    size = Fraction(known.bytes)
    text = known.text
    if not (is_in_bytes(reading.text[said.figure.start : said.figure.end]) or said.unit_before):
        said.in_values, size, text = True, size / BYTES, f"{text}, as values"
    said.expected = size
    name = f"{place} {known.name}".strip()
    return _as_right(one, name, text, said, size), known.parts


def kinds_of(said: Said) -> Kinds:
    """What a figure that is right is of: what its own words name, or what it was graded as."""
    own, _ = claimed(said.figure.before)
    if said.kind == "training":
        return own | {"parameters", "gradients", "activations"}
    if said.kind == "inference":
        return own | {"parameters", "activations"}
    return own | {said.kind}


def says_nothing(reading: Reading, said: Said, subject: Subject) -> bool:
    """Whether a number is no claim on this model's memory: a count of other things, a unit's
    meaning, another network's."""
    figure, text = said.figure, reading.text
    raw = text[figure.start : figure.end]
    if _UNIT_MEANS.fullmatch(raw) or _FACTOR.search(figure.before):
        return True
    first = max((m.end() for m in _LINE.finditer(text, 0, figure.start)), default=0)
    words = _OWN_NETWORK.split(text[first : figure.start])[-1]
    if names_other_network(words, subject.traced.model):
        return True
    if is_in_bytes(raw) or said.unit_before or says_values(f"{raw} {figure.after}"):
        return False
    if said.node is not None and said.node.kind == "number" and _is_amount(said.value, subject):
        return True  # `1992166` below the heading of the memory: what it is calculated from
    numbers = [said.value, *(claim.value for _, claims in said.nodes for claim in claims)]
    if max(numbers) >= _FEW or (said.node is not None and said.node.parts):
        return False
    own = f"{figure.before} {figure.after}"
    named = about(own) == "memory" or any(pattern.search(own) for pattern in KINDS.values())
    return not named or bool(re.match(r"\s*epochs?\b|\s*个?(?:轮|百分点)", figure.after))


def _is_amount(value: Fraction, subject: Subject) -> bool:
    """Whether it is the model's parameters, MACs or FLOPs, to the last digit."""
    totals = (sum(one.cost.amount(what) for one in subject.layers(1)) for what in QUANTITIES)
    return value >= _FEW and any(value == total for total in totals)


def sums_counted(said: Said, items: Items) -> bool | None:
    """`三项共 23.9 MB`: whether it is the sum of the last three statements; None without a count.

    What the heading asks for does not matter. False where one of them is wrong, too.
    """
    count = _COUNT.search(said.figure.before)
    if count is None or said.in_values:
        return None
    number = _COUNTS[(count["zh"] or count["en"]).lower()]
    last: Sequence[Item] = [one for one in items if not one.in_values][-number:]
    if len(last) < number:
        return None
    if any(one.wrong for one in last):
        return False
    slack = sum((one.unit for one in last), Fraction(0))
    return said.written.is_near(sum((one.value for one in last), Fraction(0)), slack)


def _as_right(one: GradedFigure, name: str, text: str, said: Said, size: Fraction) -> GradedFigure:
    return replace(
        one, subject=name or one.subject, verdict="right", mistakes=(), formula=text,
        written=shown(said.value, in_values=said.in_values),
        expected=shown(size, in_values=said.in_values),
    )  # fmt: skip
