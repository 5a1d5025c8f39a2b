"""Grades one part of an answer: matches it with the model's layers and says what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from nincost._audit.answer import MAX_TERMS, Line, Part
from nincost._audit.corrected import layer_text, whole_text
from nincost._audit.expression import stands_for
from nincost._audit.interpretations import Slip, longest, shape_of
from nincost._audit.matching import Matcher, matcher_for
from nincost._audit.mistakes import Setting
from nincost._audit.pairs import Matching, Pair
from nincost._audit.results import Explanation, Grade, GradedTerm, MissingLayer, MistakeCount
from nincost._audit.tokens import plain
from nincost._audit.totals import explain_total
from nincost._audit.written import Piece, Way, addends, joined_neighbours
from nincost._explain.cost_terms import NamedSheet, What
from nincost.errors import ExpressionError

_MOST_EXPLANATIONS = 3


def grade(
    part: Part, layers: Sequence[NamedSheet], setting: Setting, *, guessed: bool = False
) -> tuple[Grade, float]:
    """The grade, and how unlikely it is that the answer is about this amount at all."""
    what = setting.what
    matcher = matcher_for(tuple(layers), setting)
    matching = matcher.match(_ways(part, matcher))
    expected = Fraction(sum(matcher.amounts))
    bare = _bare(part)
    written = part.value
    right = stands_for(written, bare.node.unit if bare else Fraction(0), expected)
    slips = _slips(part)
    claim = part.claims[-1] if part.claims else None
    claim_ok = claim is None or claim.fits(written) or bool(bare and claim.fits(expected))
    terms = _terms(part, matching, layers, matcher, right)
    missing = () if right else _missing(matching, layers, what)
    total_explanations: tuple[Explanation, ...] = ()
    if bare and not right and not _is_layer(matching):
        total_explanations = explain_total(written, bare.node.unit, layers, setting)
        terms, missing = (), ()
    result = Grade(
        what=what,
        ok=right and claim_ok and not slips,
        guessed=guessed,
        written=plain_number(written),
        claimed=plain_number(claim.value) if claim else None,
        claim_ok=claim_ok,
        expected=int(expected),
        terms=terms,
        missing=missing,
        mistakes=() if right else _counts(matching, missing, matcher, total_explanations),
        slips=tuple(slips),
        total_explanations=total_explanations,
        corrected=whole_text(layers, what),
    )
    return result, (0.0 if result.ok else matching.cost)


def plain_number(value: Fraction) -> int | float:
    """An int where it is whole."""
    return value.numerator if value.denominator == 1 else float(value)


def _bare(part: Part) -> Line | None:
    """The line of an answer that is nothing but one number."""
    if len(part.lines) == 1 and part.lines[0].node.kind == "number":
        return part.lines[0]
    rounded = len(part.lines) == 1 and part.lines[0].node.unit
    return part.lines[0] if rounded else None


def _is_layer(matching: Matching) -> bool:
    """A lone number that is one layer's cost, right or wrong by one mistake."""
    first = matching.pairs[0] if matching.pairs else None
    return bool(first and first.readings and len(first.readings[0].slips) <= 1)


def _ways(part: Part, matcher: Matcher) -> list[list[Way]]:
    cutter = matcher.cutter()
    terms: list[list[Way]] = []
    for line in part.lines:
        nodes = [line.node]
        if line.label in matcher.place_of:
            terms.append([cutter.named(line.node, line.label)])
            continue
        if len(part.lines) == 1 or line.node.kind != "sum":
            nodes = addends(line.node)
            _check_count(len(nodes))
            nodes = joined_neighbours(nodes, cutter)
        for node in nodes:
            terms.append(cutter.ways(node))
            _check_count(len(terms))
    return terms


def _check_count(count: int) -> None:
    if count > MAX_TERMS:
        raise ExpressionError(
            f"the calculation has more than {MAX_TERMS:,} terms: grade a part of it"
        )


def _slips(part: Part) -> list[str]:
    """Where a sum does not come to what is said to come out."""
    found = []
    claimed = [(line.label, line.node.value, line.claims) for line in part.lines]
    claimed.append(("", part.value, tuple(part.claims)))
    for label, value, claims in claimed:
        for claim in claims:
            if not claim.fits(value):
                off = claim.value - value
                found.append(
                    f"{f'{label}: ' if label else ''}the terms add up to {_exact(value)}, "
                    f"not {_exact(claim.value)}: {_exact(abs(off))} too "
                    f"{'many' if off > 0 else 'few'}"
                )
    return found


def _exact(value: Fraction) -> str:
    return f"{plain_number(value):,}"


def _terms(
    part: Part, matching: Matching, layers: Sequence[NamedSheet], matcher: Matcher, right: bool
) -> tuple[GradedTerm, ...]:
    """A row for each stretch of the text; copies that were read alike share one."""
    groups: dict[object, list[Pair]] = {}
    for pair in matching.pairs:
        slips = pair.readings[0].slips if pair.readings else None
        spans = tuple((p.start, p.end) for p in pair.pieces)
        groups.setdefault((spans, slips, bool(pair.places), pair.twice), []).append(pair)
    rows = [(group[0].pieces[0].start, _term(part, group, layers, matcher, right))
            for group in groups.values()]  # fmt: skip
    return tuple(row for _, row in sorted(rows, key=lambda pair: pair[0]))


def _term(
    part: Part, group: list[Pair], layers: Sequence[NamedSheet], matcher: Matcher, right: bool
) -> GradedTerm:
    first = group[0]
    what = matcher.setting.what
    places = [place for pair in group for place in pair.places]
    text = " + ".join(" ".join(part.text[p.start : p.end].split()) for p in first.pieces)
    value = sum((p.value for pair in group for p in pair.pieces), Fraction(0))
    if len(first.places) > 1 and len({tuple(p.pieces) for p in group}) == 1 and len(group) > 1:
        value = first.pieces[0].value
    if len(group) > 1 and first.pieces[0].copies > 1 and not text.rstrip().endswith(")"):
        text = text if _copies_in_text(part, first.pieces[0]) else f"{text} ({len(group)} times)"
    expected = None if first.twice or not places else sum(matcher.amounts[p] for p in places)
    verdict = "right" if first.right else "extra" if first.twice or not places else "wrong"
    if right and verdict != "right":
        verdict = "adds up"
    explanations: tuple[Explanation, ...] = ()
    correction = ""
    if verdict in ("wrong", "extra"):
        explanations = _explanations(first, layers, what)
    if verdict == "wrong":
        correction = layer_text(layers[places[0]].sheet, what)
        if len(places) > 1:
            correction = f"({correction})*{len(places)}"
    return GradedTerm(
        text=text,
        value=plain_number(value),
        layers=tuple(layers[place].layer for place in places) if verdict != "adds up" else (),
        expected=expected,
        verdict=verdict,  # type: ignore[arg-type]
        explanations=explanations,
        correction=correction,
    )


def _copies_in_text(part: Part, piece: Piece) -> bool:
    """Whether the stretch has the factor that made its copies in it."""
    return f"{piece.copies}" in plain(part.text[piece.start : piece.end])


def _explanations(pair: Pair, layers: Sequence[NamedSheet], what: What) -> tuple[Explanation, ...]:
    if pair.readings:
        found = dict.fromkeys(reading.slips for reading in pair.readings)
        keys = set()
        kept = []
        for slips in found:
            key = tuple(sorted(slip.key for slip in slips))
            if key not in keys:
                keys.add(key)
                kept.append(Explanation(slips))
        return tuple(kept[:_MOST_EXPLANATIONS])
    if not pair.places:
        return (Explanation((Slip("unknown", "no layer costs this, rightly or wrongly"),)),)
    return (Explanation((_compare(pair.pieces[0], layers[pair.places[0]], what),)),)


def _compare(piece: Piece, named: NamedSheet, what: What) -> Slip:
    """What the factors show where no known mistake gives the value."""
    terms = named.sheet.terms(what)
    if piece.shape and terms:
        mine, theirs = Counter(longest(piece.shape)), Counter(longest(shape_of(terms)))
        added, lacking = list((mine - theirs).elements()), list((theirs - mine).elements())
        if 0 < len(added) + len(lacking) <= 4:
            here, there = "*".join(map(str, added)), "*".join(map(str, lacking))
            if added and lacking:
                return Slip("factor-misread", f"{here} where {there} belongs")
            words = f"the factor {there} is missing" if lacking else f"{here} is too much"
            return Slip("factor-misread", words)
    return Slip("unexplained", "no usual mistake gives this; its factors are nearest to this layer")


def _missing(
    matching: Matching, layers: Sequence[NamedSheet], what: What
) -> tuple[MissingLayer, ...]:
    return tuple(
        MissingLayer(
            layers[p].layer, layers[p].sheet.amount(what), layer_text(layers[p].sheet, what)
        )
        for p in matching.missing
    )


def _counts(
    matching: Matching,
    missing: Sequence[MissingLayer],
    matcher: Matcher,
    about_total: Sequence[Explanation],
) -> tuple[MistakeCount, ...]:
    """Each kind of mistake once, in order of how much it changes the sum."""
    if about_total:
        slips = about_total[0].slips
        return tuple(MistakeCount(slip.key, slip.title, (), None) for slip in slips)
    names: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    off: dict[str, Fraction | None] = {}
    for pair in matching.pairs:
        if pair.right:
            continue
        slips = _explanations(pair, matcher.layers, matcher.setting.what)[0].slips
        value = sum((p.value for p in pair.pieces), Fraction(0))
        if not pair.twice:
            value -= sum(matcher.amounts[p] for p in pair.places)
        for slip in slips:
            titles[slip.key] = slip.title
            names.setdefault(slip.key, []).extend(matcher.layers[p].layer for p in pair.places)
            before = off.get(slip.key, Fraction(0))
            off[slip.key] = None if len(slips) > 1 or before is None else before + value
    if missing:
        titles["missing"] = Slip("missing", "").title
        names["missing"] = [layer.layer for layer in missing]
        off["missing"] = -Fraction(sum(layer.expected for layer in missing))
    counts = [
        MistakeCount(key, titles[key], tuple(names.get(key, ())), _maybe(off[key]))
        for key in titles
    ]
    return tuple(sorted(counts, key=lambda c: -abs(c.difference or 0)))


def _maybe(value: Fraction | None) -> int | float | None:
    return None if value is None else plain_number(value)
