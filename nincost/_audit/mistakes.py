"""The mistakes that people make, one function each: from a layer's right terms to the wrong ones.

To add a mistake, add a decorated function. It gets the layer's sheet, its terms as they are so
far (another mistake may have been made before) and the setting, and yields each way to make the
mistake: the new terms, and a few words on what was done. `cost` is how unlikely the mistake is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nincost._closed_form.working import Factor, Term
from nincost._explain.cost_terms import Sheet, Terms, What
from nincost._explain.window import by, other_sizes


@dataclass(frozen=True, slots=True)
class Setting:
    """What is graded: which amount, and at which batch."""

    what: What
    batch_size: int = 1


Ways = Iterator[tuple[Terms, str]]
Maker = Callable[[Sheet, Terms, Setting], Ways]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A kind of mistake: its key in JSON, its name in words, and how to make it."""

    key: str
    title: str
    cost: float
    whats: tuple[What, ...]
    make: Maker


MISTAKES: dict[str, Mistake] = {}
_ALL: tuple[What, ...] = ("params", "macs", "flops")
_WORK: tuple[What, ...] = ("macs", "flops")


def mistake(
    key: str, title: str, *, cost: float, whats: tuple[What, ...] = _ALL
) -> Callable[[Maker], Maker]:
    """Register a way to go wrong."""

    def keep(make: Maker) -> Maker:
        MISTAKES[key] = Mistake(key, title, cost, whats, make)
        return make

    return keep


_IN = ("C_in", "C_in/g", "in", "I")
_OUT = ("C_out", "C_out/g", "out", "H")


def _is_bias(term: Term) -> bool:
    return "biases" in term.what


def _edit(terms: Terms, change: Callable[[Term], Term | None]) -> Terms:
    """The terms with each weight term changed; unchanged ones stay."""
    made = []
    for term in terms:
        new = None if _is_bias(term) else change(term)
        made.append(new or term)
    return tuple(made)


def _without(term: Term, *symbols: str) -> Term | None:
    kept = tuple(f for f in term.factors if f.symbol not in symbols)
    return Term(term.what, kept) if len(kept) < len(term.factors) else None


def _renamed(term: Term, values: dict[str, int]) -> Term:
    return Term(
        term.what, tuple(Factor(f.symbol, values.get(f.symbol, f.value)) for f in term.factors)
    )


def _times(terms: Terms, symbol: str, value: int) -> Terms:
    return tuple(Term(t.what, (*t.factors, Factor(symbol, value))) for t in terms)


def _pick(terms: Terms, symbols: tuple[str, ...]) -> int:
    for term in terms:
        for factor in term.factors:
            if factor.symbol in symbols:
                return factor.value
    return 0


@mistake("bias-missing", "bias missing", cost=1.0, whats=("params",))
def bias_missing(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """The bias is left out."""
    kept = tuple(t for t in terms if not _is_bias(t))
    count = sum(t.value for t in terms if _is_bias(t))
    if kept and count:
        yield kept, f"one bias for each of the {count:,} outputs is missing"


@mistake("bias-extra", "bias extra", cost=1.2)
def bias_extra(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """A bias where there is none, or twice, or among the MACs."""
    out = _pick(terms, _OUT)
    if not out:
        return
    if setting.what == "params":
        has = any(_is_bias(t) for t in terms)
        words = "the bias is counted twice" if has else "the layer has no bias"
        yield (*terms, Term("biases", (Factor("C_out", out),))), words
    elif sheet.window and "conv" in sheet.type.lower():
        places = [f for f in terms[0].factors if f.symbol.startswith(("out", "N", "2"))]
        bias = Term("biases", (*places, Factor("C_out", out)))
        yield (*terms, bias), "adding a bias is no multiplication, and no MAC"


@mistake("bias-per-layer", "bias counted wrongly", cost=1.5, whats=("params",))
def bias_per_layer(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """One bias for the layer, or one for each input channel, in place of one for each output."""
    kept = tuple(t for t in terms if not _is_bias(t))
    if not kept or len(kept) == len(terms):
        return
    yield (
        (*kept, Term("biases", ())),
        "one bias for the whole layer, not one for each output",
    )
    channels = _pick(terms, _IN)
    if channels > 1 and channels != _pick(terms, _OUT):
        bias = Term("biases", (Factor("C_in", channels),))
        yield (*kept, bias), "a bias for each input channel in place of each output channel"


@mistake("input-channels-missing", "input channels missing", cost=1.0)
def input_channels_missing(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """The factor C_in is left out."""
    channels = _pick(terms, _IN)
    if channels > 1:
        new = _edit(terms, lambda t: _without(t, *_IN))
        yield new, f"each filter reaches through all {channels} input channels: times {channels}"


@mistake("output-channels-missing", "output channels missing", cost=1.2)
def output_channels_missing(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """The factor C_out is left out."""
    channels = _pick(terms, _OUT)
    if channels > 1:
        new = _edit(terms, lambda t: _without(t, *_OUT))
        yield new, f"there are {channels} filters, one for each output channel: times {channels}"


@mistake("channels-too-often", "channels squared or once too often", cost=1.1)
def channels_too_often(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """A factor of channels more than there should be, or one in the place of the other."""
    ins, outs = _pick(terms, _IN), _pick(terms, _OUT)
    if not ins or not outs:
        return
    for value in dict.fromkeys((ins, outs, sheet.channels)):
        if value > 1:
            words = f"the {value} channels are in it once too often"
            yield _edit(terms, lambda t, v=value: Term(t.what, (*t.factors, Factor("C", v)))), words  # type: ignore[misc]
            if any(map(_is_bias, terms)):
                yield _times(terms, "C", value), words
    if ins != outs:
        if outs > 1:
            values = dict.fromkeys(_IN, outs)
            new = _edit(terms, lambda t: _renamed(t, values))
            yield new, f"{outs} output channels squared, where {ins} input channels belong"
        if ins > 1:
            again = dict.fromkeys(_OUT, ins)
            new = tuple(_renamed(t, again) for t in terms)
            yield new, f"{ins} input channels squared, where {outs} output channels belong"


@mistake("kernel-not-squared", "kernel not squared", cost=1.2)
def kernel_not_squared(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """k in place of k*k, or no kernel at all."""
    if not sheet.window or len(sheet.window.kernel) < 2:
        return
    sides = [s for s in ("k_d", "k_h", "k_w") if _pick(terms, (s,)) > 1]
    shape = "x".join(map(str, sheet.window.kernel))
    if sides:
        new = _edit(terms, lambda t: _without(t, sides[-1]))
        yield new, f"the kernel has {shape} weights for each channel"
    if len(sides) > 1:
        new = _edit(terms, lambda t: _without(t, *sides))
        yield new, f"the kernel's {shape} is not in it at all"


@mistake("groups-ignored", "groups ignored", cost=0.9)
def groups_ignored(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """All input channels, where a group sees only its share."""
    if sheet.groups > 1:
        values = {"C_in/g": sheet.channels, "C_out/g": _pick(terms, ("C_out/g",)) * sheet.groups}
        new = _edit(terms, lambda t: _renamed(t, values))
        share = sheet.channels // sheet.groups
        yield new, f"with {sheet.groups} groups a filter sees {share} of {sheet.channels} channels"


@mistake("input-size", "input size used for output size", cost=1.0, whats=_WORK)
def input_size(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """Heights and widths of what comes in, where those of what goes out belong."""
    if sheet.window and any(f.symbol.startswith("out") for t in terms for f in t.factors):
        names = _size_names(len(sheet.window.size))
        values = dict(zip(names, sheet.window.size, strict=True))
        took, right = by(sheet.window.size), by(sheet.output[-len(names) :])
        if took != right:
            new = tuple(_renamed(t, values) for t in terms)
            yield new, f"input {took} used, where output {right} belongs"


@mistake("stride-padding", "stride or padding misread", cost=1.5, whats=_WORK)
def stride_padding(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """An output size that another stride or padding would give."""
    window = sheet.window
    if not window or not any(f.symbol.startswith("out") for t in terms for f in t.factors):
        return
    names = _size_names(len(window.size))
    right = sheet.output[-len(names) :]
    for size, words in other_sizes(window).items():
        if size not in (right, window.size):
            values = dict(zip(names, size, strict=True))
            yield (
                tuple(_renamed(t, values) for t in terms),
                f"output {by(size)} ({words}) used, where {by(right)} belongs",
            )


def _size_names(dims: int) -> tuple[str, ...]:
    return ("out",) if dims == 1 else ("out_d", "out_h", "out_w")[-dims:]


@mistake("batch-counted", "batch counted", cost=1.4)
def batch_counted(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """Parameters times the batch, or the work of a batch where that of one input is asked for."""
    if setting.what == "params":
        words = "parameters do not grow with the batch"
    else:
        words = f"the work is asked for at batch {setting.batch_size}"
    usual = (setting.batch_size,) if setting.batch_size > 1 else (8, 16, 32, 64, 100, 128, 256, 512)
    if setting.what == "params" or setting.batch_size == 1:
        for batch in usual:
            yield _times(terms, "N", batch), f"{batch} times too large, a batch perhaps: {words}"
    elif _pick(terms, ("N",)) == setting.batch_size:
        new = tuple(_without(t, "N") or t for t in terms)
        yield new, f"the work of one input, where a batch of {setting.batch_size} is asked for"


@mistake("factor-two", "MACs and FLOPs confused (factor 2)", cost=1.0, whats=_WORK)
def factor_two(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """FLOPs where MACs are asked for, or the other way round."""
    if setting.what == "macs":
        yield _times(terms, "2", 2), "these are FLOPs, two for each MAC"
    elif _pick(terms, ("2",)):
        yield tuple(_without(t, "2") or t for t in terms), "these are MACs; a MAC is two FLOPs"


@mistake("activation-for-work", "activation given instead", cost=1.7, whats=_WORK)
@mistake("activation", "activation given instead", cost=1.2, whats=("params",))
def activation(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """The number of values that come out."""
    if len(sheet.output) < 2:
        return
    asked = "parameters" if setting.what == "params" else "the work"
    what = Term("activation", tuple(Factor(f"out{i}", n) for i, n in enumerate(sheet.output)))
    shape = by(sheet.output)
    yield (what,), f"{shape} is the layer's output (its activation), not {asked}"


@mistake("other-amount", "parameters and MACs confused", cost=1.4)
def other_amount(sheet: Sheet, terms: Terms, setting: Setting) -> Ways:
    """MACs where parameters are asked for, or the other way round."""
    if setting.what == "params" and sheet.mac_terms:
        yield sheet.mac_terms, "these are the layer's MACs"
    elif setting.what != "params" and sheet.param_terms:
        weights = tuple(t for t in sheet.param_terms if not _is_bias(t))
        for these in (sheet.param_terms, weights):
            yield these, "these are the layer's parameters: the output's size is missing"
