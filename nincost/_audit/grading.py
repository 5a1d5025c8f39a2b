"""Grades one part of an answer: matches it with the model's layers and says what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from nincost._audit.answer import MAX_TERMS, Line, Part
from nincost._audit.corrections import layer_text, whole_text
from nincost._audit.expression import stands_for
from nincost._audit.interpretations import Mistake, longest, products_of
from nincost._audit.layer_groups import LayerGroups
from nincost._audit.matching import Matcher, matcher_for
from nincost._audit.mistakes import Question
from nincost._audit.pairs import Matching, Pair
from nincost._audit.results import Explanation, Grade, GradedTerm, MissingLayer, MistakeCount
from nincost._audit.split_terms import Piece, Way, addends, joined_neighbours
from nincost._audit.tokens import plain
from nincost._audit.weights import Weights
from nincost._audit.wrong_total import explain_total
from nincost._closed_form.cost_terms import CostedLayer, Quantity
from nincost._closed_form.terms import Terms
from nincost.errors import ExpressionError

DEFAULT_WEIGHTS = Weights()
_MOST_EXPLANATIONS = 3


def grade(
    part: Part,
    layers: Sequence[CostedLayer],
    question: Question,
    *,
    guessed: bool = False,
    weights: Weights = DEFAULT_WEIGHTS,
) -> tuple[Grade, float]:
    """The grade, and how unlikely it is that the answer is about this quantity at all.

    `guessed`: the answer does not say which quantity it is about, so that this one is a try.

    Raises:
        ExpressionError: it has more terms than are read.
    """
    what = question.what
    matcher = matcher_for(tuple(layers), question, weights)
    matching = matcher.match(_ways(part, matcher))
    groups = matcher.groups
    expected = Fraction(sum(groups.amounts))
    bare = _bare(part)
    written = part.value
    right = stands_for(written, bare.node.unit if bare else Fraction(0), expected)
    wrong_sums = _wrong_sums(part)
    claim = part.claims[-1] if part.claims else None
    claim_ok = claim is None or claim.fits(written) or bool(bare and claim.fits(expected))
    terms = _terms(part, matching, groups, right)
    missing = () if right else _missing(matching, layers, what)
    total_explanations: tuple[Explanation, ...] = ()
    if bare and not right and not _is_layer(matching):
        total_explanations = explain_total(written, bare.node.unit, layers, question, weights)
        terms, missing = (), ()
    result = Grade(
        what=what,
        ok=right and claim_ok and not wrong_sums,
        guessed=guessed,
        written=plain_number(written),
        claimed=plain_number(claim.value) if claim else None,
        claim_ok=claim_ok,
        expected=int(expected),
        terms=terms,
        missing=missing,
        mistakes=() if right else _counts(matching, missing, groups, total_explanations),
        arithmetic_errors=tuple(wrong_sums),
        total_explanations=total_explanations,
        corrected=whole_text(layers, what),
    )
    return result, (0.0 if result.ok else matching.penalty)


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
    return bool(first and first.interpretations and len(first.interpretations[0].mistakes) <= 1)


def _ways(part: Part, matcher: Matcher) -> list[list[Way]]:
    cutter = matcher.cutter()
    terms: list[list[Way]] = []
    for line in part.lines:
        nodes = [line.node]
        if line.label in matcher.groups.place_of:
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


def _wrong_sums(part: Part) -> list[str]:
    """Where the terms do not add up to the total or subtotal that the answer states."""
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
    part: Part, matching: Matching, groups: LayerGroups, right: bool
) -> tuple[GradedTerm, ...]:
    """A row for each stretch of the text; copies that are interpreted alike share one."""
    alike: dict[object, list[Pair]] = {}
    for pair in matching.pairs:
        mistakes = pair.interpretations[0].mistakes if pair.interpretations else None
        spans = tuple((p.start, p.end) for p in pair.pieces)
        alike.setdefault((spans, mistakes, bool(pair.places), pair.twice), []).append(pair)
    in_order = sorted(alike.values(), key=lambda pairs: pairs[0].pieces[0].start)
    return tuple(_term(part, pairs, groups, right) for pairs in in_order)


def _term(part: Part, pairs: list[Pair], groups: LayerGroups, right: bool) -> GradedTerm:
    first = pairs[0]
    layers, what = groups.layers, groups.question.what
    places = [place for pair in pairs for place in pair.places]
    text = " + ".join(" ".join(part.text[p.start : p.end].split()) for p in first.pieces)
    value = sum((p.value for pair in pairs for p in pair.pieces), Fraction(0))
    if len(first.places) > 1 and len({tuple(p.pieces) for p in pairs}) == 1 and len(pairs) > 1:
        value = first.pieces[0].value
    if len(pairs) > 1 and first.pieces[0].copies > 1 and not text.rstrip().endswith(")"):
        text = text if _copies_in_text(part, first.pieces[0]) else f"{text} ({len(pairs)} times)"
    expected = None if first.twice or not places else sum(groups.amounts[p] for p in places)
    verdict = "right" if first.right else "extra" if first.twice or not places else "wrong"
    if right and verdict != "right":
        verdict = "adds up"
    explanations: tuple[Explanation, ...] = ()
    correction = ""
    if verdict in ("wrong", "extra"):
        explanations = _explanations(first, groups)
    if verdict == "wrong":
        correction = layer_text(layers[places[0]].cost, what)
        if len(places) > 1:
            correction = f"({correction})*{len(places)}"
    return GradedTerm(
        text=text,
        value=plain_number(value),
        layers=tuple(layers[place].name for place in places) if verdict != "adds up" else (),
        expected=expected,
        verdict=verdict,  # type: ignore[arg-type]
        explanations=explanations,
        correction=correction,
    )


def _copies_in_text(part: Part, piece: Piece) -> bool:
    """Whether the stretch has the factor that made its copies in it."""
    return f"{piece.copies}" in plain(part.text[piece.start : piece.end])


def _explanations(pair: Pair, groups: LayerGroups) -> tuple[Explanation, ...]:
    """The likeliest mistakes, each kind or pair of kinds once."""
    if pair.interpretations:
        kept: dict[tuple[str, ...], Explanation] = {}
        for one in pair.interpretations:
            keys = tuple(sorted(mistake.key for mistake in one.mistakes))
            kept.setdefault(keys, Explanation(one.mistakes))
        return tuple(kept.values())[:_MOST_EXPLANATIONS]
    if not pair.places:
        words = "no layer costs this, and no known mistake in a layer gives it"
        return (Explanation((Mistake("unknown", words),)),)
    terms = groups.layers[pair.places[0]].cost.terms(groups.question.what)
    return (Explanation((_compare(pair.pieces[0], terms),)),)


def _compare(piece: Piece, terms: Terms) -> Mistake:
    """What the factors show where no known mistake gives the value."""
    if piece.products and terms:
        mine, theirs = Counter(longest(piece.products)), Counter(longest(products_of(terms)))
        added, lacking = list((mine - theirs).elements()), list((theirs - mine).elements())
        if 0 < len(added) + len(lacking) <= 4:
            here, there = "*".join(map(str, added)), "*".join(map(str, lacking))
            if added and lacking:
                return Mistake("factor-misread", f"{here} where {there} should be")
            if lacking:
                return Mistake("factor-misread", f"the factor {there} is missing")
            return Mistake("factor-misread", f"the factor {here} is one too many")
    words = "no known mistake gives this value; its factors are nearest to this layer's"
    return Mistake("unexplained", words)


def _missing(
    matching: Matching, layers: Sequence[CostedLayer], what: Quantity
) -> tuple[MissingLayer, ...]:
    return tuple(
        MissingLayer(layers[p].name, layers[p].cost.amount(what), layer_text(layers[p].cost, what))
        for p in matching.missing
    )


def _counts(
    matching: Matching,
    missing: Sequence[MissingLayer],
    groups: LayerGroups,
    about_total: Sequence[Explanation],
) -> tuple[MistakeCount, ...]:
    """Each kind of mistake once, in order of how much it changes the sum."""
    if about_total:
        return tuple(MistakeCount(m.key, m.title, (), None) for m in about_total[0].mistakes)
    names: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    off: dict[str, Fraction | None] = {}
    for pair in matching.pairs:
        if pair.right:
            continue
        mistakes = _explanations(pair, groups)[0].mistakes
        value = sum((p.value for p in pair.pieces), Fraction(0))
        if not pair.twice:
            value -= sum(groups.amounts[p] for p in pair.places)
        for mistake in mistakes:
            key = mistake.key
            titles[key] = mistake.title
            names.setdefault(key, []).extend(groups.layers[p].name for p in pair.places)
            before = off.get(key, Fraction(0))
            off[key] = None if len(mistakes) > 1 or before is None else before + value
    if missing:
        titles["missing"] = Mistake("missing", "").title
        names["missing"] = [layer.layer for layer in missing]
        off["missing"] = -Fraction(sum(layer.expected for layer in missing))
    counts = [
        MistakeCount(key, titles[key], tuple(names.get(key, ())), _maybe(off[key]))
        for key in titles
    ]
    return tuple(sorted(counts, key=lambda c: -abs(c.difference or 0)))


def _maybe(value: Fraction | None) -> int | float | None:
    return None if value is None else plain_number(value)
