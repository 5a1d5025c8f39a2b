"""The number of an answer in sentences that its own words say to be the model's, and that is not.

Others beside it may not be understood: this one is wrong, whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from nincost._audit.labelled import labels_of
from nincost._audit.reading.expression import rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.words import amount_in
from nincost._audit.sentences.each_number import may_be_true, totals_compared
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import Quantity

_SMALL = 1_000
_WHOLE = re.compile(
    r"\b(?:network|net|model) (?:now )?(?:has|needs|takes)\b|\badds? up to\b|\baltogether\b"
    r"|\bin all\b|\btotal\b|全网|整个网络|总共|总计|合计|一共",
    re.IGNORECASE,
)
#: `所以第三块 1032960`, `so block 3 has`: the sum of what stands before it.
_BLOCK_LAST = re.compile(
    r"(?:于是|所以|因此|那么|\bso|\bthus|\bhence)\s*(?:the )?"
    r"(?P<block>第\s*[一二三四\d]\s*块|block \d|(?:first|second|third|fourth|last) block)"
    r"\s*(?:has|costs|gives|共|有|一共|为|是)?\s*[:：]?\s*$",
    re.IGNORECASE,
)
_BECOMES = re.compile(
    r"(?:\bto|becomes?|leaves?|left with|now has|变成|变为|降到|降至|减到|减为|剩下?|只剩|为)"
    r"\s*(?:only|about|约)?\s*$",
    re.IGNORECASE,
)
_PLACE = re.compile(r"block|layer|conv|stage|块|层|卷积|\d\s?[x×]\s?\d|each|每", re.IGNORECASE)


def of_blocks(
    part: Part, subject: Subject, what: Quantity, batch: int
) -> Iterator[tuple[Line, Subject]]:
    """The numbers that are said to be a whole block's, and that nothing makes true."""
    if subject.layer is not None:
        return
    layers = subject.layers(1)
    labels = labels_of(layers)
    for line in part.lines:
        if line.node.kind != "number" or line.node.value < _SMALL or line.claims:
            continue
        own = _BLOCK_LAST.search(line.own)
        places = labels.places(own["block"]) if own else ()
        names = {layers[place].name.split(".")[0] for place in places}
        if len(names) != 1:
            continue
        block = subject.within(*names)
        totals = {sum(one.cost.amount(what) for one in block.layers(n)) for n in (1, batch)}
        value, unit = line.node.value, rounded_unit(line.node)
        if not any(stands_for(value, unit, Fraction(total)) for total in totals):
            yield replace(line, label="", after="", claims=()), block


def other_variant(part: Part, subject: Subject, what: Quantity) -> Line | None:
    """The total that is said to be left without one of two layers, and is that without both.

    Whatever it adds up to: `drop one of the two ...: from 1,992,166 to 1,546,058`.
    """
    compared = totals_compared(part.text, subject, what)
    of_others = [total for _, total in subject.other_totals(what) if total not in compared]
    if not of_others or not compared:
        return None
    for line in (*part.lines, *part.remarks):
        value, unit = line.node.value, rounded_unit(line.node)
        known = [one for one in of_others if stands_for(value, unit, Fraction(one))]
        if known and line.node.kind == "number" and _BECOMES.search(line.own or line.label):
            return replace(line, label="", after="", claims=())
    return None


def contradicted(part: Part, subject: Subject, what: Quantity, batch: int) -> Iterator[Line]:
    """The numbers that are said to be the whole of the amount, and that nothing makes true."""
    if len(part.lines) + len(part.remarks) < 2:
        return
    for line in (*part.lines, *part.remarks):
        value, unit = line.node.value, rounded_unit(line.node)
        if line.node.kind != "number" or (value < _SMALL and not unit):
            continue
        own = line.own or line.label
        says_whole = _WHOLE.search(own)
        names_amount = amount_in(own) == what and not _PLACE.search(f"{own} {line.after}")
        of_others = set(dict(subject.other_totals(what)).values())
        of_others -= set(totals_compared(part.text, subject, what))
        if unit and any(stands_for(value, unit, Fraction(one)) for one in of_others):
            yield replace(line, label="", after="", claims=())  # of no variant that it speaks of
        if not (says_whole or names_amount) or may_be_true(line, part, subject, what, batch):
            continue
        yield replace(line, label="", after="", claims=())
