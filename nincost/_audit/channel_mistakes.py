"""The mistakes that people make with a layer's channels, one function each, as in `mistakes.py`."""

from __future__ import annotations

from nincost._audit.mistakes import (
    IN,
    OUT,
    Question,
    WrongTerms,
    edit,
    is_bias,
    mistake,
    pick,
    renamed,
    times,
    without,
)
from nincost._closed_form.cost_terms import CostTerms
from nincost._closed_form.terms import Factor, Term, Terms
from nincost._closed_form.window import by


@mistake("input-channels-missing", "input channels missing", penalty=1.0)
def input_channels_missing(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """The factor C_in is left out."""
    channels = pick(terms, IN)
    if channels > 1:
        new = edit(terms, lambda t: without(t, *IN))
        yield new, f"each filter reaches through all {channels} input channels: times {channels}"


@mistake("output-channels-missing", "output channels missing", penalty=1.2)
def output_channels_missing(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """The factor C_out is left out."""
    channels = pick(terms, OUT)
    if channels > 1:
        new = edit(terms, lambda t: without(t, *OUT))
        yield new, f"there are {channels} filters, one for each output channel: times {channels}"


@mistake("channels-too-often", "channels squared or once too often", penalty=1.1)
def channels_too_often(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """A factor of channels more than there should be, or one in the place of the other."""
    ins, outs = pick(terms, IN), pick(terms, OUT)
    if not ins or not outs:
        return
    for value in dict.fromkeys((ins, outs, cost.channels)):
        if value > 1:
            words = f"the {value} channels are a factor once too often"
            yield edit(terms, lambda t, v=value: Term(t.what, (*t.factors, Factor("C", v)))), words  # type: ignore[misc]
            if any(map(is_bias, terms)):
                yield times(terms, "C", value), words
    if ins != outs:
        if outs > 1:
            values = dict.fromkeys(IN, outs)
            new = edit(terms, lambda t: renamed(t, values))
            yield new, f"{outs} output channels squared, where {ins} input channels belong"
        if ins > 1:
            again = dict.fromkeys(OUT, ins)
            new = tuple(renamed(t, again) for t in terms)
            yield new, f"{ins} input channels squared, where {outs} output channels belong"


@mistake("channels-wrong", "another number of channels", penalty=1.1)
def channels_wrong(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """Three channels, as of a colour image, where there is one, or the other way round."""
    channels = pick(terms, IN)
    if cost.window and cost.groups == 1 and channels in (1, 3):
        other = 4 - channels
        new = tuple(renamed(t, dict.fromkeys(IN, other)) for t in terms)
        verb = "is" if channels == 1 else "are"
        yield new, f"{other} input channels, where there {verb} {channels}"


@mistake("channels-missing", "channels missing", penalty=1.3)
def channels_missing(cost: CostTerms, terms: Terms, question: Question) -> WrongTerms:
    """Neither C_in nor C_out: a kernel's weights, once, with one bias or without."""
    ins, outs = pick(terms, IN), pick(terms, OUT)
    if not cost.window or not outs or (ins <= 1 and outs <= 1):
        return
    kernel = by(cost.window.kernel)
    words = f"a {kernel} kernel for each pair of {ins} input and {outs} output channels"
    kept = tuple(without(t, *IN, *OUT) or t for t in terms if not is_bias(t))
    yield kept, words
    if question.what == "params" and any(map(is_bias, terms)):
        yield (*kept, Term("biases", ())), words
