"""Finds which layer each piece of a calculation stands for, so that the sum of penalties is least.

Pieces that are right as they stand go first, then weights and biases that were written apart, and
the rest by the Hungarian algorithm.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from nincost._audit.hungarian import assign
from nincost._audit.interpretations import Interpretation, Mistake, right
from nincost._audit.layer_groups import LayerGroups
from nincost._audit.mistakes import Question
from nincost._audit.pairs import Matching, Pair, join_biases, join_runs, run_of
from nincost._audit.penalties import Penalties
from nincost._audit.split_terms import Cutter, Piece, Way
from nincost._audit.weights import Weights
from nincost._closed_form.cost_terms import CostedLayer

_LARGEST_MATRIX = 130  # rows that the Hungarian algorithm, O(n^3), gets: some 0.2 s
_MOST_OPEN_TERMS = 60  # terms whose other cuts are tried: each try is a whole matching
_FEW_OPEN_TERMS = 20
_ROUNDS = 2  # of trying them where there are more than few
_ORDER = 1e-4  # between layers that fit as well, the one whose place in the order is nearest

#: Of each group, the places of its layers that have no piece yet.
Free = list[list[int]]


class Matcher:
    """Matches the pieces of answers with the layers of one model."""

    def __init__(
        self,
        layers: Sequence[CostedLayer],
        question: Question,
        weights: Weights,
        model: Sequence[CostedLayer],
    ) -> None:
        self.groups = LayerGroups(layers, question, weights, model)
        self.penalties = Penalties(self.groups, weights)

    def match(self, terms: Sequence[Sequence[Way]]) -> Matching:
        """Match terms, each given as the ways to cut it (best first), with the layers.

        Begins with the first way of each and changes one term at a time while that helps: the term
        that helps most where there are few.
        """
        chosen = [0] * len(terms)
        best = self._match_ways([ways[0] for ways in terms])
        open_terms = [i for i, ways in enumerate(terms) if len(ways) > 1]
        if len(open_terms) > _MOST_OPEN_TERMS:
            return best
        steepest = len(open_terms) <= _FEW_OPEN_TERMS
        for _ in range(len(open_terms) if steepest else _ROUNDS):
            if best.penalty == 0:
                break
            before = list(chosen)
            base = chosen
            for index in open_terms:
                start = base if steepest else chosen
                for choice in range(len(terms[index])):
                    if choice == start[index]:
                        continue
                    trial = [*start[:index], choice, *start[index + 1 :]]
                    found = self._match_ways([w[c] for w, c in zip(terms, trial, strict=True)])
                    if found.penalty < best.penalty - 1e-9:
                        best, chosen = found, trial
            if chosen == before:
                break
        return best

    def cutter(self) -> Cutter:
        """What cuts terms into pieces that fit this model."""
        most_copies = self.groups.most_alike + 1
        return Cutter(
            self.penalties.of_piece, self.groups.rounded, most_copies, self.penalties.weights
        )

    def _match_ways(self, ways: Sequence[Way]) -> Matching:
        pieces = [piece for way in ways for piece in way if piece.value != 0 or piece.label]
        free = [list(places) for places in self.groups.places]
        pairs: list[Pair] = []
        rest = self._take_named(pieces, free, pairs)
        rest = self._take_right(rest, free, pairs)
        rest = self._take_parts(rest, free, pairs)
        rest = self._take_runs(rest, free, pairs)
        self._take_rest(rest, free, pairs)
        missing = sorted(p for places in free for p in places if self.groups.amounts[p])
        join_biases(pairs, self.groups.layers)
        missing = join_runs(pairs, missing, self.groups.amounts, self.groups.layers)
        self._swap_doubled(pairs)
        matching = Matching(pairs, missing)
        matching.penalty = self.penalties.of_matching(matching)
        return matching

    def _take_named(self, pieces: Iterable[Piece], free: Free, pairs: list[Pair]) -> list[Piece]:
        """Pair what the answer itself gives a layer's name; return the other pieces."""
        rest = []
        for piece in pieces:
            place = self.groups.place_of.get(piece.label, -1)
            group = self.groups.group_of[place]
            if place < 0 or place not in free[group]:
                rest.append(piece)
                continue
            free[group].remove(place)
            amount = self.groups.amounts[place]
            if piece.value == amount:
                found: tuple[Interpretation, ...] = (right(amount),)
            elif not piece.value:
                mistake = Mistake("missing", "its cost is given as 0")
                found = (Interpretation(0, (), (mistake,), self.penalties.weights.missing),)
            else:
                found = self.penalties.likeliest(piece, group)
            pairs.append(Pair([piece], (place,), found))
        return rest

    def _take_right(self, pieces: Iterable[Piece], free: Free, pairs: list[Pair]) -> list[Piece]:
        """Pair what is right as it stands; return the other pieces."""
        rest = []
        for piece in pieces:
            value = int(piece.value) if piece.value.denominator == 1 else -1
            for group in self.groups.of_amount.get(value, ()):
                if free[group]:
                    pairs.append(Pair([piece], (free[group].pop(0),), (right(value),)))
                    break
            else:
                rest.append(piece)
        return rest

    def _take_parts(self, pieces: list[Piece], free: Free, pairs: list[Pair]) -> list[Piece]:
        """Pair layers whose terms were written apart, weights here, biases there."""
        left = Counter(piece.value for piece in pieces)
        wanted: list[tuple[Counter[Fraction], int]] = []
        for cost, places in zip(self.groups.costs, free, strict=True):
            terms = cost.terms(self.groups.question.what) if places and pieces else ()
            if len(terms) < 2:
                continue
            need = Counter(Fraction(term.value) for term in terms)
            while places and all(left[value] >= count for value, count in need.items()):
                left -= need
                wanted.append((need.copy(), places.pop(0)))
        if not wanted:
            return pieces
        taken: list[list[Piece]] = [[] for _ in wanted]
        rest = []
        for piece in pieces:
            for (need, _), into in zip(wanted, taken, strict=True):
                if need[piece.value] > 0:
                    need[piece.value] -= 1
                    into.append(piece)
                    break
            else:
                rest.append(piece)
        for (_, place), together in zip(wanted, taken, strict=True):
            pairs.append(Pair(together, (place,), (right(self.groups.amounts[place]),)))
        return rest

    def _take_runs(self, pieces: list[Piece], free: Free, pairs: list[Pair]) -> list[Piece]:
        """Pair numbers that are the sum of several layers that follow each other, as of a block."""
        if not pieces or len(pieces) > _MOST_OPEN_TERMS:
            return pieces
        amounts = self.groups.amounts
        rest = []
        for piece in pieces:
            places = sorted(p for own in free for p in own if amounts[p])
            alone = piece.products is None or (len(piece.products) == len(piece.products[0]) == 1)
            run = run_of(places, amounts, piece.value) if alone else ()
            if run:
                for place in run:
                    free[self.groups.group_of[place]].remove(place)
                pairs.append(Pair([piece], run, (right(int(piece.value)),)))
            else:
                rest.append(piece)
        return rest

    def _take_rest(self, pieces: list[Piece], free: Free, pairs: list[Pair]) -> None:
        """Pair what is wrong with the layers that are left, so that the penalties are least."""
        if not pieces:
            return
        pieces.sort(key=lambda piece: piece.start)
        slots = sorted(self._slots(pieces, free), key=lambda slot: slot[1])
        if len(pieces) + len(slots) > _LARGEST_MATRIX:  # first what is easy to place
            pieces = self._take_likely(pieces, free, pairs)
            slots = self._slots(pieces, free)[:_LARGEST_MATRIX]
            pairs += [self._extra(piece) for piece in pieces[_LARGEST_MATRIX:]]
            pieces = pieces[:_LARGEST_MATRIX]
        columns = assign(self._matrix(pieces, slots))
        for piece, column in zip(pieces, columns, strict=False):
            if column < len(slots):
                group, place = slots[column]
                pairs.append(Pair([piece], (place,), self.penalties.likeliest(piece, group)))
                free[group].remove(place)
            else:
                pairs.append(self._extra(piece))

    def _matrix(self, pieces: list[Piece], slots: list[tuple[int, int]]) -> list[list[float]]:
        """Rows are pieces; columns are layers, then, for each piece, no layer.

        A layer without a piece has a penalty, too: it is taken off where the layer has one, which
        changes every sum alike.
        """
        empty = [
            self.penalties.weights.missing if self.groups.totals[group] else 0.0
            for group, _ in slots
        ]
        groups = [group for group, _ in slots]
        return [
            [
                penalty + _ORDER * abs(row / len(pieces) - column / len(slots)) - empty[column]
                for column, penalty in enumerate(self.penalties.of_pairs(piece, groups))
            ]
            + [self.penalties.of_extra(piece)] * len(pieces)
            for row, piece in enumerate(pieces)
        ]

    def _slots(self, pieces: list[Piece], free: Free) -> list[tuple[int, int]]:
        """Groups and places that a piece could go to; such as cost nothing only where it may."""
        fitting = {g for piece in pieces for g in self.groups.interpretations_of(piece.value)}
        return [
            (group, place)
            for group, places in enumerate(free)
            if self.groups.totals[group] or group in fitting
            for place in places[: len(pieces)]
        ]

    def _take_likely(self, pieces: list[Piece], free: Free, pairs: list[Pair]) -> list[Piece]:
        """The quick way for very many pieces: each takes the likeliest layer that is free."""
        rest = []
        for piece in pieces:
            for _, group in self._ranked(piece):
                if free[group]:
                    place = free[group].pop(0)
                    pairs.append(Pair([piece], (place,), self.penalties.likeliest(piece, group)))
                    break
            else:
                rest.append(piece)
        return rest

    def _ranked(self, piece: Piece) -> list[tuple[float, int]]:
        """The groups whose cost a piece may be, the likeliest first, each with its penalty."""
        found = self.groups.interpretations_of(piece.value).items()
        of = self.penalties.of_interpretation
        return sorted((of(piece, one), group) for group, own in found for one in own)

    def _extra(self, piece: Piece) -> Pair:
        """A piece that no layer is left for: a layer's right cost again, or nothing known."""
        whole = piece.value.denominator == 1
        groups = self.groups.of_amount.get(int(piece.value)) if whole else None
        places: tuple[int, ...] = ()
        if groups:
            places = (self.groups.places[groups[0]][0],)
        elif self.penalties.of_extra(piece) < self.penalties.weights.unknown:
            amounts = self.groups.amounts
            costly = [place for place, amount in enumerate(amounts) if amount]
            places = run_of(costly, amounts, piece.value)
        if not places:
            return Pair([piece], ())
        mistake = Mistake("twice", "the layer's cost is counted once too often")
        again = Interpretation(int(piece.value), (), (mistake,), self.penalties.weights.twice)
        return Pair([piece], places, (again,), twice=True)

    def _swap_doubled(self, pairs: list[Pair]) -> None:
        """A value of no layer may be one's cost with a mistake, where a right one is there too.

        Then the layer is in the answer twice, and once of it wrongly.
        """
        for index, loose in enumerate(pairs):
            if loose.places or loose.interpretations:
                continue
            piece = loose.pieces[0]
            for _, group in self._ranked(piece):
                alone = [p for p in pairs if p.right and len(p.pieces) == len(p.places) == 1]
                alone = [p for p in alone if self.groups.group_of[p.places[0]] == group]
                if alone:
                    last = alone[-1]
                    found = self.penalties.likeliest(piece, group)
                    pairs[index] = Pair([piece], last.places, found)
                    pairs[pairs.index(last)] = self._extra(last.pieces[0])
                    break


@functools.lru_cache(maxsize=256)
def matcher_for(
    layers: tuple[CostedLayer, ...],
    question: Question,
    weights: Weights,
    model: tuple[CostedLayer, ...] = (),
) -> Matcher:
    """A matcher, made once for some layers, a question and its weights.

    `model` is all layers, where these are some of them.
    """
    return Matcher(layers, question, weights, model or layers)
