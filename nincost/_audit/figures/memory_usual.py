"""All amounts of memory that are right for a statement, as textbooks and courses count them."""

from __future__ import annotations

from dataclasses import replace

from nincost._audit.figures.memory_formulas import (
    BYTES,
    Formula,
    MemoryKind,
    Sizes,
    inference,
    outputs,
    single,
    training,
)
from nincost._audit.figures.memory_kinds import EACH, KINDS, ONE_OF, PAIR, STATES, sums_moments
from nincost._audit.figures.memory_said import Said, batch_written
from nincost._audit.figures.memory_scope import Scope
from nincost._audit.figures.memory_words import as_said, lacks_gradients, summed_up
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.reading.words import batches, says_result

_NEXT = 80  # characters after a statement that may say what it leaves out


def usual(
    reading: Reading, said: Said, sizes: Sizes, says_batch: bool
) -> tuple[list[Formula], list[Formula]]:
    """All that may be right, and what it would be right for were no gradients needed."""
    figure, kind, batch, copies = said.figure, said.kind, said.batch, said.copies
    words = f"{said.text} {said.words}"
    formulas = _formulas(kind, sizes, batch, copies)
    together = _together(kind, figure, sizes, copies)
    lacking = together if lacks_gradients(words) else []
    formulas += [] if lacking else together
    formulas += _of_states(reading, said, sizes)
    if not said.names_kind:
        formulas += single("activations", sizes, batch, copies)  # `memory per image: 6.1 MB`
    result = said.total or says_result(figure.before)
    if kind == "activations":
        formulas += _of_some(figure, said.scope, sizes, batch)
    elif PAIR.search(figure.before) and said.node is not None and said.node.kind == "sum":
        formulas += _of_some(figure, said.scope, sizes, batch)  # `the two biggest 1.12 + 1.12 MB`
    if result and not said.says_kind and not sums_moments(figure):
        for whole in ("training", "inference"):  # `so 10 MB altogether`
            if KINDS[whole].search(reading.text):  # type: ignore[index]
                formulas += _formulas(whole, sizes, batch, copies)  # type: ignore[arg-type]
    node = said.node
    if node is not None and node.kind == "sum" and (added := summed_up(words)):
        formulas += _formulas(added, sizes, batch, copies)
    others = [1] if figure.batch is None and batch > 1 and says_batch else []
    factor = batch_written(kind, node, sizes)  # `x 64 = ...`, after `each image`
    named = {size for _, _, size in batches(reading.text)}
    others += [factor] if factor and factor in named else []
    for other in others:
        formulas += _formulas(kind, sizes, other, copies)
        formulas += _of_some(figure, said.scope, sizes, other) if kind == "activations" else []
    after = reading.text[figure.end : figure.end + _NEXT]  # `The activations come on top.`
    return as_said(formulas, kind, sizes, copies, said.in_values, words, after), lacking


def _formulas(kind: MemoryKind, sizes: Sizes, batch: int, copies: int) -> list[Formula]:
    if kind == "training":
        return training(sizes, batch, copies)
    if kind == "inference":
        return inference(sizes, batch)
    return single(kind, sizes, batch, copies) or [Formula(0, "none")]


def _together(kind: MemoryKind, figure: Figure, sizes: Sizes, copies: int) -> list[Formula]:
    """What several kinds take that are named together, `weights and gradients`, or each of them."""
    words = f"{figure.context} {figure.before}" if copies else figure.before
    named = [one for one in STATES if KINDS[one].search(words)]
    params = BYTES * sizes.params
    found = []
    if kind == "optimizer state" and copies > 1 and EACH.search(figure.before):
        found.append(Formula(params, f"each of {copies}: {sizes.params:,} values * {BYTES} bytes"))
    if len(named) > 1 and kind in STATES:
        states = {"parameters": 1, "gradients": 1, "optimizer state": copies}
        count = sum(states[one] for one in named)
        found.append(Formula(count * params, f"{', '.join(named)}: {count} * {params:,} bytes"))
    return found


def _of_states(reading: Reading, said: Said, sizes: Sizes) -> list[Formula]:
    """`params 7.97 MB + grads 7.97 MB, activations ...` under `to train`: a sum of these alone."""
    figure = said.figure
    if said.kind not in ("training", "inference") or said.node is None or said.node.kind != "sum":
        return []
    raw = reading.text[figure.start : figure.end]
    if said.nodes[0][1] or not any(KINDS[one].search(raw) for one in STATES):
        return []  # with a result it is said to be all: `显存=参数+梯度=7.97MB+7.97MB=15.9MB`
    words = f"{figure.before} {raw}"
    named = [one for one in STATES if KINDS[one].search(words)]
    if len(named) != len(said.node.parts) or KINDS["activations"].search(words):
        return []
    return _together("parameters", replace(figure, before=words), sizes, said.copies)


def _of_some(figure: Figure, scope: Scope, sizes: Sizes, batch: int) -> list[Formula]:
    """What the outputs of one layer take, or of two in a row, where the words mean these."""
    words = f"{figure.context} {figure.before}"
    found = outputs(scope.layers, batch) if scope.name or ONE_OF.search(words) else []
    if PAIR.search(f"{words} {figure.after}"):
        text = f"the two largest outputs in a row: {sizes.pair:,} values * {BYTES} bytes"
        found.append(Formula(BYTES * sizes.pair * batch, text))
    return found
