"""Pieces of an answer with their layers, and how pieces that were written apart come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nincost._audit.interpretations import Interpretation, right
from nincost._audit.split_terms import Piece
from nincost._closed_form.cost_terms import CostedLayer


@dataclass(slots=True, eq=False)
class Pair:
    """Pieces and the layer that they stand for.

    Attributes:
        pieces: several where a layer's parts were written apart (weights, then biases).
        places: of the layer, or layers, in the model; none for a value that belongs to no layer.
        interpretations: that explain the value, the likeliest first; none where nothing does.
        twice: the layer has another pair, which is right.
    """

    pieces: list[Piece]
    places: tuple[int, ...]
    interpretations: tuple[Interpretation, ...] = ()
    twice: bool = False

    @property
    def right(self) -> bool:
        return bool(self.interpretations) and not self.interpretations[0].mistakes


@dataclass(slots=True, eq=False)
class Matching:
    """Every piece with its layer, the places of the layers without one, and the penalty of all."""

    pairs: list[Pair]
    missing: list[int]
    penalty: float = 0.0


def join_biases(pairs: list[Pair], layers: Sequence[CostedLayer]) -> None:
    """Give biases that were written apart to the layers that lack them."""
    lacking = [p for p in pairs if p.interpretations and _lacks_bias(p.interpretations[0])]
    if not lacking:
        return
    for loose in [pair for pair in pairs if not pair.places]:
        for pair in lacking:
            if _biases(pair, layers) == loose.pieces[0].value:
                lacking.remove(pair)
                pairs.remove(loose)
                _add_bias(pair, loose.pieces, layers)
                break
        else:
            if lacking and sum(_biases(pair, layers) for pair in lacking) == loose.pieces[0].value:
                pairs.remove(loose)
                for pair in lacking:
                    _add_bias(pair, loose.pieces, layers)
                lacking.clear()


def _lacks_bias(interpretation: Interpretation) -> bool:
    return any(mistake.key == "bias-missing" for mistake in interpretation.mistakes)


def _biases(pair: Pair, layers: Sequence[CostedLayer]) -> int:
    terms = layers[pair.places[0]].cost.param_terms
    return sum(term.value for term in terms if "biases" in term.what)


def _add_bias(pair: Pair, pieces: list[Piece], layers: Sequence[CostedLayer]) -> None:
    bias = _biases(pair, layers)
    pair.pieces = [*pair.pieces, *pieces]
    pair.interpretations = tuple(
        replace(
            interpretation,
            value=interpretation.value + bias,
            mistakes=tuple(one for one in interpretation.mistakes if one.key != "bias-missing"),
        )
        for interpretation in pair.interpretations
        if _lacks_bias(interpretation)
    )


def join_runs(pairs: list[Pair], missing: list[int], amounts: Sequence[int]) -> list[int]:
    """A value that no layer has may be the sum of several that follow each other."""
    for pair in pairs:
        if pair.interpretations or not missing:
            continue
        own = list(pair.places)
        open_places = sorted([*missing, *own])
        run = _run(open_places, amounts, pair.pieces[0].value)
        if run:
            pair.places = run
            pair.interpretations = (right(int(pair.pieces[0].value)),)
            missing = [place for place in open_places if place not in run]
    return missing


def _run(places: Sequence[int], amounts: Sequence[int], wanted: Fraction) -> tuple[int, ...]:
    """The places of layers that follow each other and add up to `wanted`, at least two."""
    for first in range(len(places)):
        total = 0
        for last in range(first, len(places)):
            total += amounts[places[last]]
            if total == wanted and last > first:
                return tuple(places[first : last + 1])
            if total > wanted:
                break
    return ()
