"""Works out every number of a layer or a network: formulas with symbols, then with numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, overload

from nincost._chinese.translate import Lang, check_language, chosen
from nincost._closed_form.cost_terms import ACTIVATIONS, CostedLayer, CostTerms, costed_layers
from nincost._closed_form.terms import Terms
from nincost._closed_form.terms_text import terms_text
from nincost._closed_form.worked_modules import WorkedModule, worked_modules
from nincost._devices.tables import meta_operators
from nincost._environment import environment
from nincost._explain.output_size import SizeWorking, size_working
from nincost._explain.receptive_field import ReceptiveFields, receptive_fields
from nincost._explain.results import Explained, ExplainedLayer, Sentence, WorkedNumber
from nincost._explain.topics.answer import answer_topic
from nincost._explain.topics.results import ExplainedTopic
from nincost._isolation import collection_paused, in_own_mode
from nincost._models.nin import DEFAULT_MODEL
from nincost._models.sources import resolve
from nincost._profile.profile import profile_trace
from nincost._trace.records import ModuleCall, Shape, Trace
from nincost._trace.trace import trace
from nincost.errors import InputError, did_you_mean


@overload
def explain(
    model: Any = ...,
    *,
    layer: str | None = ...,
    topic: None = ...,
    input: Any = ...,
    batch_size: int = ...,
    arg: Mapping[str, Any] | None = ...,
    lang: Lang | None = ...,
) -> Explained: ...


@overload
def explain(
    model: Any = ...,
    *,
    layer: str | None = ...,
    topic: str,
    input: Any = ...,
    batch_size: int = ...,
    arg: Mapping[str, Any] | None = ...,
    lang: Lang | None = ...,
) -> ExplainedTopic: ...


@in_own_mode
def explain(
    model: Any = DEFAULT_MODEL,
    *,
    layer: str | None = None,
    topic: str | None = None,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    lang: Lang | None = None,
) -> Explained | ExplainedTopic:
    """Show the working of each number of a network, or of one layer; or answer a question on it.

    Args:
        model, input, batch_size, arg: as in `nincost.profile`.
        layer: only this layer, or the layers of this block.
        topic: one of readers' questions: `1x1` (two 1x1 convolutions beside one), `fully-connected`
            (where the ReLU belongs), `padding` (a wrong one), `rounding` (why a size is rounded
            down), `summed-loss`, `jumping-loss`.
        lang: the language of the words, `en` or `zh`; that of LANG if None.

    Returns:
        An `Explained`: for each layer its output size, parameters, MACs, activation (elements and
        bytes) and receptive field (input pixels), each with its formula. Counts are those of
        `nincost.profile`; formulas are those of the layers' documentation in torch.nn, such as
        `H_out = floor((H + 2p - d(k-1) - 1)/s) + 1` (torch.nn.Conv2d). With a topic, an
        `ExplainedTopic`: figures of two or more cases (counts, bytes, seconds), and sentences.

    Raises:
        InputError: `lang`, `layer` or `topic` is unknown, the topic's question cannot be asked of
            this model, or the input does not fit the model.
        ModelError: the model cannot be found or run.

    Examples:
        >>> nincost.explain("two-1x1", layer="block1.conv").layers[0].params.numbers
        '96*(11*11*1+1)'
    """
    check_language(lang)
    lang = chosen(lang)
    if topic is not None:
        return answer_topic(
            topic, model, layer=layer, input=input, batch_size=batch_size, arg=arg, lang=lang
        )
    found = resolve(model, arg)
    with collection_paused():
        traced = trace(found, input, batch_size=batch_size, operators=meta_operators(), on_cpu=True)
        fields = receptive_fields(found, input, batch_size=batch_size, mode="eval")
    worked = {traced.modules[one.module].path: one for one in worked_modules(traced)}
    layers = [_explain(one, worked.get(one.name), fields) for one in costed_layers(traced)]
    if layer is None:
        notes = _model_notes(traced, layers)
        activations = profile_trace(traced).totals.activation_elements
    else:
        notes, layers = (), _pick(layers, layer)
        activations = sum(one.activation_elements for one in layers)
    macs = sum(one.macs.value for one in layers)
    totals = {
        "params": sum(one.params.value for one in layers),
        "macs": macs,
        "flops": 2 * macs,
        "activation_elements": activations,
    }
    return Explained(
        model=traced.model,
        input=traced.input,
        batch_size=traced.batch_size,
        lang=lang,
        layers=tuple(layers),
        totals=totals,
        notes=notes,
        environment=environment(),
    )


def _pick(layers: list[ExplainedLayer], name: str) -> list[ExplainedLayer]:
    picked = [one for one in layers if one.layer == name or one.layer.startswith(f"{name}.")]
    if not picked:
        names = [one.layer for one in layers]
        blocks = {n.rpartition(".")[0] for n in names} - {""}
        shown = ", ".join(names[:4])
        raise InputError(
            f"there is no layer {name!r}: choose one such as {shown}"
            f"{did_you_mean(name, [*names, *blocks])}"
        )
    return picked


def _explain(
    layer: CostedLayer, worked: WorkedModule | None, fields: dict[str, ReceptiveFields]
) -> ExplainedLayer:
    cost = layer.cost
    call = worked.calls[0] if worked else None
    given = Shape(call.inputs[0].shape) if call and call.inputs else Shape()
    out = Shape(call.outputs[0].shape) if call and call.outputs else Shape(cost.output)
    fresh = [m for m, new in zip(call.outputs, call.made, strict=False) if new] if call else []
    biases = sum(t.value for t in cost.param_terms if "biases" in t.what)
    return ExplainedLayer(
        layer=layer.name,
        type=cost.type,
        input_shape=given,
        output_shape=out,
        sizes=_sizes(cost, out),
        params=_formula(cost, cost.param_terms, cost.params),
        macs=_formula(cost, cost.mac_terms, cost.macs),
        weights=cost.params - biases if cost.param_terms else 0,
        biases=biases,
        activation_elements=sum(meta.elements for meta in fresh),
        activation_bytes=sum(meta.bytes for meta in fresh),
        field=fields.get(layer.name, ()),
        size_key=_size_key(cost, given, out, call),
        notes=tuple(_notes(cost, out)),
    )


def _formula(cost: CostTerms, terms: Terms, value: int) -> WorkedNumber:
    if not terms:
        return WorkedNumber("", "", value)
    letters = terms_text(terms, symbols=True)
    if cost.window and len(set(cost.window.kernel)) == 1:
        for side in "dhw":
            letters = letters.replace(f"k_{side}", "k")
    return WorkedNumber(letters, terms_text(terms), value)


def _sizes(cost: CostTerms, out: Shape) -> tuple[SizeWorking, ...]:
    window = cost.window
    if window is None or "Transpose" in cost.type or len(out) < len(window.size):
        return ()
    sizes = out[-len(window.size) :]
    return tuple(
        size_working(*numbers)
        for numbers in zip(
            window.size, window.kernel, window.stride, window.padding, window.dilation, sizes,
            strict=True,
        )
    )  # fmt: skip


def _size_key(cost: CostTerms, given: Shape, out: Shape, call: ModuleCall | None) -> str:
    if "Adaptive" in cost.type:
        return "size_adaptive"
    if cost.type == "Flatten":
        return "size_flat"
    if call is not None and given == out and not cost.params:
        return "size_same"
    return "size_other"


def _notes(cost: CostTerms, out: Shape) -> Iterator[Sentence]:
    kind, window = cost.type, cost.window
    if window and kind.startswith("Conv") and set(window.kernel) == {1} and cost.groups == 1:
        yield Sentence("note_1x1")
        values = {"activation": f"{math.prod(out):,}", "params": f"{cost.params:,}"}
        fewer = math.prod(out) <= cost.params
        yield Sentence("note_1x1_activation_fewer" if fewer else "note_1x1_activation", values)
    if "Dropout" in kind:
        yield Sentence("note_dropout")
    elif "AdaptiveAvgPool" in kind and set(out[2:]) == {1}:
        yield Sentence("note_global_pool")
    elif "Pool" in kind:
        yield Sentence("note_pool")
    elif "Norm" in kind and cost.params and "Batch" in kind:
        yield Sentence("note_norm")
    elif not cost.params and not cost.macs and kind in ACTIVATIONS:
        yield Sentence("note_activation", {"type": kind})
    yield from _steps(cost, out)


def _steps(cost: CostTerms, out: Shape) -> Iterator[Sentence]:
    """Where very many channels become very few at once: what two steps would cost."""
    window = cost.window
    if window is None or not cost.type.startswith("Conv2d") or cost.groups > 1:
        return
    c_in, c_out = cost.channels, out[1]
    if set(window.kernel) == {1} or c_in < 64 or c_out * 16 > c_in:
        return
    middle = 2 ** round(math.log2(math.sqrt(c_in * c_out)))
    taps, places = math.prod(window.kernel), math.prod(out[2:]) * out[0]
    yield Sentence(
        "note_steps",
        {
            "c_in": c_in,
            "c_out": c_out,
            "middle": middle,
            "params": f"{cost.params:,}",
            "macs": f"{cost.macs:,}",
            "params_two": f"{middle * (taps * c_in + 1) + c_out * (middle + 1):,}",
            "macs_two": f"{places * (taps * c_in * middle + middle * c_out):,}",
        },
    )


def _model_notes(traced: Trace, layers: list[ExplainedLayer]) -> tuple[Sentence, ...]:
    notes = []
    ends_flat = len(layers) > 1 and len(layers[-1].output_shape) == 2
    if ends_flat and not any("softmax" in one.type.lower() for one in layers[-2:]):
        notes.append(Sentence("note_softmax"))
    elsewhere = profile_trace(traced).totals.activation_elements
    elsewhere -= sum(one.activation_elements for one in layers)
    if elsewhere > 0:
        notes.append(Sentence("note_functions", {"elements": f"{elsewhere:,}"}))
    if traced.device == "cpu":
        notes.append(Sentence("note_values"))
    return tuple(notes)
