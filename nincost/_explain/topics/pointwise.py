"""What 1x1 convolutions do, and where the ReLU belongs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import nn

from nincost import _units as units
from nincost._explain.results import Sentence
from nincost._explain.topics.results import Case, Figure
from nincost._explain.topics.subject import Answer, Costs, Subject, figure, network_figures
from nincost._explain.without_layers import without_layers
from nincost.errors import InputError


def two_pointwise(subject: Subject) -> Answer:
    """A model beside itself without the last 1x1 convolution of each block, and without more.

    Only those that give as many channels as they get can be left out.
    """
    module = subject.found.module
    blocks: dict[str, list[str]] = {}
    for name in _pointwise(subject):
        conv: Any = module.get_submodule(name)
        if conv.in_channels == conv.out_channels:
            blocks.setdefault(name.rpartition(".")[0], []).append(name)
    if not blocks:
        raise InputError(
            f"{subject.found.name} has no 1x1 convolution that gives as many channels as it gets, "
            "so none can be left out: explain another model, such as two-1x1"
        )
    most = min(max(map(len, blocks.values())), 2)
    dropped = [
        [name for own in blocks.values() for name in own[max(len(own) - last, 0) :]]
        for last in range(1, most + 1)
    ]
    forms = [subject.costs, *(subject.of(without_layers(module, names)) for names in dropped)]
    ones = sum(1 for _ in _pointwise(subject))
    counts = [ones, *(ones - len(names) for names in dropped)]
    cases = tuple(
        Case(f"pointwise_{count}", Sentence("case_pointwise", {"count": count})) for count in counts
    )
    answers = [_what(forms), _cost(forms, subject)]
    first: Any = module.get_submodule(next(iter(blocks.values()))[0])
    channels = first.in_channels
    answers += [
        Sentence("pointwise_relu", {
            "c": channels, "one": units.exact(channels * channels + channels),
            "two": units.exact(2 * (channels * channels + channels)),
            "more": forms[0].non_linearities, "less": forms[1].non_linearities,
        }),
        Sentence("pointwise_worth"),
    ]  # fmt: skip
    return Answer(Sentence("ask_pointwise"), cases, tuple(_rows(forms)), tuple(answers))


def _pointwise(subject: Subject) -> Iterator[str]:
    """The names of all 1x1 convolutions across all channels."""
    for name, module in subject.found.module.named_modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1:
            yield name


def _rows(forms: list[Costs]) -> list[Figure]:
    rows: list[Figure] = network_figures(forms)
    more = figure("non_linearities", "row_non_linearities", [one.non_linearities for one in forms])
    return [*rows, more, figure("field", "row_field", [one.field for one in forms], "text")]


def _what(forms: list[Costs]) -> Sentence:
    return Sentence("pointwise_what", {"field": forms[0].field})


def _cost(forms: list[Costs], subject: Subject) -> Sentence:
    """What the last 1x1 of each block costs."""
    here, less = forms[0], forms[1]
    params = here.totals.params - less.totals.params
    macs = here.totals.macs - less.totals.macs
    values = {
        "batch": subject.batch_size,
        "params": units.exact(params), "params_share": f"{params / here.totals.params:.1%}",
        "macs": units.exact(macs), "macs_share": f"{macs / here.totals.macs:.1%}",
    }  # fmt: skip
    if here.peak is None or less.peak is None or here.seconds is None or less.seconds is None:
        return Sentence("pointwise_counts", values)
    bytes_, seconds = here.peak - less.peak, here.seconds - less.seconds
    return Sentence("pointwise_cost", {
        **values,
        "bytes": units.size(bytes_), "bytes_share": f"{bytes_ / here.peak:.1%}",
        "seconds": units.duration(seconds), "seconds_share": f"{seconds / here.seconds:.1%}",
        "card": here.card,
    })  # fmt: skip


def relu_and_fully_connected(subject: Subject) -> Answer:
    """A layer's linear map beside the ReLU after it, and the step with ReLUs in place."""
    name = subject.layer or next(_pointwise(subject), None) or _first_linear(subject)
    layers = list(subject.costs.layers)
    places = [i for i, one in enumerate(layers) if one.name == name]
    module = dict(subject.found.module.named_modules()).get(name or "")
    pointwise = isinstance(module, nn.Conv2d) and set(module.kernel_size) == {1}
    if not places or not (pointwise or isinstance(module, nn.Linear)):
        what = f"{name} is" if name else f"{subject.found.name} has"
        raise InputError(
            f"{what} no 1x1 convolution or linear layer: explain another layer or model, such as "
            "two-1x1"
        )
    own = layers[places[0]].cost
    c_in, c_out = own.channels, own.output[1] if pointwise else own.output[-1]
    elements = math.prod(own.output)
    cases = (
        Case("map", Sentence("case_map", {"layer": name})),
        Case("relu", Sentence("case_relu")),
    )
    figures = (
        figure("params", "row_params", (own.params, 0)),
        figure("macs", "row_macs", (own.macs, 0)),
        figure("flops", "row_flops", (2 * own.macs, 0)),
        figure("comparisons", "row_comparisons", (0, elements)),
        figure("output_values", "row_values", (elements, elements)),
    )
    answers = [
        Sentence(
            "connected_same" if pointwise else "connected_linear",
            {"c_in": c_in, "c_out": c_out, "params": units.exact(own.params), "layer": name},
        ),
        Sentence("connected_words"),
        Sentence("connected_counts"),
        *_in_place(subject),
        Sentence("connected_without", {"c": c_out}),
    ]
    return Answer(Sentence("ask_connected"), cases, figures, tuple(answers))


def _first_linear(subject: Subject) -> str | None:
    modules = subject.found.module.named_modules()
    return next((name for name, one in modules if isinstance(one, nn.Linear)), None)


def _in_place(subject: Subject) -> list[Sentence]:
    """What ReLUs that write over their input would change in the memory of a step."""
    module = subject.changed()
    for one in module.modules():
        if isinstance(one, nn.ReLU):
            one.inplace = True
    here, there = subject.costs.peak, subject.of(module).peak
    if here is None or there is None:
        return []
    values = {"batch": subject.batch_size, "here": units.size(here), "there": units.size(there)}
    return [Sentence("connected_in_place", values)]
