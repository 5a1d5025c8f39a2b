"""Puts mistakes into right answers, one and two at a time, and sees whether `audit` names them.

    python benchmarks/audit_mistakes.py [--seed 0] [--repeat 1] [--output reports/audit_mistakes.md]

The right answers are worked out here from each built-in variant's table of blocks, with code that
nincost does not share. Terms come in random order, equal layers grouped or not, factors in random
order, kernels as `3*3` or `3^2`, biases as `+1` in the parentheses or as a term of their own.
A case counts as named where the injected mistake is the first explanation, at a layer of the same
cost as the one it was put into, and nothing else is found wrong. Two mistakes are in two layers or
in one term. Two that cancel out make a right answer, since the value is right: they are left out,
as is a mistake that changes nothing (the input channels missing where there is one). Groups ignored
cannot be made here, no variant has groups: tests/homework/test_audit.py has it. The costs of
mistakes were set by looking at what went wrong with seed 0, so other seeds are the fairer figure.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from nincost._audit.answer import read_text
from nincost._audit.grading import grade
from nincost._audit.mistakes import Question
from nincost._audit.results import Grade
from nincost._closed_form.cost_terms import Quantity, costed_layers
from nincost._models.nin import VARIANTS, Variant
from nincost._models.sources import resolve
from nincost._trace.trace import trace

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


def answer(terms: list[Term], rng: random.Random, slip: int) -> str:
    """All terms in random order, equal ones grouped by chance, and the total."""
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
    total = sum(map(value, terms)) + slip
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
    slip = 0
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
        terms += made
    for kind, layer in kinds:
        if kind == "costs-nothing":
            assert layer is not None
            extra = counted_for_nothing(layer, what, rng)
            if extra is None:
                return None
            terms.append(extra)
        if kind == "arithmetic":
            slip = rng.choice([-1, 1]) * rng.randrange(1, 10**5)
    truth = sum(value(right_term(layer, what)) for layer in costly)
    total = sum(map(value, terms))
    named = [(kind, layer.name if layer else "") for kind, layer in kinds]
    right = total == truth and not slip
    if kinds and right:
        return None  # two mistakes that cancel out give the right sum
    return Case(named, answer(terms, rng, slip), what, variant, right)


def judged(case: Case, result: Grade, cost_of: dict[str, int]) -> tuple[bool, list[str]]:
    """Whether all and only the injected mistakes are named first, and what was named."""
    found = Counter(count.key for count in result.mistakes)
    for term in result.terms:
        if term.verdict in ("wrong", "extra"):
            assert term.explanations
    named = list(found)
    if not result.claim_ok:
        named.append("arithmetic")
    wanted = Counter(kind for kind, _ in case.kinds)
    if set(wanted) != set(named):
        return False, named
    for kind, layer in case.kinds:
        if kind == "arithmetic":
            continue
        places = next(count.layers for count in result.mistakes if count.key == kind)
        if cost_of[layer] not in {cost_of[place] for place in places}:
            return False, [*named, "at another layer"]
    return True, named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=1, help="cases for each kind and layer")
    parser.add_argument("--doubles", type=int, default=150, help="for each variant and amount")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--show", type=int, default=0, help="print so many failures")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    counts = run(rng, options.repeat, options.doubles, options.show)
    text = counts.report(options)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text)
    sys.exit(0 if counts.good else 1)


class Counts:
    """What was injected and what was named."""

    def __init__(self) -> None:
        self.single: dict[str, Counter[str]] = defaultdict(Counter)
        self.hits: dict[str, Counter[bool]] = defaultdict(Counter)
        self.double: dict[str, Counter[bool]] = defaultdict(Counter)
        self.by_variant: dict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
        self.wrong_called_right = self.right_called_wrong = self.rights = 0
        self.seconds = 0.0

    def add(self, case: Case, result: Grade, hit: bool, named: list[str]) -> None:
        if case.right:
            self.rights += 1
            self.right_called_wrong += not result.ok
            return
        self.wrong_called_right += result.ok
        if len(case.kinds) == 1:
            kind = case.kinds[0][0]
            self.single[kind][" + ".join(sorted(named)) or "nothing"] += 1
            self.hits[kind][hit] += 1
        else:
            for kind, _ in case.kinds:
                self.double[kind][hit] += 1
        self.by_variant[case.variant]["single" if len(case.kinds) == 1 else "double", hit] += 1

    def share(self, which: str) -> tuple[int, int]:
        hits = sum(c[which, True] for c in self.by_variant.values())
        return hits, hits + sum(c[which, False] for c in self.by_variant.values())

    @property
    def good(self) -> bool:
        (hits, single), (pairs, double) = self.share("single"), self.share("double")
        enough = hits >= 0.95 * single and pairs >= 0.85 * double
        return enough and not self.wrong_called_right and not self.right_called_wrong

    def report(self, options: argparse.Namespace) -> str:
        lines = ["# Mistakes put in, mistakes named", ""]
        command = f"--seed {options.seed} --repeat {options.repeat} --doubles {options.doubles}"
        lines += [f"Written by `python benchmarks/audit_mistakes.py {command}`: " + " ".join(
            (__doc__ or "").split("\n\n")[2].split()), ""]  # fmt: skip
        for which, target in (("single", 95), ("double", 85)):
            hits, total = self.share(which)
            lines.append(
                f"- {which} mistakes: {hits:,} of {total:,} named first, "
                f"**{100 * hits / max(total, 1):.1f}%** (wanted: {target}%)"
            )
        lines += [
            f"- wrong answers called right: {self.wrong_called_right}",
            f"- right answers called wrong: {self.right_called_wrong} of {self.rights:,}",
            f"- {1000 * self.seconds:.0f} ms for an answer, on average",
            "", "## By kind of mistake", "",
            "| injected | single | named first | two at once | both named first | "
            "what single ones were called otherwise |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
        ]  # fmt: skip
        for kind in KINDS:
            one, two = self.hits[kind], self.double[kind]
            others = [
                f"{name} ({n})" for name, n in self.single[kind].most_common() if name != kind
            ]
            lines.append(
                f"| {kind} | {one.total()} | {_percent(one)} | {two.total()} | {_percent(two)} | "
                f"{', '.join(others[:5])} |"
            )
        lines += ["", "## By variant", "", "| variant | single | named | two | named |",
                  "| --- | ---: | ---: | ---: | ---: |"]  # fmt: skip
        for name, counter in self.by_variant.items():
            one = Counter({hit: counter["single", hit] for hit in (True, False)})
            two = Counter({hit: counter["double", hit] for hit in (True, False)})
            lines.append(
                f"| {name} | {one.total()} | {_percent(one)} | {two.total()} | {_percent(two)} |"
            )
        return "\n".join(lines) + "\n"


def _percent(counter: Counter[bool]) -> str:
    return f"{100 * counter[True] / counter.total():.1f}%" if counter.total() else "-"


def run(rng: random.Random, repeat: int, doubles: int, show: int = 0) -> Counts:
    """All variants, all amounts: right answers, single mistakes and pairs."""
    counts = Counts()
    done = 0
    started = time.perf_counter()
    for name, variant in VARIANTS.items():
        layers = layers_of(variant)
        sheets = costed_layers(trace(resolve(name)))
        for what in ("params", "macs", "flops"):
            cost_of = {named.name: named.cost.amount(what) for named in sheets}
            cases = [make(name, layers, [], what, rng) for _ in range(10 * repeat)]
            kinds = [kind for kind, whats in KINDS.items() if what in whats]
            for kind in kinds:
                for layer in layers if kind != "arithmetic" else [None] * 5:
                    if layer and (kind == "costs-nothing") != (layer.kind in ("relu", "pool")):
                        continue
                    cases += [make(name, layers, [(kind, layer)], what, rng) for _ in range(repeat)]
            for _ in range(doubles):
                pair = []
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
                cases.append(make(name, layers, pair, what, rng))
            for case in cases:
                if case is None:
                    continue
                result, _ = grade(read_text(case.text, what)[0], sheets, Question(what))
                hit, named = judged(case, result, cost_of)
                counts.add(case, result, hit, named)
                done += 1
                if show and case.kinds and not hit:
                    show -= 1
                    print(name, what, case.kinds, "->", named, "\n   ", case.text, file=sys.stderr)
    counts.seconds = (time.perf_counter() - started) / max(done, 1)
    return counts


if __name__ == "__main__":
    main()
