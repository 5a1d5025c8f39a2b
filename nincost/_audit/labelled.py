"""Matches a part of an answer line by line: a line that names a block goes to its layers alone.

What the words name counts, not the value: `block1: 746240` is wrong though some block costs that.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.interpretations import Interpretation, Mistake, right
from nincost._audit.labels import Labels
from nincost._audit.layer_groups import LayerGroups
from nincost._audit.matching import Matcher, matcher_for
from nincost._audit.mistakes import Question
from nincost._audit.pairs import Matching, Pair
from nincost._audit.reading.expression import rounded_unit, stands_for
from nincost._audit.reading.parts import MAX_TERMS, Line, Part
from nincost._audit.split_terms import Piece, Way, addends, joined_neighbours
from nincost._audit.weights import Weights
from nincost._audit.wrong_total import explain_total
from nincost._closed_form.cost_terms import CostedLayer
from nincost.errors import ExpressionError


@functools.lru_cache(maxsize=32)
def labels_of(layers: tuple[CostedLayer, ...]) -> Labels:
    """What words name in a model, made once."""
    return Labels(layers)


def match_part(
    part: Part, layers: Sequence[CostedLayer], question: Question, weights: Weights
) -> tuple[Matching, LayerGroups]:
    """The likeliest matching of all lines with all layers, and the layers in groups."""
    all_layers = tuple(layers)
    whole = matcher_for(all_layers, question, weights)
    named, loose = _sorted_lines(part, labels_of(all_layers), whole.groups)
    if not named:
        return whole.match(_ways(loose, whole)), whole.groups
    pairs: list[Pair] = []
    free = {place for place, amount in enumerate(whole.groups.amounts) if amount}
    penalty = 0.0
    swapped = _swapped(named, whole.groups)
    wrong_name = bool(swapped)
    exact = {whole.groups.place_of[line.label] for line in loose if line.label}
    together: dict[tuple[int, ...], list[Line]] = {}
    for index, (line, places) in enumerate(named):
        own = tuple(place for place in places if place in free)
        if index in swapped:
            pairs.append(Pair([_piece(line)], own, (swapped[index],)))
            free.difference_update(own)
            penalty += swapped[index].penalty
        else:
            together.setdefault(places, []).append(line)
    for places, lines in sorted(together.items(), key=lambda pair: len(pair[0])):
        own = tuple(place for place in places if place in free and place not in exact)
        again, others = _once_more(lines, places, own, whole.groups, weights)
        pairs += again
        penalty += weights.twice * len(again)
        own = own or tuple(place for place in places if place in free)
        if own and others:
            found = _of_lines(others, own, all_layers, question, weights)
            pairs += found.pairs
            penalty += found.penalty - weights.missing * len(found.missing)
            free.difference_update(place for pair in found.pairs for place in pair.places)
            wrong_name = wrong_name or any(not pair.right for pair in found.pairs)
        else:
            loose += others
    rest = tuple(
        place for place, amount in enumerate(whole.groups.amounts) if place in free or not amount
    )
    matcher = matcher_for(tuple(all_layers[place] for place in rest), question, weights, all_layers)
    found = _mapped(matcher.match(_ways(loose, matcher)), rest)
    matching = Matching(pairs + found.pairs, found.missing, penalty + found.penalty, wrong_name)
    return matching, whole.groups


def _sorted_lines(
    part: Part, labels: Labels, groups: LayerGroups
) -> tuple[list[tuple[Line, tuple[int, ...]]], list[Line]]:
    """The lines that name several layers, with those that cost something; and the others.

    One that names a single layer gets that layer's name as its label.
    """
    named: list[tuple[Line, tuple[int, ...]]] = []
    loose: list[Line] = []
    everything = sum(1 for amount in groups.amounts if amount)
    blocks = False
    for line in part.lines:
        places = labels.places(line.label) if line.label else ()
        if not places and blocks:
            places = labels.next_block(line.label)
        blocks = blocks or len(places) > 1
        costly = tuple(place for place in places if groups.amounts[place])
        if len(places) == 1 or (len(costly) == 1 and len(part.lines) > 1):
            loose.append(replace(line, label=groups.layers[(costly or places)[0]].name))
        elif len(costly) > 1 and (len(costly) < everything or everything == 1):
            named.append((line, costly))
        else:
            loose.append(replace(line, label=""))
    return named, loose


def _swapped(
    named: Sequence[tuple[Line, tuple[int, ...]]], groups: LayerGroups
) -> dict[int, Interpretation]:
    """Lines with the number of another one's layers, where that one has not its own either."""
    sums = [Fraction(sum(groups.amounts[place] for place in places)) for _, places in named]

    def fits(index: int, amount: Fraction) -> bool:
        node = named[index][0].node
        return stands_for(node.value, rounded_unit(node), amount)

    # Each of several lines about the same layers has a part of their sum.
    alone = Counter(places for _, places in named)
    wrong = [i for i in range(len(named)) if not fits(i, sums[i]) and alone[named[i][1]] == 1]
    found: dict[int, Interpretation] = {}
    for i in wrong:
        for j in wrong:
            if i != j and sums[i] != sums[j] and fits(i, sums[j]):
                other = named[j][0].label.strip(" :：|*-")
                words = f"{int(sums[j]):,} belongs to {other}"
                mistake = Mistake("layers-swapped", words)
                found[i] = Interpretation(int(sums[j]), (), (mistake,), 1.0)
    return found


def _once_more(
    lines: Sequence[Line], places: Sequence[int], own: Sequence[int], groups: LayerGroups,
    weights: Weights,
) -> tuple[list[Pair], list[Line]]:  # fmt: skip
    """Of lines that name these layers, those that are the right cost of one that has its line.

    `own` are those without a line: after `block3.conv: 885120`, `block 3, conv: 885120` is once
    more.
    """
    amounts = [groups.amounts[place] for place in own]
    again: list[Pair] = []
    others: list[Line] = []
    for line in lines:
        value = line.node.value
        place = next((p for p in places if groups.amounts[p] == value), None)
        if place is None or value in (*amounts, sum(amounts)):
            others.append(line)
            continue
        mistake = Mistake("twice", "the layer's cost is counted once too often")
        found = Interpretation(groups.amounts[place], (), (mistake,), weights.twice)
        again.append(Pair([_piece(line)], (place,), (found,), twice=True))
    return again, others


def _of_lines(
    lines: list[Line],
    places: tuple[int, ...],
    layers: tuple[CostedLayer, ...],
    question: Question,
    weights: Weights,
) -> Matching:
    """Lines that name the same layers, one or several, matched with these."""
    if len(lines) == 1:
        return _of_line(lines[0], places, layers, question, weights)
    matcher = matcher_for(tuple(layers[p] for p in places), question, weights, layers)
    bare = [replace(line, label="") for line in lines]
    return _mapped(matcher.match(_ways(bare, matcher)), places)


def _of_line(
    line: Line,
    places: tuple[int, ...],
    layers: tuple[CostedLayer, ...],
    question: Question,
    weights: Weights,
) -> Matching:
    """A line matched with the layers that it names."""
    own = tuple(layers[place] for place in places)
    matcher = matcher_for(own, question, weights, layers)
    expected = sum(matcher.groups.amounts)
    unit = rounded_unit(line.node)
    number = line.node.kind == "number" or bool(unit)
    if number and stands_for(line.node.value, unit, Fraction(expected)):
        piece = replace(_piece(line), value=Fraction(expected))
        if unit:
            piece = replace(piece, written=line.node.value)
        return Matching([Pair([piece], places, (right(expected),))], [])
    found = matcher.match(_ways([replace(line, label="")], matcher))
    if line.node.value == expected and (found.missing or not all(p.right for p in found.pairs)):
        # `12*12*384*(2304+768)`: right, with terms that are none of the layers'
        return Matching([Pair([_piece(line)], places, (right(expected),))], [])
    if line.node.kind == "number" and any(not pair.right for pair in found.pairs):
        about = explain_total(line.node.value, unit, own, question, weights)
        if about and not _one_mistake(found):
            value = int(line.node.value)
            ones = tuple(Interpretation(value, (), one.mistakes, 1.0) for one in about)
            return Matching([Pair([_piece(line)], places, ones)], [], 1.0)
        if not any(pair.interpretations for pair in found.pairs):
            return Matching([Pair([_piece(line)], places)], [], weights.unexplained)
    return _mapped(found, places)


def _one_mistake(matching: Matching) -> bool:
    """One layer's cost with one likely mistake, and nothing missing."""
    return len(matching.pairs) == 1 and not matching.missing and bool(
        matching.pairs[0].interpretations
    )  # fmt: skip


def _piece(line: Line) -> Piece:
    node = line.node
    return Piece(node.value, None, node.start, node.end)


def _mapped(matching: Matching, places: Sequence[int]) -> Matching:
    """The same with the places of the whole model."""
    for pair in matching.pairs:
        pair.places = tuple(places[place] for place in pair.places)
    return Matching(matching.pairs, [places[place] for place in matching.missing], matching.penalty)


def _ways(lines: Sequence[Line], matcher: Matcher) -> list[list[Way]]:
    cutter = matcher.cutter()
    terms: list[list[Way]] = []
    for line in lines:
        nodes = [line.node]
        place = matcher.groups.place_of.get(line.label)
        if place is not None:
            unit = rounded_unit(line.node)
            ways = cutter.named(line.node, line.label)
            amount = Fraction(matcher.groups.amounts[place])
            if unit and stands_for(line.node.value, unit, amount):
                ways = [(replace(ways[0][0], value=amount, written=line.node.value),)]
            terms.append(ways)
            continue
        if len(lines) == 1 or line.node.kind != "sum":
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
