"""The mistakes that people make, one function each: from a layer's right terms to the wrong ones.

`channel_mistakes.py` has those of channels. To add a mistake, add a decorated function. It gets the
layer's cost, its terms as they are so far (another mistake may have been made before) and the
question, and yields each way to make the mistake: the new terms, and a few words on what was done.
`penalty` is how unlikely the mistake is, on the scale of `weights.py`: 1.0 for what students do
most (the bias or the input channels left out, MACs and FLOPs confused), 1.2 for what is done now
and then, up to 1.7 for what fits many values and so would often be named by chance (another
output size, the activation's).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nincost._audit.misread_sizes import misread_sizes
from nincost._closed_form.cost_terms import CostTerms, Quantity
from nincost._closed_form.terms import Factor, Term, Terms
from nincost._closed_form.window import by


@dataclass(frozen=True, slots=True)
class Question:
    """What a calculation should give: which quantity, and at which batch."""

    what: Quantity
    batch_size: int = 1


WrongTerms = Iterator[tuple[Terms, str]]
Maker = Callable[[CostTerms, Terms, Question], WrongTerms]


@dataclass(frozen=True, slots=True)
class MistakeKind:
    """A kind of mistake.

    Attributes:
        key: its name in JSON and CSV.
        title: its name in words.
        penalty: how unlikely it is.
        quantities: in whose calculation it is made.
        make: yields the wrong terms.
    """

    key: str
    title: str
    penalty: float
    quantities: tuple[Quantity, ...]
    make: Maker


MISTAKE_KINDS: dict[str, MistakeKind] = {}
_ALL: tuple[Quantity, ...] = ("params", "macs", "flops")
_WORK: tuple[Quantity, ...] = ("macs", "flops")


def mistake(
    key: str, title: str, *, penalty: float, quantities: tuple[Quantity, ...] = _ALL
) -> Callable[[Maker], Maker]:
    """Register a way to go wrong."""

    def keep(make: Maker) -> Maker:
        MISTAKE_KINDS[key] = MistakeKind(key, title, penalty, quantities, make)
        return make

    return keep


IN = ("C_in", "C_in/g", "in", "I")
OUT = ("C_out", "C_out/g", "out", "H")


def is_bias(term: Term) -> bool:
    return "biases" in term.what


def edit(terms: Terms, change: Callable[[Term], Term | None]) -> Terms:
    """The terms with each weight term changed; unchanged ones stay."""
    made = []
    for term in terms:
        new = None if is_bias(term) else change(term)
        made.append(new or term)
    return tuple(made)


def without(term: Term, *symbols: str) -> Term | None:
    kept = tuple(f for f in term.factors if f.symbol not in symbols)
    return Term(term.what, kept) if len(kept) < len(term.factors) else None


def renamed(term: Term, values: dict[str, int]) -> Term:
    return Term(
        term.what, tuple(Factor(f.symbol, values.get(f.symbol, f.value)) for f in term.factors)
    )


def times(terms: Terms, symbol: str, value: int) -> Terms:
    return tuple(Term(t.what, (*t.factors, Factor(symbol, value))) for t in terms)


def pick(terms: Terms, symbols: tuple[str, ...]) -> int:
    for term in terms:
        for factor in term.factors:
            if factor.symbol in symbols:
                return factor.value
    return 0


@mistake("bias-missing", "bias missing", penalty=1.0, quantities=("params",))
def bias_missing(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """The bias is left out."""
    kept = tuple(t for t in terms if not is_bias(t))
    count = sum(t.value for t in terms if is_bias(t))
    if kept and count:
        yield kept, f"one bias for each of the {count:,} outputs is missing"


@mistake("bias-extra", "bias extra", penalty=1.2)
def bias_extra(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """A bias where there is none, or twice, or among the MACs."""
    out = pick(terms, OUT)
    if not out:
        return
    if question.what == "params":
        has = any(is_bias(t) for t in terms)
        words = "the bias is counted twice" if has else "the layer has no bias"
        yield (*terms, Term("biases", (Factor("C_out", out),))), words
    elif cost.window and "conv" in cost.type.lower():
        places = [f for f in terms[0].factors if f.symbol.startswith(("out", "N", "2"))]
        bias = Term("biases", (*places, Factor("C_out", out)))
        yield (*terms, bias), "adding a bias is not a multiplication, so not a MAC"


@mistake("bias-per-layer", "bias counted wrongly", penalty=1.5, quantities=("params",))
def bias_per_layer(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """One bias for the layer, or one for each input channel, in place of one for each output."""
    kept = tuple(t for t in terms if not is_bias(t))
    if not kept or len(kept) == len(terms):
        return
    yield (
        (*kept, Term("biases", ())),
        "one bias for the whole layer, not one for each output",
    )
    channels = pick(terms, IN)
    if channels > 1 and channels != pick(terms, OUT):
        bias = Term("biases", (Factor("C_in", channels),))
        yield (*kept, bias), "a bias for each input channel in place of each output channel"


@mistake("kernel-not-squared", "kernel not squared", penalty=1.2)
def kernel_not_squared(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """k in place of k*k, or no kernel at all."""
    if not cost.window or len(cost.window.kernel) < 2:
        return
    sides = [s for s in ("k_d", "k_h", "k_w") if pick(terms, (s,)) > 1]
    shape = "x".join(map(str, cost.window.kernel))
    if sides:
        new = edit(terms, lambda t: without(t, sides[-1]))
        yield new, f"the kernel has {shape} weights for each channel"
    if len(sides) > 1:
        new = edit(terms, lambda t: without(t, *sides))
        yield new, f"the kernel's {shape} is missing altogether"


@mistake("groups-ignored", "groups ignored", penalty=0.9)
def groups_ignored(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """All input channels, where a group reads only its share."""
    if cost.groups > 1:
        values = {"C_in/g": cost.channels, "C_out/g": pick(terms, ("C_out/g",)) * cost.groups}
        new = edit(terms, lambda t: renamed(t, values))
        share = cost.channels // cost.groups
        yield new, f"with {cost.groups} groups a filter reads {share} of {cost.channels} channels"


@mistake("input-size", "input size used for output size", penalty=1.0, quantities=_WORK)
def input_size(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """The input's height and width, where the output's belong."""
    if cost.window and any(f.symbol.startswith("out") for t in terms for f in t.factors):
        names = size_names(len(cost.window.size))
        values = dict(zip(names, cost.window.size, strict=True))
        took, right = by(cost.window.size), by(cost.output[-len(names) :])
        if took != right:
            new = tuple(renamed(t, values) for t in terms)
            yield new, f"input {took} used, where output {right} belongs"


@mistake("stride-padding", "stride or padding misread", penalty=1.5, quantities=_WORK)
def stride_padding(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """An output size that another stride or padding would give."""
    window = cost.window
    if not window or not any(f.symbol.startswith("out") for t in terms for f in t.factors):
        return
    names = size_names(len(window.size))
    right = cost.output[-len(names) :]
    for size, words in misread_sizes(window).items():
        if size not in (right, window.size):
            values = dict(zip(names, size, strict=True))
            yield (
                tuple(renamed(t, values) for t in terms),
                f"output {by(size)} ({words}) used, where {by(right)} belongs",
            )


def size_names(dims: int) -> tuple[str, ...]:
    return ("out",) if dims == 1 else ("out_d", "out_h", "out_w")[-dims:]


USUAL_BATCHES = (8, 16, 32, 64, 100, 128, 256, 512)


@mistake("batch-counted", "batch counted", penalty=1.4)
def batch_counted(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """Parameters times the batch, or the MACs of a batch where those of one input are asked for."""
    if question.what == "params":
        words = "the number of parameters does not depend on the batch"
    else:
        words = f"the work of a batch of {question.batch_size} is asked for"
    usual = (question.batch_size,) if question.batch_size > 1 else USUAL_BATCHES
    if question.what == "params" or question.batch_size == 1:
        for batch in usual:
            yield times(terms, "N", batch), f"{batch} times too large, perhaps a batch: {words}"


@mistake("batch-missing", "the batch is missing", penalty=1.4, quantities=_WORK)
def batch_missing(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """The work of one input, where that of a batch is asked for."""
    if question.batch_size > 1 and pick(terms, ("N",)) == question.batch_size:
        new = tuple(without(t, "N") or t for t in terms)
        yield new, f"the work of one input, where a batch of {question.batch_size} is asked for"


@mistake("factor-two", "MACs and FLOPs confused (factor 2)", penalty=1.0, quantities=_WORK)
def factor_two(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """FLOPs where MACs are asked for, or the other way round."""
    if question.what == "macs":
        yield times(terms, "2", 2), "these are FLOPs, two for each MAC"
    elif pick(terms, ("2",)):
        yield tuple(without(t, "2") or t for t in terms), "these are MACs, and a MAC is two FLOPs"


@mistake("activation-for-work", "activation given instead", penalty=1.7, quantities=_WORK)
@mistake("activation", "activation given instead", penalty=1.2, quantities=("params",))
def activation(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """The number of values that come out."""
    if len(cost.output) < 2:
        return
    asked = "parameters" if question.what == "params" else "the work"
    what = Term("activation", tuple(Factor(f"out{i}", n) for i, n in enumerate(cost.output)))
    shape = by(cost.output)
    yield (what,), f"{shape} is the layer's output (its activation), not {asked}"


@mistake("other-amount", "parameters and MACs confused", penalty=1.4)
def other_amount(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """MACs where parameters are asked for, or the other way round."""
    if question.what == "params" and cost.mac_terms:
        yield cost.mac_terms, "these are the layer's MACs"
    elif question.what != "params" and cost.param_terms:
        weights = tuple(t for t in cost.param_terms if not is_bias(t))
        for these in (cost.param_terms, weights):
            yield these, "these are the layer's parameters: the output's size is missing"
