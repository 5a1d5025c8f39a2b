"""What a wrong padding does, and why an output's size is rounded down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from nincost import _units as units
from nincost._closed_form.window import Window, out_size
from nincost._explain.output_size import SizeWorking, size_working
from nincost._explain.results import Sentence
from nincost._explain.topics.results import Case
from nincost._explain.topics.subject import Answer, Costs, Subject, figure, network_figures
from nincost.errors import InputError, NincostError

_SLIDES = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def wrong_padding(subject: Subject) -> Answer:
    """A convolution with the paddings about its own, and the network with each of them."""
    name, window = _chosen(subject, lambda one, window: (
        isinstance(one, nn.Conv2d) and window.padding[0] > 0 and window.stride[0] == 1
    ), "a convolution with padding")  # fmt: skip
    kernel, right = window.kernel[0], window.padding[0]
    paddings = sorted({0, right - 1, right, right + 1})
    forms: list[Costs | None] = []
    for padding in paddings:
        module = subject.changed()
        conv: Any = module.get_submodule(name)
        conv.padding = (padding, padding)
        forms.append(_runs(subject.of(module)))
    cases = tuple(
        Case(f"padding_{p}", Sentence("case_padding_own" if p == right else "case_padding", {
            "padding": p}))
        for p in paddings
    )  # fmt: skip
    workings = [_working(window, p) for p in paddings]
    figures = [
        figure("size", "row_size", [one.out for one in workings]),
        figure("sizes", "row_sizes", _sizes(forms), "text"),
        figure(
            "layer_macs", "row_layer_macs",
            [None if one is None else one.layer(name).cost.macs for one in forms],
        ),
        *network_figures(forms),
    ]  # fmt: skip
    own, less = workings[paddings.index(right)], workings[paddings.index(right - 1)]
    answers = [
        Sentence("padding_sizes", {
            "own": right, "own_formula": own.formula, "own_out": own.out,
            "less": right - 1, "less_formula": less.formula, "less_out": less.out,
        }),
        Sentence("padding_params", {
            "layer": name, "params": units.exact(subject.costs.layer(name).cost.params),
        }),
    ]  # fmt: skip
    if kernel % 2 and window.dilation[0] == 1:
        answers.append(Sentence("padding_same_size", {"k": kernel, "p": (kernel - 1) // 2}))
    answers += _consequence(subject, forms, paddings, right)
    return Answer(
        Sentence("ask_padding", {"layer": name, "padding": right}), cases, tuple(figures),
        tuple(answers),
    )  # fmt: skip


def _consequence(
    subject: Subject, forms: Sequence[Costs | None], paddings: Sequence[int], right: int
) -> list[Sentence]:
    """What the next smaller padding changes, and whether anything would say that it is wrong."""
    less = forms[paddings.index(right - 1)]
    said = []
    if less is not None:
        here = subject.costs.totals.macs
        said.append(
            Sentence("padding_less", {
                "padding": right - 1, "macs": units.exact(here - less.totals.macs),
                "share": f"{1 - less.totals.macs / here:.1%}",
            })
        )  # fmt: skip
    runs = all(one is not None for one in forms)
    return [*said, Sentence("padding_silent" if runs else "padding_fails")]


def rounded_down(subject: Subject) -> Answer:
    """A size that is not whole: rounded down, as PyTorch does, and what rounding up needs."""
    name, window = _chosen(subject, lambda _, window: (
        _working(window, window.padding[0]).exact.denominator > 1
    ), "a layer whose output's size is not whole before it is rounded")  # fmt: skip
    padding, kernel, stride = window.padding[0], window.kernel[0], window.stride[0]
    down = _working(window, padding)
    last = (down.out - 1) * stride - padding
    span = window.dilation[0] * (kernel - 1)
    short = last + stride + span - (down.size - 1 + padding)
    pool = not isinstance(subject.found.module.get_submodule(name), nn.Conv2d)
    if pool:  # which of the two its own is, its ceil_mode says
        forms = [_runs(_with_ceil_mode(subject, name, up)) for up in (False, True)]
    else:
        forms = [subject.costs, _runs(_with_more_padding(subject, name, short))]
    wide = size_working(down.size, kernel, stride, padding, window.dilation[0], down.out + 1)
    figures = [
        figure("size", "row_out", (down.out, down.out + 1)),
        figure("unread", "row_unread", (down.unread, wide.unread)),
        figure(
            "sizes", "row_sizes", [None if one is None else one.sizes() for one in forms], "text"
        ),
        *network_figures(forms),
    ]
    answers = [
        Sentence("floor_windows", {
            "out": down.out, "stride": stride, "second": stride - padding, "first": -padding,
            "last": last, "end": last + span, "edge": down.size - 1,
        }),
        Sentence("floor_why", {
            "formula": down.formula, "exact": down.exact_text, "out": down.out,
            "up": down.out + 1, "from": last + stride, "to": last + stride + span, "short": short,
            "edge": down.size - 1 + padding,
        }),
    ]  # fmt: skip
    if pool:
        answers.append(Sentence("floor_pool", {"up": down.out + 1}))
    else:
        answers.append(Sentence("floor_pad", {"short": short, "up": down.out + 1}))
        answers += _equal_padding(window, down.out + 1)
    question = Sentence("ask_floor", {"layer": name, "formula": down.formula})
    return Answer(question, _ROUNDED, tuple(figures), tuple(answers))


_ROUNDED = (Case("rounded_down", Sentence("case_down")), Case("rounded_up", Sentence("case_up")))


def _with_ceil_mode(subject: Subject, name: str, ceil_mode: bool) -> Costs:
    """The network with a pool that rounds up, or down."""
    module = subject.changed()
    pool: Any = module.get_submodule(name)
    pool.ceil_mode = ceil_mode
    return subject.of(module)


def _with_more_padding(subject: Subject, name: str, more: int) -> Costs:
    """The network with `more` places at the right and the bottom of what a layer gets."""
    module = subject.changed()
    parent, _, own = name.rpartition(".")
    layer = module.get_submodule(name)
    padded = nn.Sequential(nn.ZeroPad2d((0, more, 0, more)), layer)
    setattr(module.get_submodule(parent), own, padded)
    return subject.of(module)


def _sizes(forms: Sequence[Costs | None]) -> list[str | None]:
    return [None if one is None else one.sizes() for one in forms]


def _equal_padding(window: Window, up: int) -> list[Sentence]:
    """The least padding, equal on all sides, that gives the size rounded up."""
    for padding in range(window.padding[0], window.kernel[0]):
        made = out_size(
            window.size[0], window.kernel[0], window.stride[0], padding, window.dilation[0]
        )
        if made == up:
            working = _working(window, padding)
            values = {"padding": padding, "formula": working.formula, "up": up,
                      "exact": working.exact_text}  # fmt: skip
            return [Sentence("floor_equal", values)]
    return []


def _working(window: Window, padding: int) -> SizeWorking:
    size, kernel = window.size[0], window.kernel[0]
    stride, dilation = window.stride[0], window.dilation[0]
    out = out_size(size, kernel, stride, padding, dilation)
    return size_working(size, kernel, stride, padding, dilation, max(out, 0))


def _runs(costs: Costs) -> Costs | None:
    """The form itself, where it runs with its input; an image may be too small for it."""
    try:
        _ = costs.totals
    except NincostError:
        return None
    return costs


def _chosen(subject: Subject, fits: Any, wanted: str) -> tuple[str, Window]:
    """The layer that was named, else the first that fits; and how its window slides."""
    modules = dict(subject.found.module.named_modules())
    for layer in subject.costs.layers:
        module, window = modules.get(layer.name), layer.cost.window
        if not isinstance(module, _SLIDES) or window is None or len(window.size) != 2:
            continue
        named = subject.layer is None or layer.name == subject.layer
        if named and len(set(window.kernel)) == 1 and fits(module, window):
            return layer.name, window
    raise InputError(
        f"{subject.layer or subject.found.name} has not {wanted}: explain another layer or model, "
        "such as two-1x1"
    )
