"""The rows of a grade: terms with their verdicts, layers that are missing, each mistake once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from nincost._audit.corrections import layer_text, whole_text
from nincost._audit.interpretations import Mistake, longest, products_of
from nincost._audit.layer_groups import LayerGroups
from nincost._audit.pairs import Matching, Pair
from nincost._audit.reading.parts import Part
from nincost._audit.reading.tokens import plain
from nincost._audit.results import Explanation, GradedTerm, MissingLayer, MistakeCount
from nincost._audit.split_terms import Piece
from nincost._closed_form.cost_terms import CostedLayer, CostTerms, Quantity
from nincost._closed_form.terms import Terms
from nincost._closed_form.window import by

_MOST_EXPLANATIONS = 3


def plain_number(value: Fraction) -> int | float:
    """An int where it is whole."""
    return value.numerator if value.denominator == 1 else float(value)


def graded_terms(
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
    value = sum((_written(p) for pair in pairs for p in pair.pieces), Fraction(0))
    if len(first.places) > 1 and len({tuple(p.pieces) for p in pairs}) == 1 and len(pairs) > 1:
        value = _written(first.pieces[0])
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
        correction = whole_text([layers[place] for place in places], what)
    return GradedTerm(
        text=text,
        value=plain_number(value),
        layers=tuple(layers[place].name for place in places) if verdict != "adds up" else (),
        expected=expected,
        verdict=verdict,  # type: ignore[arg-type]
        explanations=explanations,
        correction=correction,
    )


def _written(piece: Piece) -> Fraction:
    return piece.value if piece.written is None else piece.written


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
        found = tuple(kept.values())
        cost = groups.layers[pair.places[0]].cost if pair.places else None
        if (
            cost is not None and len(found[0].mistakes) > 1
        ):  # one factor is simpler than two mistakes
            lacking = _not_squared(pair.pieces[0], cost, groups.question.what)
            found = (Explanation((lacking,)), *found) if lacking else found
        return found[:_MOST_EXPLANATIONS]
    if not pair.places:
        words = "no layer costs this, and no known mistake in a layer gives it"
        return (Explanation((Mistake("unknown", words),)),)
    terms = groups.layers[pair.places[0]].cost.terms(groups.question.what)
    return (Explanation((_compare(pair.pieces[0], terms),)),)


def _not_squared(piece: Piece, cost: CostTerms, what: Quantity) -> Mistake | None:
    """Where nothing but one side of a square output is missing among the factors."""
    terms, sides = cost.terms(what), cost.output[2:]
    if what == "params" or not piece.products or not terms or len(set(sides)) != 1:
        return None
    mine, theirs = Counter(longest(piece.products)), Counter(longest(products_of(terms)))
    if mine - theirs or [*(theirs - mine).elements()] != [sides[0]]:
        return None
    return Mistake("size-not-squared", f"the output has {by(sides)} places, not {sides[0]}")


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


def missing_layers(
    matching: Matching, layers: Sequence[CostedLayer], what: Quantity
) -> tuple[MissingLayer, ...]:
    return tuple(
        MissingLayer(layers[p].name, layers[p].cost.amount(what), layer_text(layers[p].cost, what))
        for p in matching.missing
    )


def mistake_counts(
    matching: Matching,
    missing: Sequence[MissingLayer],
    groups: LayerGroups,
    about_total: Sequence[Explanation],
) -> tuple[MistakeCount, ...]:
    """Each kind of mistake once, in order of how much it changes the sum; what is missing last."""
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
    return tuple(
        sorted(
            counts,
            key=lambda c: (c.key == "missing", -abs(c.difference or 0), -len(c.layers)),
        )
    )


def _maybe(value: Fraction | None) -> int | float | None:
    return None if value is None else plain_number(value)
