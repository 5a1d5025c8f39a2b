"""What a statement about memory is about: which kind, of one layer or several, which optimizer."""

from __future__ import annotations

import re

from nincost._audit.figures.memory_formulas import MemoryKind
from nincost._audit.reading.expression import Node
from nincost._audit.reading.parts import Figure
from nincost._audit.reading.things import THING_AFTER
from nincost._audit.reading.words import says_total

KINDS: dict[MemoryKind, re.Pattern[str]] = {
    kind: re.compile(pattern, re.IGNORECASE)  # type: ignore[misc]
    for kind, pattern in {
        "gradients": r"grad(?!ed)|梯度|(?<![A-Za-z\d.])g\s*[:=]?\s*$",
        "optimizer state": "optimi[sz]er|momentum|\\bmoments\\b|优化器|动量|adam|[一二]阶矩",
        "activations": (
            r"activation|激活|\bacts?\b|forward/backward pass|feature map|\bmaps\b"
            r"|特征图|outputs?|输出|中间结果"
        ),
        "data": r"input|data\b|(?<!\d )images\b|输入|数据",
        "training": "train|训练",
        "inference": "infer|predict|推断|推理|预测|estimated total size",
        "parameters": r"param|weights?|参数|权重|(?<![A-Za-z\d.])w\s*[:=]?\s*$",
    }.items()
}
STATES: tuple[MemoryKind, ...] = ("parameters", "gradients", "optimizer state")
#: One of several is meant: a moment of Adam's, a layer's output.
ONE_OF = re.compile(
    r"\b(?:each|every|one|per layer|a layer|single|largest|biggest|current)\b"
    r"|at most|alive|at once|各|每|最多|同时|一个|一层|单层|最大|当前",
    re.IGNORECASE,
)
PAIR = re.compile(
    r"\bpair|input and output|two (?:largest|biggest)|(?:largest|biggest) two"
    r"|输入和输出|输入、?输出"
    r"|at once|at most|alive|同时|最多|相邻",
    re.IGNORECASE,
)
EACH = re.compile(r"\b(?:each|every)\b|各|每", re.IGNORECASE)
_ONLY = re.compile(r"显存只|memory is (?:just|only)|only needs?", re.IGNORECASE)

#: `优化器状态是参数的两倍`: what it is compared with.
_TIMES = re.compile(
    r"(?:参数|权重)(?:量|数量)?的\s*[一两二三四2-4]\s*倍"
    r"|(?:twice|two times|three times|[2-4]\s?x)\s+(?:the\s+|as\s+\w+\s+as\s+(?:the\s+)?)?"
    r"(?:size of the\s+)?(?:number of\s+)?(?:param\w*|weights)",
    re.IGNORECASE,
)
_MOMENTS = re.compile(r"二阶矩[^，,。]*$|\bmoments\b[^,]*$", re.IGNORECASE)
_NO_MOMENTUM = re.compile(r"(?:without|no|不带|没有|无)\s*(?:momentum|动量)", re.IGNORECASE)


def sums_moments(figure: Figure) -> bool:
    """`Adam要存一阶矩m和二阶矩v，共7.97MB`: of both, said before the comma perhaps."""
    words = figure.before
    if not re.search(r"[^\W\d_]{3}", words) and says_total(words):
        words = f"{figure.context.rstrip()}{words}"
    return bool(_MOMENTS.search(words))


def kind_of(figure: Figure, node: Node | None) -> MemoryKind:
    before = figure.before.partition("=")[0]
    everything = f"{figure.context} {figure.before} {figure.after}"
    whole: MemoryKind | None = None
    for kind in ("training", "inference"):
        if KINDS[kind].search(everything):  # type: ignore[index]
            whole = kind  # type: ignore[assignment]
    head, colon, _ = before.replace("：", ":").partition(":")
    itself = bool(colon) and _last_kind(head) not in (None, whole) and not says_total(head)
    sums = (node is not None and node.kind == "sum") or says_total(figure.before)
    moments = sums_moments(figure) and not (node is not None and node.kind == "sum")
    if moments and sums:
        return "optimizer state"  # `一阶矩和二阶矩共15.94MB`
    if whole and sums and not itself:
        return whole
    thing = THING_AFTER.match(figure.after)
    own = {kind for _, kind in _kinds_in(figure.before.replace("：", ":").rpartition(":")[2])}
    said_of = thing and re.match(r"\s*(?:of|for)\s", thing[0])  # `throw maps away so the 8 MB of`
    if thing and not sums and (said_of or own <= {"training", "inference"}):
        return _last_kind(thing[0]) or "activations"
    named = _last_kind(f"{figure.context} {figure.before}")
    if whole and (
        _ONLY.search(figure.before) or (named in (None, whole) and "就是" in figure.before)
    ):
        return whole
    if whole and KINDS["activations"].search(before):  # `activation memory training`
        return "activations"
    if any(KINDS[kind].search(head) for kind in ("training", "inference")):  # type: ignore[index]
        colon = ""  # a heading over what follows
    for words in (head if colon else "", before, figure.before, figure.after, figure.context):
        found = _kinds_in(words)
        if found:
            kind = found[-1][1]
            if kind == "optimizer state" and re.search("adam", words, re.IGNORECASE):
                others = [k for _, k in found if k != "optimizer state"]
                return whole if whole and "training" in others else kind
            return kind
    return whole or "parameters"


def _kinds_in(words: str) -> list[tuple[int, MemoryKind]]:
    """The kinds that are named, in order, each with where it ends."""
    bare = _NO_MOMENTUM.sub(" ", _TIMES.sub(" ", words))
    found = [(m.end(), kind) for kind, pattern in KINDS.items() for m in pattern.finditer(bare)]
    return sorted(found)


def _last_kind(words: str) -> MemoryKind | None:
    found = _kinds_in(words)
    return found[-1][1] if found else None


def copies_of(words: str) -> int:
    """How many values the optimizer keeps for each parameter."""
    if re.search("adam", words, re.IGNORECASE):
        return 2
    words = _NO_MOMENTUM.sub("", words)
    return 1 if re.search("momentum|动量", words, re.IGNORECASE) else 0
