"""Finds which layer each piece of a calculation stands for, at the least total unlikelihood."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from nincost._audit.hungarian import assign
from nincost._audit.interpretations import Reading, Slip, longest, readings
from nincost._audit.mistakes import Setting
from nincost._audit.pairs import Matching, Pair, join_biases, join_runs
from nincost._audit.written import Cutter, Piece, Way
from nincost._explain.cost_terms import NamedSheet, Sheet

_MISSING = 1.5
_TWICE = 1.3
_TWICE_GROUPED = 0.9  # `(...)*2` where there is one such layer
_STRANGE = 5.0  # a value that no known mistake gives
_UNKNOWN = 9.0  # a value that belongs to no layer
_GROUPED_FACTOR = 0.6  # `(...)*2` means two layers sooner than two FLOPs
_SAME_SHAPE = -0.3  # the factors are the mistake's own
_OTHER_SHAPE = 0.2
_REPEATED = 0.25  # the same mistake again in the copies of one stretch
_ALSO_LIKELY = 1.3  # how much less likely than the first another explanation may be
_LARGEST_MATRIX = 130


class Matcher:
    """Knows a model's layers, and matches pieces with them."""

    def __init__(self, layers: Sequence[NamedSheet], setting: Setting) -> None:
        self.layers = layers
        self.setting = setting
        self.amounts = [named.sheet.amount(setting.what) for named in layers]
        numbers: dict[Sheet, int] = {}
        self.number_of = [numbers.setdefault(n.sheet, len(numbers)) for n in layers]
        self.sheets = list(numbers)  # each sheet once; below it goes by its number
        self.sheet_amounts = [sheet.amount(setting.what) for sheet in self.sheets]
        self.places: list[list[int]] = [[] for _ in self.sheets]
        for place, number in enumerate(self.number_of):
            self.places[number].append(place)
        self.right_sheets: dict[int, list[int]] = {}
        for number, amount in enumerate(self.sheet_amounts):
            if amount:
                self.right_sheets.setdefault(amount, []).append(number)
        self.most_alike = max(Counter(a for a in self.amounts if a).values(), default=1)
        self.place_of = {named.layer: place for place, named in enumerate(layers)}
        self.judged: dict[tuple[object, ...], float] = {}

    @functools.cached_property
    def by_value(self) -> dict[int, dict[int, list[Reading]]]:
        """The readings of each value, by sheet. A right answer does without."""
        found: dict[int, dict[int, list[Reading]]] = {}
        for number, sheet in enumerate(self.sheets):
            for reading in readings(sheet, self.setting):
                found.setdefault(reading.value, {}).setdefault(number, []).append(reading)
        return found

    def match(self, terms: Sequence[Sequence[Way]]) -> Matching:
        """Match terms, each given as the ways to cut it (best first), with the layers.

        Begins with the first way of each and changes one term at a time while that helps.
        """
        chosen = [0] * len(terms)
        best = self._match_ways([ways[0] for ways in terms])
        open_terms = [i for i, ways in enumerate(terms) if len(ways) > 1]
        for _ in range(2):
            if best.cost == 0 or len(open_terms) > 60:
                break
            before = best.cost
            for index in open_terms:
                for choice in range(len(terms[index])):
                    if choice == chosen[index]:
                        continue
                    trial = [*chosen[:index], choice, *chosen[index + 1 :]]
                    found = self._match_ways([w[c] for w, c in zip(terms, trial, strict=True)])
                    if found.cost < best.cost - 1e-9:
                        best, chosen = found, trial
            if best.cost == before:
                break
        return best

    def cutter(self) -> Cutter:
        return Cutter(self.judge, self.most_alike + 1, _STRANGE)

    def judge(self, piece: Piece) -> float:
        """How unlikely the likeliest reading of one piece is, whatever else was written."""
        if piece.value.denominator == 1 and piece.value.numerator in self.right_sheets:
            return 0.0
        key = (piece.value.numerator, piece.value.denominator, piece.shape, piece.times_group)
        known = self.judged.get(key)
        if known is None:
            found = self._found(piece)
            costs = [self._cost(piece, r) for own in found.values() for r in own]
            known = self.judged[key] = min(costs, default=_STRANGE)
        return known

    def _found(self, piece: Piece) -> dict[int, list[Reading]]:
        if piece.value.denominator != 1:
            return {}
        return self.by_value.get(piece.value.numerator, {})

    @staticmethod
    def _cost(piece: Piece, reading: Reading) -> float:
        if not reading.slips:
            return 0.0
        if not piece.shape or not reading.shape or len(piece.shape) == len(piece.shape[0]) == 1:
            return reading.cost
        cost = reading.cost
        if piece.times_group and any(slip.key == "factor-two" for slip in reading.slips):
            cost += _GROUPED_FACTOR
        return cost + (_SAME_SHAPE if piece.shape == reading.shape else _OTHER_SHAPE)

    def _readings(self, piece: Piece, sheet: int) -> tuple[Reading, ...]:
        """The readings of a piece as this layer's cost, likeliest first."""
        found = list(self._found(piece).get(sheet, ()))
        found.sort(key=lambda reading: self._cost(piece, reading))
        return tuple(r for r in found if self._cost(piece, r) <= found[0].cost + _ALSO_LIKELY)

    def _match_ways(self, ways: Sequence[Way]) -> Matching:
        pieces = [piece for way in ways for piece in way if piece.value != 0 or piece.label]
        free = [list(places) for places in self.places]
        pairs: list[Pair] = []
        rest = self._take_named(pieces, free, pairs)
        rest = self._take_right(rest, free, pairs)
        rest = self._take_parts(rest, free, pairs)
        missing = self._take_rest(rest, free, pairs)
        join_biases(pairs, self.layers)
        missing = join_runs(pairs, missing, self.amounts)
        self._swap_doubled(pairs)
        matching = Matching(pairs, missing, way_of_term=list(ways))
        matching.cost = self._total(matching)
        return matching

    def _take_named(
        self, pieces: Iterable[Piece], free: list[list[int]], pairs: list[Pair]
    ) -> list[Piece]:
        """Pair what the answer itself gives a layer's name."""
        rest = []
        for piece in pieces:
            place = self.place_of.get(piece.label, -1)
            sheet = self.number_of[place]
            if place < 0 or place not in free[sheet]:
                rest.append(piece)
                continue
            free[sheet].remove(place)
            if piece.value == self.amounts[place]:
                found: tuple[Reading, ...] = (Reading(self.amounts[place], (), (), 0.0),)
            elif not piece.value:
                found = (Reading(0, (), (Slip("missing", "it is given as 0"),), _MISSING),)
            else:
                found = self._readings(piece, sheet)
            pairs.append(Pair([piece], (place,), found))
        return rest

    def _take_right(
        self, pieces: Iterable[Piece], free: list[list[int]], pairs: list[Pair]
    ) -> list[Piece]:
        """Pair what is right as it stands."""
        rest = []
        for piece in pieces:
            value = int(piece.value) if piece.value.denominator == 1 else -1
            for sheet in self.right_sheets.get(value, ()):
                if free[sheet]:
                    place = free[sheet].pop(0)
                    pairs.append(Pair([piece], (place,), (Reading(value, (), (), 0.0),)))
                    break
            else:
                rest.append(piece)
        return rest

    def _take_parts(
        self, pieces: list[Piece], free: list[list[int]], pairs: list[Pair]
    ) -> list[Piece]:
        """Pair layers whose terms were written apart: weights here, biases there."""
        left = Counter(piece.value for piece in pieces)
        groups: list[tuple[Counter[Fraction], int]] = []
        for sheet, places in zip(self.sheets, free, strict=True):
            terms = sheet.terms(self.setting.what) if places and pieces else ()
            if len(terms) < 2:
                continue
            need = Counter(Fraction(term.value) for term in terms)
            while places and all(left[value] >= count for value, count in need.items()):
                left -= need
                groups.append((need.copy(), places.pop(0)))
        if not groups:
            return pieces
        taken: list[list[Piece]] = [[] for _ in groups]
        rest = []
        for piece in pieces:
            for (need, _), into in zip(groups, taken, strict=True):
                if need[piece.value] > 0:
                    need[piece.value] -= 1
                    into.append(piece)
                    break
            else:
                rest.append(piece)
        for (_, place), together in zip(groups, taken, strict=True):
            pairs.append(Pair(together, (place,), (Reading(self.amounts[place], (), (), 0.0),)))
        return rest

    def _take_rest(
        self, pieces: list[Piece], free: list[list[int]], pairs: list[Pair]
    ) -> list[int]:
        """Pair what is wrong with the layers that are left, and give those that stay without."""
        if not pieces:
            return self._missing(free)
        slots = self._slots(pieces, free)
        if len(pieces) + len(slots) > _LARGEST_MATRIX:  # first what is easy to place
            pieces = self._take_likely(pieces, free, pairs)
            slots = self._slots(pieces, free)[:_LARGEST_MATRIX]
            for piece in pieces[_LARGEST_MATRIX:]:
                pairs.append(self._extra(piece))
            pieces = pieces[:_LARGEST_MATRIX]
        size = len(pieces) + len(slots)
        cost = [[0.0] * size for _ in range(size)]
        for row, piece in enumerate(pieces):
            alone = self._extra_cost(piece)
            for column, (sheet, _) in enumerate(slots):
                cost[row][column] = self._pair_cost(piece, sheet)
            for column in range(len(slots), size):
                cost[row][column] = alone
        for row in range(len(pieces), size):
            for column, (sheet, _) in enumerate(slots):
                cost[row][column] = _MISSING if self.sheet_amounts[sheet] else 0.0
        for row, column in enumerate(assign(cost)[: len(pieces)]):
            piece = pieces[row]
            if column < len(slots):
                sheet, place = slots[column]
                pairs.append(Pair([piece], (place,), self._readings(piece, sheet)))
                free[sheet].remove(place)
            else:
                pairs.append(self._extra(piece))
        return self._missing(free)

    def _slots(self, pieces: list[Piece], free: list[list[int]]) -> list[tuple[int, int]]:
        """The sheets and places that a piece could go to; those that cost nothing only if named."""
        named = {sheet for piece in pieces for sheet in self._found(piece)}
        return [
            (sheet, place)
            for sheet, places in enumerate(free)
            if self.sheet_amounts[sheet] or sheet in named
            for place in places[: len(pieces)]
        ]

    def _take_likely(
        self, pieces: list[Piece], free: list[list[int]], pairs: list[Pair]
    ) -> list[Piece]:
        """The quick way for very many pieces: each takes the likeliest layer that is free."""
        rest = []
        for piece in pieces:
            found = self._found(piece).items()
            for _, sheet in sorted((self._cost(piece, r), n) for n, own in found for r in own):
                if free[sheet]:
                    place = free[sheet].pop(0)
                    pairs.append(Pair([piece], (place,), self._readings(piece, sheet)))
                    break
            else:
                rest.append(piece)
        return rest

    def _missing(self, free: list[list[int]]) -> list[int]:
        return sorted(p for places in free for p in places if self.amounts[p])

    def _pair_cost(self, piece: Piece, sheet: int) -> float:
        found = self._readings(piece, sheet)
        if found:
            return self._cost(piece, found[0])
        if not self.sheet_amounts[sheet]:
            return _UNKNOWN + 1
        return _STRANGE + 2 * (1 - self._likeness(piece, sheet))

    def _likeness(self, piece: Piece, sheet: int) -> float:
        """How many factors of the piece are the layer's, from 0 to 1."""
        terms = self.sheets[sheet].terms(self.setting.what)
        if not piece.shape or not terms:
            return 0.0
        mine = Counter(longest(piece.shape))
        theirs = Counter(factor.value for factor in terms[0].factors if factor.value != 1)
        either = (mine | theirs).total()
        return (mine & theirs).total() / either if either else 0.0

    def _extra_cost(self, piece: Piece) -> float:
        if piece.value.denominator == 1 and int(piece.value) in self.right_sheets:
            return _TWICE_GROUPED if piece.copies > 1 and piece.times_group else _TWICE
        return _UNKNOWN

    def _extra(self, piece: Piece) -> Pair:
        sheets = self.right_sheets.get(int(piece.value)) if piece.value.denominator == 1 else None
        if not sheets:
            return Pair([piece], ())
        slip = Slip("twice", "its cost is in it once too often")
        reading = Reading(int(piece.value), (), (slip,), _TWICE)
        return Pair([piece], (self.places[sheets[0]][0],), (reading,), twice=True)

    def _swap_doubled(self, pairs: list[Pair]) -> None:
        """A value of no layer may be one's cost with a mistake, where a right one is there too.

        Then the layer is in the answer twice, and once of it wrongly.
        """
        for place, loose in enumerate(pairs):
            if loose.places or loose.readings:
                continue
            piece = loose.pieces[0]
            found = [
                (self._cost(piece, r), n) for n, own in self._found(piece).items() for r in own
            ]
            for _, sheet in sorted(found):
                right = [p for p in pairs if p.right and len(p.pieces) == len(p.places) == 1]
                right = [p for p in right if self.number_of[p.places[0]] == sheet]
                if right:
                    pairs[place] = Pair([piece], right[-1].places, self._readings(piece, sheet))
                    pairs[pairs.index(right[-1])] = self._extra(right[-1].pieces[0])
                    break

    def _total(self, matching: Matching) -> float:
        total = _MISSING * len(matching.missing)
        seen: set[object] = set()
        for pair in matching.pairs:
            piece = pair.pieces[0]
            if pair.twice:
                cost = self._extra_cost(piece)
            elif pair.readings:
                first = pair.readings[0]
                cost = self._cost(piece, first)
                key = (piece.start, piece.end, first.slips)
                if piece.copies > 1 and key in seen:
                    cost *= _REPEATED
                seen.add(key)
            elif pair.places:
                cost = self._pair_cost(piece, self.number_of[pair.places[0]])
            else:
                cost = _UNKNOWN
            total += cost
        return total


@functools.lru_cache(maxsize=32)
def matcher_for(layers: tuple[NamedSheet, ...], setting: Setting) -> Matcher:
    """A matcher, made once for a model and a setting."""
    return Matcher(layers, setting)
