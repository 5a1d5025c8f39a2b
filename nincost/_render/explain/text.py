"""An explanation in words, line by line, for every format that shows words."""

from __future__ import annotations

from nincost import _units as units
from nincost._chinese.translate import Lang
from nincost._explain.output_size import SizeWorking
from nincost._explain.phrases import say
from nincost._explain.receptive_field import ReceptiveField, ReceptiveFields
from nincost._explain.results import Explained, ExplainedLayer, WorkedNumber

_AXES = {1: ("l",), 2: ("h", "w"), 3: ("d", "h", "w")}


def title(explained: Explained) -> str:
    return say(
        explained.lang, "title", model=explained.model, input=", ".join(explained.input),
        batch=explained.batch_size,
    )  # fmt: skip


def heading(layer: ExplainedLayer) -> str:
    """`block1.conv  Conv2d  1x1x224x224 -> 1x96x54x54`."""
    shapes = f"{layer.input_shape} -> {layer.output_shape}" if layer.input_shape else ""
    return "  ".join(part for part in (layer.layer, layer.type, shapes) if part)


def layer_lines(
    layer: ExplainedLayer, lang: Lang, said: set[tuple[str, str]], before: ReceptiveFields = ()
) -> list[tuple[str, str]]:
    """A heading and a text for each quantity. A general note in `said` is not repeated.

    `before` is the receptive field of the layer shown before this one.
    """
    lines = [(say(lang, "size"), text) for text in _sizes(layer, lang)]
    lines.append((say(lang, "params"), _amount(layer.params, lang)))
    if layer.biases and layer.weights:
        parts = say(
            lang, "weights_biases", weights=units.exact(layer.weights),
            biases=units.exact(layer.biases),
        )  # fmt: skip
        lines.append(("", parts))
    lines.append((say(lang, "macs"), _amount(layer.macs, lang)))
    lines.append((say(lang, "activation"), _activation(layer, lang)))
    if layer.field == before != ():
        lines.append((say(lang, "field"), say(lang, "field_before")))
    elif layer.field is None:
        lines.append((say(lang, "field"), say(lang, "field_all")))
    elif layer.field:
        lines.append((say(lang, "field"), field_text(layer.field, lang)))
    for note in layer.notes:
        key = (note.key, "" if not note.values else note.text(lang))
        if key not in said:
            said.add(key)
            lines.append((say(lang, "note"), note.text(lang)))
    return lines


def _sizes(layer: ExplainedLayer, lang: Lang) -> list[str]:
    if not layer.sizes:
        return [say(lang, layer.size_key, shape=layer.output_shape)]
    axes = _AXES.get(len(layer.sizes), ())
    if len(set(layer.sizes)) == 1 and len(axes) > 1:
        sides = say(lang, "both_sides" if len(axes) == 2 else "all_sides")
        return _size(layer.sizes[0], sides, "unread_both" if len(axes) == 2 else "", lang)
    found = []
    for working, axis in zip(layer.sizes, axes, strict=True):
        found += _size(working, say(lang, f"side_{axis}"), "", lang)
    return found


def _size(working: SizeWorking, sides: str, unread: str, lang: Lang) -> list[str]:
    whole = working.exact.denominator == 1
    key = "size_even" if whole else "size_floor" if working.out < working.exact else "size_ceil"
    values = {"sides": sides, "formula": working.formula, "out": working.out}
    if not whole:
        values["exact"] = working.exact_text
    lines = [say(lang, key, **values)]
    if key == "size_floor":
        first = working.out * working.stride - working.padding
        last = first + working.dilation * (working.kernel - 1)
        end = working.size - 1 + working.padding
        lines.append(
            say(lang, "size_why", first=first, last=last, end=end, short=last - end,
                up=working.out + 1)
        )  # fmt: skip
    if working.unread:
        lines.append(
            say(lang, unread or "unread_one", count=working.unread, size=working.size,
                **({} if unread else {"side": sides}))
        )  # fmt: skip
        if working.same_paddings:
            paddings = _numbers(working.same_paddings, lang)
            lines.append(say(lang, "padding_same", paddings=paddings))
        if working.full_paddings:
            paddings = _numbers(working.full_paddings, lang)
            lines.append(say(lang, "padding_all", paddings=paddings))
        else:
            lines.append(say(lang, "padding_none", most=working.kernel - 1))
    return lines


def _numbers(values: tuple[int, ...], lang: Lang) -> str:
    """`1`, `0 or 1`, `2 to 10`, `0 or 3 to 5`."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    texts = []
    for run in runs:
        if len(run) > 2:
            texts.append(say(lang, "field_range", low=run[0], high=run[-1]))
        else:
            texts += map(str, run)
    return say(lang, "or").join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _amount(formula: WorkedNumber, lang: Lang) -> str:
    value = units.exact(formula.value)
    if not formula.value:
        return say(lang, "none")
    if not formula.letters:
        return say(lang, "counted", value=value)
    return say(lang, "formula", symbols=formula.letters, numbers=formula.numbers, value=value)


def _activation(layer: ExplainedLayer, lang: Lang) -> str:
    if not layer.activation_elements:
        return say(lang, "activation_reused")
    return say(
        lang, "activation_value", shape=layer.output_shape,
        elements=units.exact(layer.activation_elements), size=units.size(layer.activation_bytes),
    )  # fmt: skip


def field_text(fields: tuple[ReceptiveField, ...], lang: Lang) -> str:
    """Which input pixels one output pixel depends on, in words."""
    same = len(set(fields)) == 1
    shown = fields[:1] if same else fields
    first = [say(lang, "field_range", low=f.first, high=f.first + f.size - 1) for f in shown]
    text = say(
        lang, "field_value", size="x".join(str(f.size) for f in fields),
        stride="x".join(str(f.stride) for f in shown), first=", ".join(first),
        center="(" + ", ".join(f"{f.center:g}" for f in fields) + ")",
    )  # fmt: skip
    if any(f.first < 0 for f in fields):
        text += say(lang, "and") + say(lang, "field_outside")
    if any(f.united for f in fields):
        text += say(lang, "and") + say(lang, "field_united")
    return text


def closing(explained: Explained) -> list[tuple[str, str]]:
    """The totals, the notes on the whole, and what the symbols mean."""
    lang = explained.lang
    shown = {
        "params": explained.totals["params"], "macs": explained.totals["macs"],
        "flops": explained.totals["flops"], "elements": explained.totals["activation_elements"],
    }  # fmt: skip
    values = {name: units.exact(value) for name, value in shown.items()}
    lines = [(say(lang, "total"), say(lang, "totals", **values))]
    lines += [(say(lang, "note"), note.text(lang)) for note in explained.notes]
    lines.append((say(lang, "symbols"), say(lang, "symbols_value")))
    return lines
