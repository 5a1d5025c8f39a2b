"""Reads a written answer: which quantities, line by line, with the totals that it states.

A text may be one expression, or a line for each layer (`block1: 96*(11*11+1)`), with `params:`,
`macs:` or `flops:` before each part and `total:` before a stated total, in English or Chinese.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from nincost._audit.expression import Claim, Node, parse
from nincost._audit.tokens import check_length, plain
from nincost._closed_form.cost_terms import Quantity
from nincost.errors import ExpressionError

MAX_TERMS = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """A stretch of the answer: its name, if it has one, its tree and the subtotals stated."""

    label: str
    node: Node
    claims: tuple[Claim, ...] = ()


@dataclass(slots=True)
class Part:
    """The part of an answer about one quantity; `what` is None where it does not say which."""

    what: Quantity | None
    text: str
    lines: list[Line] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    @property
    def value(self) -> Fraction:
        return sum((line.node.value for line in self.lines), Fraction(0))


_NAMES_OF: dict[Quantity, str] = {
    "params": "params|param|parameters|parameter count|number of parameters|parameter|weights|"
    "参数|参数量|参数数量|参数个数|参数总数",
    "macs": "macs|mac|multiply-accumulates|multiply-adds|madds|multiplications|computation|"
    "computations|compute|amount of computation|计算|计算量|乘加|乘加次数|乘法次数",
    "flops": "flops|flop|floating-point operations|operations|浮点运算|浮点运算量|运算量|"
    "浮点运算次数",
}
_NAMES = {name: what for what, names in _NAMES_OF.items() for name in names.split("|")}
_TOTAL = frozenset(
    [
        "total",
        "sum",
        "in total",
        "altogether",
        "answer",
        "result",
        "总计",
        "合计",
        "总",
        "总数",
        "总和",
        "总共",
        "共",
        "一共",
    ]
)
_LABEL = re.compile(r"\s*(?:[-*•]\s+)?(?P<label>[^\W\d_][^:=~\n]{0,60}?)\s*[:=~]")
_GOES_ON = re.compile(r"[-+*/^(=~]\s*$")
_CONTINUES = re.compile(r"\s*(?:[-+/^)]|\*(?! *[^\W\d_]{2})|[xX](?![^\W\d_]))")


def read_text(text: str, what: Quantity | None = None) -> list[Part]:
    """The parts of a written answer; `what` is the quantity of those that do not say.

    Raises:
        ExpressionError: it is empty, does not parse, or is larger than anybody writes by hand.
    """
    check_length(text)
    parts: list[Part] = []
    named = what
    for start, end in _stretches(text):
        label, begin = _label(text, start, end)
        name = " ".join(label.lower().split())
        if name in _NAMES:
            named, label = _NAMES[name], ""
            parts.append(Part(named, text))
            if not plain(text[begin:end]).strip():
                continue
        if not parts:
            parts.append(Part(named, text))
        part = parts[-1]
        node, claims = parse(text, begin, end)
        if name in _TOTAL or node is None:
            part.claims += claims
            if node is not None:
                part.claims.insert(0, Claim(node.value, node.unit, node.start, node.end))
        else:
            part.lines.append(Line(label, node, tuple(claims)))
    kept = [_settled(part) for part in parts if part.lines or part.claims]
    if not kept:
        raise ExpressionError(
            "the answer is empty: expected a calculation such as 96*(11*11*1+1) + ... = 1992166"
        )
    return kept


def _settled(part: Part) -> Part:
    """A single line's claim is the whole part's; a claim alone is the whole answer."""
    if len(part.lines) == 1 and not part.claims:
        line = part.lines[0]
        part.claims = list(line.claims)
        part.lines = [Line(line.label, line.node)]
    if not part.lines:
        claim = part.claims.pop(0)
        node = Node("number", claim.value, (), claim.start, claim.end, unit=claim.unit)
        part.lines = [Line("", node)]
    return part


def _stretches(text: str) -> list[tuple[int, int]]:
    """Where each statement stands: a line, or several where one goes on in the next."""
    found: list[tuple[int, int]] = []
    at, depth, open_end = 0, 0, False
    for line in text.splitlines(keepends=True):
        start, end = at, at + len(line)
        at = end
        bare = line.strip()
        if not bare or bare.startswith(("#", "```", "%")) or bare in ("$$", r"\[", r"\]"):
            continue
        seen = plain(line)
        goes_on = bool(found) and (depth > 0 or open_end or _CONTINUES.match(seen))
        if goes_on and not seen.lstrip().startswith(("=", "~")):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
            depth = 0
        depth = max(0, depth + seen.count("(") - seen.count(")"))
        open_end = bool(_GOES_ON.search(seen.rstrip().rstrip("\\").rstrip()))
    return [(start, start + len(text[start:end].rstrip())) for start, end in found]


def _label(text: str, start: int, end: int) -> tuple[str, int]:
    """The name before a colon or an equals sign, and where what it names begins."""
    match = _LABEL.match(plain(text[start:end]))
    if match is None or re.fullmatch(r"[xX]", match["label"]):
        return "", start
    name = text[start + match.start("label") : start + match.end("label")].strip()
    return name, start + match.end()
