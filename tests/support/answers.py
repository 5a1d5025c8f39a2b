"""Hand calculations of the built-in variants, right and with mistakes put in.

The right answers are worked out here from each variant's table of blocks, with code that nincost
does not share. Terms come in random order, equal layers grouped or not, factors in random order,
kernels as `3*3` or `3^2`, biases as `+1` in the parentheses or as a term of their own. They stand
on one line, or with words around them, English and Chinese mixed, results and totals rounded or
not; or as rounded figures alone (`writing.py`).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nincost._closed_form.cost_terms import Quantity
from nincost._models.nin import Variant
from support.writing import in_rounded_figures, with_words

KINDS: dict[str, tuple[Quantity, ...]] = {
    "bias-missing": ("params",),
    "bias-extra": ("params", "macs", "flops"),
    "input-channels-missing": ("params", "macs", "flops"),
    "channels-too-often": ("params", "macs", "flops"),
    "input-size": ("macs", "flops"),
    "kernel-not-squared": ("params", "macs", "flops"),
    "batch-counted": ("params", "macs", "flops"),
    "factor-two": ("macs", "flops"),
    "activation": ("params",),
    "costs-nothing": ("params", "macs", "flops"),
    "missing": ("params", "macs", "flops"),
    "twice": ("params", "macs", "flops"),
    "stride-padding": ("macs", "flops"),
    "arithmetic": ("params", "macs", "flops"),
}


#: Mistakes of which two may be in one term.
WITHIN_A_TERM = {
    "bias-missing", "input-channels-missing", "kernel-not-squared", "batch-counted", "factor-two",
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A layer as the variant's table has it; k is 0 for a linear layer, pools have no c_out."""

    name: str
    kind: str  # conv, linear, pool, relu
    k: int
    stride: int
    padding: int
    c_in: int
    c_out: int
    size_in: int
    size_out: int


@dataclass(frozen=True)
class Term:
    """What is written for a layer: products, each a list of factors; `bias` is one of them."""

    layer: Layer
    weights: tuple[int, ...]
    bias: int = 0
    copies: int = 1


def layers_of(variant: Variant) -> list[Layer]:
    found: list[Layer] = []
    channels, size = variant.in_channels, variant.image_size
    for number, block in enumerate(variant.blocks, start=1):
        for index, declared in enumerate(block.channels):
            width = declared or variant.num_classes
            k, s, p = (block.kernel, block.stride, block.padding) if index == 0 else (1, 1, 0)
            out = (size + 2 * p - k) // s + 1
            name = "conv" if index == 0 else f"conv1x1_{index}"
            found.append(
                Layer(f"block{number}.{name}", "conv", k, s, p, channels, width, size, out)
            )
            relu = "relu" if index == 0 else f"relu_{index}"
            found.append(Layer(f"block{number}.{relu}", "relu", 0, 0, 0, width, width, out, out))
            channels, size = width, out
        if block.pool:
            out = (size - 3) // 2 + 1
            if variant.ceil_pools:
                out = -(-(size - 3) // 2) + 1
            found.append(Layer(f"pool{number}", "pool", 3, 2, 0, channels, channels, size, out))
            size = out
    if variant.fc_head:
        width = channels * size * size
        for number, wide in enumerate((*variant.fc_head, variant.num_classes), start=1):
            name = f"fc{number}" if number <= len(variant.fc_head) else "classifier"
            found.append(Layer(name, "linear", 0, 0, 0, width, wide, 1, 1))
            width = wide
    return found


def right_term(layer: Layer, what: Quantity) -> Term:
    kernel = (layer.k, layer.k) if layer.kind == "conv" else ()
    weights = (*kernel, layer.c_in, layer.c_out)
    if what == "params":
        return Term(layer, weights, layer.c_out)
    places = (layer.size_out, layer.size_out) if layer.kind == "conv" else ()
    return Term(layer, (*(2,) * (what == "flops"), *places, *weights))


def spoiled(term: Term, kind: str, what: Quantity, rng: random.Random) -> list[Term] | None:
    """The terms that stand in the place of a right one; None where the mistake cannot be made."""
    layer = term.layer
    two = (2,) * (what == "flops")
    places = (layer.size_out,) * 2 if layer.kind == "conv" else ()
    kernel = (layer.k, layer.k) if layer.kind == "conv" else ()
    factors = list(term.weights)
    if kind in ("costs-nothing", "arithmetic"):
        raise AssertionError(kind)
    if kind == "missing":
        return []
    if kind == "twice":
        return [term, term] if rng.random() < 0.5 else [replace(term, copies=2)]
    if kind == "bias-missing":
        return [replace(term, bias=0)] if term.bias else None
    if kind == "bias-extra":
        if what == "params":
            return [replace(term, bias=2 * term.bias)]
        if layer.kind != "conv":
            return None
        return [replace(term, bias=(2 if two else 1) * layer.size_out**2 * layer.c_out)]
    if kind == "input-channels-missing":
        if layer.c_in == 1 or layer.c_in not in factors:
            return None
        factors.remove(layer.c_in)
    elif kind == "channels-too-often":
        extra = [c for c in {layer.c_in, layer.c_out} if c > 1]
        if rng.random() < 0.3 and layer.c_in != layer.c_out and layer.c_in > 1:
            factors[factors.index(layer.c_in)] = layer.c_out
        elif extra:
            factors.append(rng.choice(extra))
        else:
            return None
    elif kind == "input-size":
        if layer.kind != "conv" or layer.size_in == layer.size_out:
            return None
        factors = [*two, layer.size_in, layer.size_in, *kernel, layer.c_in, layer.c_out]
    elif kind == "stride-padding":
        if layer.kind != "conv" or layer.k == 1:
            return None
        sizes = set()
        for s in (1, 2, 3, 4):
            sizes.add((layer.size_in + 2 * layer.padding - layer.k) // s + 1)
        for p in (0, 1, layer.k // 2):
            sizes.add((layer.size_in + 2 * p - layer.k) // layer.stride + 1)
        sizes -= {layer.size_in, layer.size_out}
        if not sizes:
            return None
        size = rng.choice(sorted(sizes))
        factors = [*two, size, size, *kernel, layer.c_in, layer.c_out]
    elif kind == "kernel-not-squared":
        if layer.k < 2:
            return None
        factors.remove(layer.k)
    elif kind == "batch-counted":
        batch = rng.choice([64, 128])
        return [Term(layer, (*factors, batch), term.bias * batch)]
    elif kind == "factor-two":
        if two:
            factors.remove(2)
        else:
            factors.insert(0, 2)
    elif kind == "activation":
        return [Term(layer, (layer.c_out, *places))]
    return [replace(term, weights=tuple(factors))]


def counted_for_nothing(layer: Layer, what: Quantity, rng: random.Random) -> Term | None:
    two = (2,) * (what == "flops")
    out = (layer.c_out, layer.size_out, layer.size_out)
    if layer.kind == "relu":
        return Term(layer, (*two, *out) if what != "params" else out)
    if layer.kind == "pool":
        if what == "params":
            return Term(layer, rng.choice([out, (3, 3, layer.c_in)]))
        return Term(layer, (*two, 3, 3, *out))
    return None


def value(term: Term) -> int:
    product = 1
    for factor in term.weights:
        product *= factor
    return (product + term.bias) * term.copies


def written(term: Term, rng: random.Random) -> str:
    """The term as somebody might write it."""
    factors = list(term.weights)
    times = rng.choice(["*", "*", " x ", "×", "·", r"\times "])
    if term.bias and term.bias in factors and rng.random() < 0.7:
        factors.remove(term.bias)
        rng.shuffle(factors)
        text = f"{term.bias}{times}({_join(factors, times, rng)}+1)"
    elif term.bias:
        rng.shuffle(factors)
        text = f"{_join(factors, times, rng)} + {term.bias}"
        if term.copies > 1 or rng.random() < 0.5:
            text = f"({text})"
    else:
        if rng.random() < 0.5:
            rng.shuffle(factors)
        text = _join(factors, times, rng)
    if term.copies > 1:
        inner = text if text.startswith("(") and text.endswith(")") else f"({text})"
        text = f"{inner}*{term.copies}" if rng.random() < 0.6 else f"{term.copies}*{inner}"
    return text


def _join(factors: list[int], times: str, rng: random.Random) -> str:
    shown = [f for f in factors if f != 1 or rng.random() < 0.5]
    text = times.join(map(str, shown)) or "1"
    for k in (11, 5, 3):
        pair = f"{k}{times}{k}"
        if pair in text and rng.random() < 0.3 and times.strip() in "*×·":
            head, _, tail = text.partition(pair)
            if not head[-1:].isdigit() and not tail[:1].isdigit():
                text = f"{head}{k}^2{tail}"
    return text


#: How many answers have words around their terms, and how many are rounded figures alone.
_WITH_WORDS, _IN_FIGURES = 0.4, 0.1


def answer(terms: list[Term], rng: random.Random, off: int, *, rounds: bool) -> str:
    """All terms in random order, equal ones grouped by chance, and the total; written somehow.

    `rounds`: rounded figures alone show what is wrong.
    """
    how, total = rng.random(), sum(map(value, terms)) + off
    if how < _WITH_WORDS and terms:
        lines = [(term.layer.name, written(term, rng), value(term)) for term in terms]
        return with_words(lines, total, rng, exact=bool(off))
    if how < _WITH_WORDS + _IN_FIGURES and rounds and not off:
        return in_rounded_figures([value(term) for term in terms], total, rng)
    return _on_one_line(terms, total, rng)


def _on_one_line(terms: list[Term], total: int, rng: random.Random) -> str:
    pool = list(terms)
    rng.shuffle(pool)
    grouped: list[Term] = []
    for term in pool:
        alike = [
            i for i, t in enumerate(grouped)
            if t.weights == term.weights and t.bias == term.bias and t.layer.name != term.layer.name
            and term.copies == 1
        ]  # fmt: skip
        if alike and rng.random() < 0.6:
            grouped[alike[0]] = replace(grouped[alike[0]], copies=grouped[alike[0]].copies + 1)
        else:
            grouped.append(term)
    shown = f"{total:,}" if rng.random() < 0.5 else str(total)
    return " + ".join(written(t, rng) for t in grouped) + f" = {shown}"


@dataclass
class Case:
    kinds: list[tuple[str, str]]  # kind, layer
    text: str
    what: Quantity
    variant: str
    right: bool


def make(
    variant: str, layers: list[Layer], kinds: list[tuple[str, Layer | None]], what: Quantity,
    rng: random.Random,
) -> Case | None:  # fmt: skip
    """A case with these mistakes in it, or None where one cannot be made."""
    terms: list[Term] = []
    off, rounds = 0, True
    costly = [layer for layer in layers if layer.kind in ("conv", "linear")]
    spoil: dict[str, list[str]] = defaultdict(list)
    for kind, layer in kinds:
        if layer is not None:
            spoil[layer.name].append(kind)
    for layer in costly:
        term = right_term(layer, what)
        if layer.name not in spoil:
            terms.append(term)
            continue
        first, *more = spoil[layer.name]
        made = spoiled(term, first, what, rng)
        for kind in more:
            before = made[0] if made else term
            made = spoiled(before, kind, what, rng) if made else None
            if made and value(made[0]) == value(before):
                return None
        kind = first
        if made is None or (
            kind not in ("missing", "twice") and sum(map(value, made)) == value(term)
        ):
            return None
        rounds = rounds and abs(sum(map(value, made)) - value(term)) > value(term) / 200
        terms += made
    for kind, layer in kinds:
        if kind == "costs-nothing":
            assert layer is not None
            extra = counted_for_nothing(layer, what, rng)
            if extra is None:
                return None
            terms.append(extra)
        if kind == "arithmetic":
            off = rng.choice([-1, 1]) * rng.randrange(1, 10**5)
    truth = sum(value(right_term(layer, what)) for layer in costly)
    total = sum(map(value, terms))
    named = [(kind, layer.name if layer else "") for kind, layer in kinds]
    right = total == truth and not off
    if kinds and right:
        return None  # two mistakes that cancel out give the right sum
    return Case(named, answer(terms, rng, off, rounds=rounds), what, variant, right)


def cases_of(
    name: str, variant: Variant, what: Quantity, rng: random.Random, repeat: int, doubles: int
) -> Iterator[Case]:
    """Right answers, then each single mistake at each layer, then pairs of mistakes."""
    layers = layers_of(variant)
    made = [make(name, layers, [], what, rng) for _ in range(10 * repeat)]
    kinds = [kind for kind, quantities in KINDS.items() if what in quantities]
    for kind in kinds:
        for layer in layers if kind != "arithmetic" else [None] * 5:
            if layer and (kind == "costs-nothing") != (layer.kind in ("relu", "pool")):
                continue
            made += [make(name, layers, [(kind, layer)], what, rng) for _ in range(repeat)]
    for _ in range(doubles):
        made.append(make(name, layers, _pair(layers, kinds, rng), what, rng))
    yield from (case for case in made if case is not None)


def _pair(
    layers: list[Layer], kinds: list[str], rng: random.Random
) -> list[tuple[str, Layer | None]]:
    """Two kinds of mistakes with the layers that they are made in."""
    pair: list[tuple[str, Layer | None]] = []
    while len(pair) < 2:
        kind = rng.choice(kinds)
        fits = [
            layer for layer in layers
            if (kind == "costs-nothing") == (layer.kind in ("relu", "pool"))
        ]  # fmt: skip
        layer = rng.choice(fits) if kind != "arithmetic" else None
        if pair and kind in WITHIN_A_TERM and pair[0][0] in WITHIN_A_TERM:
            layer = rng.choice([layer, pair[0][1]])  # both in one term, or not
        both = {kind, *(k for k, _ in pair)} <= WITHIN_A_TERM
        if all((layer is not other or both) and kind != k for k, other in pair):
            pair.append((kind, layer))
    return pair
