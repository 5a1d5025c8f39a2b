"""How unlikely it is that a piece of an answer stands for a layer, and a whole matching's sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nincost._audit.interpretations import Interpretation, Products, longest
from nincost._audit.layer_groups import LayerGroups
from nincost._audit.mistakes import USUAL_BATCHES
from nincost._audit.pairs import Matching
from nincost._audit.split_terms import Piece
from nincost._audit.weights import Weights

#: Penalties that are remembered: a model's matcher lives as long as the process.
_MOST_KEPT = 10_000


class Penalties:
    """Penalties of pieces as costs of the layers of one model; `weights` says how large."""

    def __init__(self, groups: LayerGroups, weights: Weights) -> None:
        self.groups = groups
        self.weights = weights
        self._of_piece: dict[tuple[object, ...], float] = {}
        self._of_pair: dict[tuple[object, ...], dict[int, float]] = {}
        self._factors: dict[int, Counter[int]] = {}

    def of_piece(self, piece: Piece) -> float:
        """How unlikely the likeliest interpretation of a piece is, whatever else was written."""
        if piece.value.denominator == 1 and piece.value.numerator in self.groups.of_amount:
            return 0.0
        key = _key(piece)
        known = self._of_piece.get(key)
        if known is None:
            found = self.groups.interpretations_of(piece.value)
            all_of_them = [self.of_interpretation(piece, i) for own in found.values() for i in own]
            if len(self._of_piece) > _MOST_KEPT:
                self._of_piece.clear()
            known = self._of_piece[key] = min(all_of_them, default=self.weights.unexplained)
        return known

    def of_interpretation(self, piece: Piece, one: Interpretation) -> float:
        """An interpretation's own penalty, with what the piece's factors say for or against it."""
        if not one.mistakes:
            return 0.0
        if not piece.products or _is_number(piece.products):
            return one.penalty  # a bare number has no factors to compare
        if not one.products:
            swapped = any(mistake.key == "digits-swapped" for mistake in one.mistakes)
            return one.penalty + (self.weights.unexplained if swapped else 0.0)
        penalty = one.penalty
        if piece.times_group and any(mistake.key == "factor-two" for mistake in one.mistakes):
            penalty += self.weights.group_as_flops
        same = piece.products == one.products
        if not same and any(mistake.key == "batch-counted" for mistake in one.mistakes):
            lacking = Counter(longest(one.products)) - Counter(longest(piece.products))
            penalty += self.weights.batch_unseen * any(n in USUAL_BATCHES for n in lacking)
        return penalty + (self.weights.same_factors if same else self.weights.other_factors)

    def likeliest(self, piece: Piece, group: int) -> tuple[Interpretation, ...]:
        """How a piece may be the cost of this group's layers, likeliest first."""
        found = list(self.groups.interpretations_of(piece.value).get(group, ()))
        if not found:
            return ()
        found.sort(key=lambda one: self.of_interpretation(piece, one))
        most = found[0].penalty + self.weights.also_likely
        return tuple(one for one in found if self.of_interpretation(piece, one) <= most)

    def of_pair(self, piece: Piece, group: int) -> float:
        """A piece as the cost of one of this group's layers."""
        return self.of_pairs(piece, (group,))[0]

    def of_pairs(self, piece: Piece, groups: Sequence[int]) -> list[float]:
        """The same for several groups: a piece's key takes longer than a look-up."""
        known = self._of_pair.get(key := _key(piece))
        if known is None:
            if len(self._of_pair) > _MOST_KEPT:
                self._of_pair.clear()
            known = self._of_pair[key] = {}
        for group in groups:
            if group not in known:
                known[group] = self._of_new_pair(piece, group)
        return [known[group] for group in groups]

    def _of_new_pair(self, piece: Piece, group: int) -> float:
        found = self.likeliest(piece, group)
        if found:
            return self.of_interpretation(piece, found[0])
        if not self.groups.totals[group]:  # never: as what belongs to no layer it is likelier
            return self.weights.unknown + 1
        return self.weights.unexplained + self.weights.unlike * (1 - self._likeness(piece, group))

    def _likeness(self, piece: Piece, group: int) -> float:
        """How many factors of the piece are the layer's, from 0 to 1."""
        terms = self.groups.costs[group].terms(self.groups.question.what)
        if not piece.products or not terms:
            return 0.0
        mine = Counter(longest(piece.products))
        theirs = self._factors.get(group)
        if theirs is None:
            values = (factor.value for factor in terms[0].factors if factor.value != 1)
            theirs = self._factors[group] = Counter(values)
        either = (mine | theirs).total()
        return (mine & theirs).total() / either if either else 0.0

    def of_extra(self, piece: Piece) -> float:
        """A piece beside those that stand for a layer each."""
        if piece.value.denominator == 1 and int(piece.value) in self.groups.of_amount:
            grouped = piece.copies > 1 and piece.times_group
            return self.weights.twice_grouped if grouped else self.weights.twice
        number = piece.products is not None and _is_number(piece.products)
        if number and piece.value.denominator == 1 and int(piece.value) in self.groups.run_sums:
            return self.weights.twice  # a block's sum again
        return self.weights.unknown

    def of_matching(self, matching: Matching) -> float:
        """The sum over all pieces and over the layers without a piece."""
        total = self.weights.missing * len(matching.missing)
        seen: set[object] = set()
        for pair in matching.pairs:
            piece = pair.pieces[0]
            if pair.twice:
                penalty = self.of_extra(piece)
            elif pair.interpretations:
                first = pair.interpretations[0]
                penalty = self.of_interpretation(piece, first)
                key = (piece.start, piece.end, first.mistakes)
                if piece.copies > 1 and key in seen:
                    penalty *= self.weights.same_again
                seen.add(key)
            elif pair.places:
                penalty = self.of_pair(piece, self.groups.group_of[pair.places[0]])
            else:
                penalty = self.weights.unknown
            total += penalty
        return total


def _key(piece: Piece) -> tuple[object, ...]:
    """What the penalties of a piece depend on."""
    return (piece.value.numerator, piece.value.denominator, piece.products, piece.times_group)


def _is_number(products: Products) -> bool:
    """Whether it is one number and no calculation."""
    return len(products) == len(products[0]) == 1
