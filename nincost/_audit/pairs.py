"""Pieces of an answer with their layers, and how pieces that were written apart come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nincost._audit.interpretations import Interpretation, right, with_digits_swapped
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
    """Every piece with its layer, the places of the layers without one, and the penalty of all.

    `wrong_name`: a line names layers that cost something else, so that the sum may be right by
    chance alone.
    """

    pairs: list[Pair]
    missing: list[int]
    penalty: float = 0.0
    wrong_name: bool = False


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


def join_runs(
    pairs: list[Pair], missing: list[int], amounts: Sequence[int], layers: Sequence[CostedLayer]
) -> list[int]:
    """A value that no layer has may be the sum of several: that follow each other, or of a kind."""
    for pair in pairs:
        if pair.interpretations or not missing:
            continue
        own = list(pair.places)
        open_places = sorted([*missing, *own])
        wanted = pair.pieces[0].value
        run = run_of(open_places, amounts, wanted) or _of_kernel(
            open_places, amounts, wanted, layers
        )
        found: tuple[Interpretation, ...] = (right(int(wanted)),) if run else ()
        if not run and _is_number(pair.pieces[0]):
            run, found = _with_swapped_digits(open_places, amounts, int(wanted))
        if run:
            pair.places, pair.interpretations = run, found
            missing = [place for place in open_places if place not in run]
    return missing


def _is_number(piece: Piece) -> bool:
    """One number that was written as it is, and no calculation."""
    products = piece.products
    whole = piece.value.denominator == 1 and piece.written is None
    return whole and products is not None and len(products) == len(products[0]) == 1


def _with_swapped_digits(
    places: Sequence[int], amounts: Sequence[int], value: int
) -> tuple[tuple[int, ...], tuple[Interpretation, ...]]:
    """Layers that follow each other and add up to a number with two digits of it exchanged."""
    for one in with_digits_swapped(value):
        run = run_of(places, amounts, Fraction(one.value))
        if run:
            total = sum(amounts[place] for place in run)
            again = [o for o in with_digits_swapped(total) if o.value == value]
            if again:
                return run, tuple(again)
    return (), ()


def run_of(places: Sequence[int], amounts: Sequence[int], wanted: Fraction) -> tuple[int, ...]:
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


def _of_kernel(
    places: Sequence[int], amounts: Sequence[int], wanted: Fraction, layers: Sequence[CostedLayer]
) -> tuple[int, ...]:
    """The places of all layers of one kernel size, where they add up to `wanted`."""
    kernels: dict[tuple[int, ...], list[int]] = {}
    for place in places:
        window = layers[place].cost.window
        if window:
            kernels.setdefault(window.kernel, []).append(place)
    for own in kernels.values():
        if len(own) > 1 and sum(amounts[place] for place in own) == wanted:
            return tuple(own)
    return ()
