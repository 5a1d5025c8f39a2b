"""Pieces of an answer with their layers, and how pieces that were written apart come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from nincost._audit.interpretations import Reading
from nincost._audit.written import Piece, Way
from nincost._explain.cost_terms import NamedSheet


@dataclass(slots=True, eq=False)
class Pair:
    """Pieces and the layer that they stand for, with the readings that explain their value.

    `pieces` are several where a layer's parts were written apart (weights, then biases). `places`
    are the layer's (or layers') places in the model; none for a value that belongs to no layer.
    `readings` are empty for a strange value; the first is the likeliest.
    """

    pieces: list[Piece]
    places: tuple[int, ...]
    readings: tuple[Reading, ...] = ()
    twice: bool = False

    @property
    def right(self) -> bool:
        return bool(self.readings) and not self.readings[0].slips


@dataclass(slots=True, eq=False)
class Matching:
    """Every piece with its layer, the layers without a piece, and what it all costs."""

    pairs: list[Pair]
    missing: list[int]
    cost: float = 0.0
    way_of_term: list[Way] = field(default_factory=list)


def join_biases(pairs: list[Pair], layers: Sequence[NamedSheet]) -> None:
    """Give biases that were written apart to the layers that lack them."""
    lacking = [p for p in pairs if p.readings and _lacks_bias(p.readings[0])]
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


def _lacks_bias(reading: Reading) -> bool:
    return any(slip.key == "bias-missing" for slip in reading.slips)


def _biases(pair: Pair, layers: Sequence[NamedSheet]) -> int:
    terms = layers[pair.places[0]].sheet.param_terms
    return sum(term.value for term in terms if "biases" in term.what)


def _add_bias(pair: Pair, pieces: list[Piece], layers: Sequence[NamedSheet]) -> None:
    bias = _biases(pair, layers)
    pair.pieces = [*pair.pieces, *pieces]
    pair.readings = tuple(
        replace(
            reading,
            value=reading.value + bias,
            slips=tuple(slip for slip in reading.slips if slip.key != "bias-missing"),
        )
        for reading in pair.readings
        if _lacks_bias(reading)
    )


def join_runs(pairs: list[Pair], missing: list[int], amounts: Sequence[int]) -> list[int]:
    """A value that no layer has may be the sum of several that follow each other."""
    for pair in pairs:
        if pair.readings or not missing:
            continue
        own = list(pair.places)
        open_places = sorted([*missing, *own])
        run = _run(open_places, amounts, pair.pieces[0].value)
        if run:
            pair.places = run
            pair.readings = (Reading(int(pair.pieces[0].value), (), (), 0.0),)
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
