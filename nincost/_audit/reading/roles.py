"""Other roles that an answer's numbers may have: a sum of others, a total said first, a result.

People say the same amount several times: a result under its calculation, a subtotal, the total
before its parts. What words say is read in `answer.py`; here it follows from the values, where the
plain reading came out wrong: a number is a sum where it is one, to the last digit.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.reading.expression import Claim, Node, rounded_unit
from nincost._audit.reading.parts import MAX_TERMS, Line, Part
from nincost._audit.reading.words import (
    amount_in,
    copies_said,
    is_wordless,
    says_result,
    says_several,
    says_total,
)

_ROLES, _RESULTS = 0.5, 2.0  # how much less likely: about half a mistake, and two
_MOST_SUMMED = 40  # lines that a subtotal may be of
_SUPERLATIVE = re.compile(
    r"\b(?:most|least|costliest|cheapest|largest|biggest|smallest|heaviest|dominat\w+)\b"
    r"|最[大多贵小少重]|占主要",
    re.IGNORECASE,
)
_SHORT = 12  # characters of "which is", and of no layer's name
_MOST_WITH_COPIES = 6  # of them, where some may stand for two layers


def other_readings(part: Part) -> Iterator[tuple[Part, float]]:
    """The part with other roles of its numbers, the likeliest first; none that is as it was.

    With each, how much less likely it is than the plain reading, on the scale of `weights.py`.
    """
    if len(part.lines) > MAX_TERMS // 10:
        return
    seen = [_shape(part)]
    for copies, last_is_total in itertools.product((False, True), repeat=2):
        other = _resolved(part, copies=copies, last_is_total=last_is_total)
        if _shape(other) not in seen:
            seen.append(_shape(other))
            yield other, _ROLES
    carried = _carried(part)
    if carried is not None:
        yield carried, _ROLES
    plain = _without_superlatives(part)
    if plain is not None:
        yield plain, _ROLES
    results = _results(part)
    if _shape(results) not in seen:
        yield results, _RESULTS
        for last in (False, True):
            yield _resolved(results, copies=False, last_is_total=last), _RESULTS


def _carried(part: Part) -> Part | None:
    """`1992166 altogether, plus 250 of the pool, makes 1992416`: the first total is a term."""
    if len(part.claims) < 2 or not part.lines:
        return None
    first, *_, last = part.claims
    if last.value != first.value + part.value or first.start > part.lines[0].node.start:
        return None
    node = Node("number", first.value, (), first.start, first.end, unit=first.unit)
    return replace(part, lines=[Line("", node), *part.lines], claims=part.claims[1:])


def _without_superlatives(part: Part) -> Part | None:
    """Without `the most expensive layer is the 5x5 with 415M`: one of the terms, said again."""
    kept = [
        line for line in part.lines
        if line.node.kind != "number" or not _SUPERLATIVE.search(line.label)
    ]  # fmt: skip
    return replace(part, lines=kept) if 0 < len(kept) < len(part.lines) else None


def _results(part: Part) -> Part:
    """The last number of each line of the text alone, with the words before its first."""
    last: dict[int, Line] = {}
    for line in part.lines:
        row = part.text.count("\n", 0, line.node.start)
        node = line.node
        if line.claims and not line.claims[-1].fits(node.value):
            claim = line.claims[-1]
            node = Node("number", claim.value, (), claim.start, claim.end, unit=claim.unit)
        if row in last and node.value < last[row].node.value:
            return part  # a list, and no calculation with its result at the end
        label = last[row].label if row in last else line.label
        last[row] = Line(label, node)
    return replace(part, lines=[*last.values()])


def _shape(part: Part) -> object:
    lines = [(one.node.start, one.node.value, len(one.claims)) for one in part.lines]
    return lines, [claim.value for claim in part.claims]


def _resolved(part: Part, *, copies: bool, last_is_total: bool) -> Part:
    """`copies`: what stands for "each" of two layers counts twice."""
    kept: list[Line] = []
    claims = _without_subtotals(part)
    summed = 0
    for line in part.lines:
        if len(kept) > 1 and _adds_numbers(line.node) and _fits(kept, _as_claim(line.node)):
            claims += [_as_claim(line.node), *line.claims]
            continue
        if kept and _is_number(line):
            if _is_result(kept[-1], line):
                kept[-1] = replace(kept[-1], claims=(*kept[-1].claims, _as_claim(line.node)))
                continue
            found = _sum_of(kept, summed, line)
            if found is not None:
                summed = 0 if len(found) == len(kept) and not summed else len(found)
                if summed == 0:
                    claims.append(_as_claim(line.node))
                kept = found
                continue
        count = copies_said(line.label, line.after) if copies else 1
        kept += [line, *[replace(line, claims=())] * (count - 1)]
    kept, claims = _total_first(kept, claims)
    if last_is_total and len(kept) > 2 and _is_number(kept[-1]) and not claims:
        rest = sum((one.node.value for one in kept[:-1]), Fraction(0))
        if rest / 2 < kept[-1].node.value < 2 * rest:
            claims.append(_as_claim(kept.pop().node))
    if claims and len(kept) > 1 and not _fits(kept, claims[-1]):
        kept = _with_copies(kept, claims[-1].value) or kept
    return replace(part, lines=kept, claims=claims)


def _is_number(line: Line) -> bool:
    return line.node.kind == "number" or bool(rounded_unit(line.node))


def _as_claim(node: Node) -> Claim:
    return Claim(node.value, rounded_unit(node), node.start, node.end)


def _adds_numbers(node: Node) -> bool:
    """Whether it is a sum of plain numbers, as of subtotals that were said before."""
    return node.kind == "sum" and all(one.kind == "number" for one in node.parts)


def _without_subtotals(part: Part) -> list[Claim]:
    """The claims but those that are the sum of the lines before them, or since the last such one,
    where others follow."""
    kept: list[Claim] = []
    since = 0
    for place, claim in enumerate(part.claims):
        before = [one for one in part.lines if one.node.start < claim.start]
        own = [one for one in before if one.node.start >= since]
        last = len(before) == len(part.lines) and place == len(part.claims) - 1
        if not last and ((before and _fits(before, claim)) or (own and _fits(own, claim))):
            since = claim.end
        else:
            kept.append(claim)
    return kept


def _is_result(before: Line, line: Line) -> bool:
    """Whether it is what the calculation before it comes to, said without words."""
    words = line.label.strip(" ，,:：")
    short = len(words) <= _SHORT and says_result(words) and not re.search(r"\d", words)
    if before.node.kind == "number" or not (is_wordless(words) or short):
        return False
    return _as_claim(line.node).fits(before.node.value)


def _fits(lines: Sequence[Line], claim: Claim) -> bool:
    """Whether it is what they come to, as far as the digits go of what was rounded."""
    value = sum((one.node.value for one in lines), Fraction(0))
    slack = sum((rounded_unit(one.node) for one in lines), Fraction(0))
    return claim.fits(value) or (bool(slack) and abs(claim.value - value) <= slack + claim.unit)


def _sum_of(kept: list[Line], summed: int, line: Line) -> list[Line] | None:
    """The lines with the copies that make it a sum of the last of them; None where it is none."""
    claim = _as_claim(line.node)
    said = says_total(f"{line.label} {line.after}") or says_result(line.label)
    if not said and not is_wordless(line.label) and not amount_in(line.label):
        return None  # it has a name of its own
    if len(kept) > 1 and _fits(kept, claim):
        return kept
    tail = kept[summed:][-_MOST_SUMMED:]
    for first in range(len(tail) - 2, -1, -1):
        own = tail[first:]
        if _fits(own, claim) and (said or not claim.unit):
            return kept
    if not claim.unit and (said or any(says_several(one.label) for one in tail)):
        for first in range(len(tail) - 1, max(-1, len(tail) - 1 - _MOST_WITH_COPIES), -1):
            made = _with_copies(tail[first:], claim.value)
            if made is not None:
                return kept[: len(kept) - len(tail) + first] + made
    return None


def _with_copies(lines: Sequence[Line], value: Fraction) -> list[Line] | None:
    """Lines of which some stand for two or three layers each, so that they come to the value."""
    values = [one.node.value for one in lines]
    lacking = value - sum(values)
    several = [i for i, one in enumerate(lines) if says_several(f"{one.label} {one.after}")]
    for open_to in (several, range(len(lines))):
        if not 0 < len(open_to) <= 2 * _MOST_WITH_COPIES or lacking <= 0:
            continue
        for more in (1, 2):
            for size in range(1, len(open_to) + 1):
                for chosen in itertools.combinations(open_to, size):
                    if more * sum(values[i] for i in chosen) == lacking:
                        return [
                            copy
                            for i, one in enumerate(lines)
                            for copy in (one, *[replace(one, claims=())] * (more * (i in chosen)))
                        ]
    return None


def _total_first(lines: list[Line], claims: list[Claim]) -> tuple[list[Line], list[Claim]]:
    """A number that all after it come to is a total that was said first."""
    if len(lines) < 2 or not _is_number(lines[0]):
        return lines, claims
    first, rest = _as_claim(lines[0].node), lines[1:]
    again = len(rest) == 1 and rest[0].node.kind == "number"
    if _fits(rest, first) and not again:
        return rest, [first, *claims]
    if not first.unit and len(rest) <= 2 * _MOST_WITH_COPIES:
        made = _with_copies(rest, first.value)
        if made is not None:
            return made, [first, *claims]
    return lines, claims
