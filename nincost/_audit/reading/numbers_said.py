"""What a number in a sentence is: a count of things, a result said in words, another network's."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.reading.expression import Claim, Node
from nincost._audit.reading.statements import Statement
from nincost._audit.reading.things import counts_things
from nincost._audit.reading.words import batches, names_other_network, says_per_image

_FEW = 1_000
#: `4 copies`, `3层`: a number of things that no amount is counted in.
_COUNTED = re.compile(
    r"[ \t]*(?:(?:input |output )?(?:copies|moments?|layers?|blocks?|images?|classes|channels|times"
    r"|gpus?|epochs?|inputs?|outputs?|pictures?|photos?|samples?|examples?|filters?|kernels?"
    r"|neurons?|units|features?|maps|pixels?|positions?)"
    r"|份|层|块|个?(?:块|输入|输出|卷积核|滤波器|神经元|像素|位置|样本)|个?(?:输入|输出)?通道|倍|张|类|轮"
    r"|[*×xX]\s*(?:MACs?|FLOPs?|params?|乘加|参数))(?![A-Za-z])",
    re.IGNORECASE,
)
#: `fewer than AlexNet (2.0M vs 61.1M)`: this network's number, and another one's.
_VERSUS = re.compile(r"(?<![^\W\d_])(?:vs\.?|versus)(?=\W|$)", re.IGNORECASE)
_UNIT_OF_HEADING = re.compile(
    r"单位\s*[:：为是]?\s*(百万|万|亿|[KMGkmg](?![A-Za-z]))|\bin (thousand|million|billion)s?\b",
    re.IGNORECASE,
)
_SCALES = {
    "k": 10**3, "m": 10**6, "g": 10**9, "thousand": 10**3, "million": 10**6, "billion": 10**9,
    "万": 10**4, "百万": 10**6, "亿": 10**8,
}  # fmt: skip
_HEADING_ABOVE = 20  # lines
#: `1.1712 + 2×0.9312`: all in a heading's unit.
_PLAIN_SUM = re.compile(r"[\d.\s+*×x·]*\d\.\d[\d.\s+*×x·]*")
_WORD = 20  # characters
_TOO_MUCH = 10**13
_SENTENCE_END = re.compile(r"[。；;!?！？\n]|\.(?=\s)")
#: `2.29 GMACs for one training step with batch size 128`.
_FOR_BATCH = re.compile(r"\W*(?:for|per|with|at|in|on)\b[^.,;()（）]*\bbatch", re.IGNORECASE)
#: A list's item, or a line, that begins with a name and has a colon behind it.
_HEAD = re.compile(
    r"\s*(?:[-*•·]|\d[.)])?\s*\**[A-Za-z][\w-]*\**\s*(?:[(（][^()（）]*[)）])?\s*[:：]"
)
_UNIT_IN_ROW = re.compile(r"(?<![A-Za-z])\d\s?([KMGkmg]|百?万|亿)(?![A-Za-z])")
_AS = re.compile(r"\W*as (?:MACs?|FLOPs?)\b", re.IGNORECASE)
_UNIT_BEFORE = re.compile(r"(?<![A-Za-z\d])([KMGT])(?:FLOPs?|MACs?)\D*$", re.IGNORECASE)


def is_others(statement: Statement, model: str) -> bool:
    """Whether it is another network's number than the model's."""
    if _VERSUS.search(statement.before):
        return True
    first_of_two = _VERSUS.match(statement.after.lstrip())
    return names_other_network(statement.before, model) and not first_of_two


def is_line_of_another(text: str, statement: Statement, model: str) -> bool:
    """Whether the line begins with another network's name: `AlexNet (1000 classes): 61M`."""
    start = text.rfind("\n", 0, statement.start) + 1
    before = text[start : statement.start]
    head = _HEAD.match(before)
    return bool(head) and names_other_network(before, model)


def is_count(text: str, statement: Statement, node: Node | None) -> bool:
    """Whether it is a number of things, `128 pictures`."""
    if node is None:
        return False
    alone = node.kind == "number" and not node.unit
    return (
        alone
        and node.value < _FEW
        and bool(
            _COUNTED.match(text, statement.end) or counts_things(text[node.end : node.end + _WORD])
        )
    )


def in_unit_before(node: Node, words: str) -> Node:
    """`in GFLOPs it is 1.52`: a number in the unit that stands before it."""
    unit = _UNIT_BEFORE.search(words)
    if not unit or node.kind != "number" or not 0 < node.value < _FEW or not node.unit:
        return node
    scale = 1000 ** ("KMGT".index(unit[1].upper()) + 1)
    return replace(node, value=node.value * scale, unit=node.unit * scale)


def in_unit_of_row(text: str, node: Node, statement: Statement) -> Node:
    """`1.52 G with multiplications and additions apart, 0.76 as MACs`: in the same unit."""
    start = text.rfind("\n", 0, statement.start) + 1
    units = _UNIT_IN_ROW.findall(text[start : statement.start])
    plain = node.kind == "number" and 0 < node.value < _FEW
    if not plain or not units or not _AS.match(text[node.end :]):
        return node
    scale = _SCALES[units[-1].lower()]
    return replace(node, value=node.value * scale, unit=(node.unit or Fraction(1)) * scale)


def in_unit_of_heading(text: str, node: Node, heading: str) -> Node:
    """`3.03` under `参数量（单位：万）`, `in millions`: a number in its heading's unit."""
    unit = _UNIT_OF_HEADING.search(heading) or _unit_above(text, node.start)
    raw = text[node.start : node.end]
    if unit is not None and node.kind in ("sum", "product") and _PLAIN_SUM.fullmatch(raw):
        return _scaled(node, _SCALES[next(one for one in unit.groups() if one).lower()])
    if unit is None or node.kind != "number" or not re.fullmatch(r"[\d.,\s]+", raw):
        return node
    scale = _SCALES[next(one for one in unit.groups() if one).lower()]
    if node.value * scale >= _TOO_MUCH:
        return node  # it was written in full
    return replace(node, value=node.value * scale, unit=(node.unit or Fraction(1)) * scale)


def _unit_above(text: str, start: int) -> re.Match[str] | None:
    """The unit that the nearest line above without numbers says: `二、计算（单位：亿次乘加）`."""
    for line in reversed(text[:start].split("\n")[:-1][-_HEADING_ABOVE:]):
        if line.strip() and not re.search(r"\d", line):
            return _UNIT_OF_HEADING.search(line)
    return None


def _scaled(node: Node, scale: int) -> Node:
    """A sum of decimals, some of them with a factor, in a unit; as it is where one is whole."""
    if node.kind == "number":
        if node.value.denominator == 1 and not node.unit:
            return node
        return replace(node, value=node.value * scale, unit=node.unit * scale)
    decimals = [p for p in node.parts if p.kind != "number" or p.value.denominator > 1 or p.unit]
    if node.kind == "product":
        if len(decimals) != 1:
            return node
        own = [_scaled(part, scale) if part is decimals[0] else part for part in node.parts]
        value = math.prod((part.value for part in own), start=Fraction(1))
    elif node.kind == "sum" and len(decimals) == len(node.parts):
        own = [_scaled(part, scale) for part in node.parts]
        value = sum((part.value for part in own), Fraction(0))
    else:
        return node
    changed = all(a.value != b.value for a, b in zip(own, node.parts, strict=True) if b in decimals)
    return replace(node, parts=tuple(own), value=value) if changed else node


def claims_in_unit(text: str, node: Node, scaled: Node, claims: list[Claim]) -> list[Claim]:
    """The results of a calculation that got its heading's unit: they have it as well."""
    if node is scaled or not node.value:
        return claims
    scale = scaled.value / node.value
    return [
        replace(one, value=one.value * scale, unit=(one.unit or 1) * scale)
        if re.fullmatch(r"[\d.,\s=≈]+", text[one.start : one.end])
        else one
        for one in claims
    ]


def batch_of_sentence(text: str, statement: Statement) -> int | None:
    """The batch that a number's own sentence says it is for; None where it also says one input."""
    first = 0
    for mark in _SENTENCE_END.finditer(text, 0, statement.start):
        first = mark.end()
    words = text[first : statement.end]
    words += statement.after if _FOR_BATCH.match(statement.after) else ""
    sizes = {size for _, _, size in batches(words)}
    return sizes.pop() if len(sizes) == 1 and not says_per_image(words) else None


def says_batch(text: str, statement: Statement) -> bool:
    """Whether a number's own sentence names a batch, or one input."""
    first = 0
    for mark in _SENTENCE_END.finditer(text, 0, statement.start):
        first = mark.end()
    words = text[first : statement.end] + statement.after
    return bool(batches(words)) or says_per_image(words)


def is_said_result(text: str, node: Node, claims: Sequence[Claim]) -> bool:
    """Whether a result follows of which the calculation is in words, with one number in it."""
    if not claims or node.kind != "number" or node.unit or node.value >= _FEW:
        return False
    between = text[node.end : claims[0].start]
    return claims[0].value >= _FEW and bool(re.search(r"[^\W\d_]{2}", between))
