"""A clause with all but its calculation made spaces: words, kernels' names, notes, punctuation."""

from __future__ import annotations

import re
import unicodedata

from nincost._audit.reading.tokens import WORD_NUMBER
from nincost._audit.reading.words import SIZE_FORMULA, batches

OPERATOR_BEFORE = re.compile(r"(?:[*^/+]|[\d)]\s*[xX])\s*$")
_SAME_TWICE = re.compile(  # `1x1 conv`, `11*11卷积`: a kernel's name
    r"(?<![\d*xX^(.+])(?<!\+ )(\d{1,3})\s?[*xX](?:\s?| {4,6})\1(?![\d*^/+.)])"
    r"(?=\s*(?:(?![xX]\s?\d)[^\W\d_]|的|$|[:(])|\s+\d)"
)
_A_CONV = re.compile(r"^[^:]*(?<!\d)(\d{1,2})\s?[*xX]\s?\1(?!\d)[^:]*:.*\d")
_WORD = re.compile(
    r"(?:rtx|gtx|tesla|quadro)\s*\d{3,4}\w*|\d{4}\s?(?:ti|super)\b|\b[avhtp]\d{1,3}\b(?!\s*[*x/])"
    r"|块\s*\d{1,2}(?=[\s:：参的合共总卷计])|第\s*(?:\d+|[一二三四五六七八九十]+)\s*(?:个|块|层|题|节|章|步)*|\d+(?:st|nd|rd|th)\b"
    r"|(?:stride|padding|pad|kernel(?:[ _]size)?|步幅|步长|填充)\s*(?:=|为|是|of)?\s*\d{1,2}"
    r"(?![\d*/.])(?!\s*[*/xX×])"
    r"|D2L\s+\d+(?:\.\d+)*|\d+(?:\.\d+)?\s*%|\d+(?:\.\d+)+\s*节"
    r"|(?:block|stage|layer|exercise|question|chapter|section|figure|net|nin|ex|q)\s*[#.]?\s*"
    r"\[?\d{1,3}(?:\.\d+)*\]?(?![\d*x]|\.\d|,\d{3}|\s*[*xX]\s*\d|\s*(?:million|billion|[MGk万亿]))"
    r"|[A-Za-z_]\w*\.[A-Za-z_][\w.]*\w|[A-Za-z_]+\d+[xX]\d+_\d+"
    r"|(?<![\d.])[A-Za-z_][A-Za-z_]*(?:[-._]?\d+(?!\s*[*xX]\s*\d))?(?:[._][A-Za-z_]*\w*)*"
    r"|(?![⁰¹²³⁴⁵⁶⁷⁸⁹])[^\x00-\x7f\W\d]",
    re.IGNORECASE,
)
_NUMBER_WITH_UNIT = re.compile(
    r"(?:\d[\d,_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
    r"(?:\s*(?:[kKMGT]i?[bB](?![A-Za-z])|bytes?\b|Bytes?\b|字节)"  # and no noun: `8 MB params`
    r"|(?:\s*(?:[kKMGTB](?![A-Za-z])|[KMGT](?=(?:FLOP|MAC|flop|mac|Mac))|[百千]万|万|亿|million\b|billion\b))?"
    r"(?:\s*(?:fl?ops?\b|macs?\b|params?\b|个?参数|次乘加|次乘法|次运算|次|个))?)",
    re.IGNORECASE,
)
_SYMBOLS = re.compile(  # `FLOPs = 2 * MACs = ...`: a formula with names in the place of numbers
    r"(?<==)\s*(?:\d+\s*[*xX]\s*)?(?:fl?ops?|macs?|params?|forward(?: pass)?|fwd|前向(?:传播)?"
    r"|乘加(?:次数)?|参数(?:量)?)"
    r"(?:\s*[*xX]\s*\d+)?\s*=",
    re.IGNORECASE,
)
#: `k^2 c_i c_o`: the exponent is no number of the answer's.
_SYMBOL_SQUARED = re.compile(r"(?<![A-Za-z\d)\\])[A-Za-z](?:_\{?\w\}?)?\s?\^\s?\{?\d\}?")
_IN_A_NAME = re.compile("[A-Za-z_]")
_PUNCTUATION = re.compile(r"[:?!\"'“”‘’…<>\[\]|_`;,⌊⌋⌈⌉。、|#]|\.(?!\d)")
#: `11712 + 1x1: 2*9312`: a term's name within a sum.
_NAMED_TERM = re.compile(
    r"(?<=\+)\s*(?:\d{1,2}\s?[xX*]\s?\d{1,2}|[A-Za-z][\w ]{0,20}?)(?:\s*conv\w*|卷积)?\s*:(?=\s*\d)"
)
#: Operators in words, before a number: `weights plus 256 biases`, `再加上 96`.
_WORD_OPERATORS = (
    (re.compile(r"(?<=[\s\d)])plus twice(?=\s+\d)", re.IGNORECASE), "+ 2*"),
    (
        re.compile(
            r"(?<=[\s\d)])plus(?=\s+[\d(])|(?<!乘)加上?(?=\s*[\d(])(?!\s*\d+\s?[xX*]\s?\d+\s*(?:的?卷积|conv))",
            re.IGNORECASE,
        ),
        "+",
    ),
    (re.compile(r"(?<=[\s\d)])times(?=\s+[\d(])|乘以(?=\s*[\d(])", re.IGNORECASE), "*"),
)
#: `1992166 floats x 4 B`: what is counted, between a number and its sign.
_COUNTED = re.compile(
    r"(?<=\d)\s*(?:(?!million|billion|thousand|bytes|flops|macs|[kmgt]ib\b)[A-Za-z]{3,}|(?![万亿字])"
    r"[\u4e00-\u9fff]{1,4})(?=\s*(?:[*/]|[xX](?![A-Za-z]))\s*[\d(])",
    re.IGNORECASE,
)
#: `138M parameters: 102,764,544 of them in fc1`: a number that is no layer's, before a colon.
_AMOUNT = re.compile(
    r"(?<![\w.])(?:\d[\d,]*(?:\.\d+)?\s?(?:[MG](?![A-Za-z])|[万亿]|million\b)|\d{1,3}(?:,\d{3})+)"
    r"\s*(?:个?参数|param|weights|MACs?|FLOPs?|次)",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"\(\s*\)")
_NOTE = re.compile(r"\([^()]*\)")
_RESTATED = re.compile(r"\(([~=][^()]*)\)")  # `1,992,166 (~1.99M)`
#: `26 873 856 (×2)`, `9 312 ( x 2 )`: how many layers the number stands for.
_COPIES_NOTE = re.compile(r"(?<=\d)(?P<gap>\s*)\(\s*[*xX]\s*[2-4]\s*\)(?!\s*[-+*/^(\d])")
#: `381 M (= FLOPs / 2)`: a formula with a name in the place of a number.
_IN_NAMES = re.compile(r"\([~=]\s*(?:\d+\s*[*/]\s*)?[A-Za-z]{3,}(?:\s*[*/]\s*\d+)?\s*\)")
_RESTATED_ROUNDED = re.compile(  # `25690112 bytes (24.5 MiB)`, `11.69M (1168.95万)`
    r"(?<=[\dkKMGTBb万亿个数节节s])( ?)\((\s*\d[\d,]*(?:\.\d+)?\s*"
    r"(?:[kKMGT]i?B?|万|亿|[kKMGT]?字节|bytes|million|billion)\s*)\)"
)
_AGAINST = re.compile(
    r"\(([^()]*\d[^()]*\bvs\b[^()]*\d[^()]*)\)", re.IGNORECASE
)  # `(2.0M vs 61.1M)`
_LETTERS = re.compile(r"(?![⁰¹²³⁴⁵⁶⁷⁸⁹])[^\W\d_]")


def without_words(line: str, start: int, end: int) -> str:
    """A clause with words, kernels' names, notes and punctuation made spaces."""
    seen = line[start:end]

    def blank(match: re.Match[str]) -> str:
        return " " * len(match[0])

    for first, last, _ in batches(seen):
        before = seen[:first].rstrip()
        factor = re.match(r"\s*(?:[*/]|[xX](?=\s?\d))", seen[last:])
        if before.endswith("*") or factor:  # `x 128 (batch)`: the number is part of it
            digits = re.search(r"\d+", seen[first:last])
            kept = digits[0].rjust(digits.end()) if digits else ""
            seen = seen[:first] + kept.ljust(last - first) + seen[last:]
        else:
            seen = seen[:first] + " " * (last - first) + seen[last:]
    seen = _SYMBOL_SQUARED.sub(blank, _SYMBOLS.sub(blank, seen))
    colon = re.search(r":", seen)
    if (
        colon
        and not _AMOUNT.search(seen[: colon.start()])
        and re.search(r"\d", seen[colon.end() :])
        and not SIZE_FORMULA.search(seen[: colon.start()])
    ):
        seen = " " * colon.end() + seen[colon.end() :]
    seen = _NAMED_TERM.sub(blank, seen)
    seen = _COUNTED.sub(blank, seen)
    for pattern, operator in _WORD_OPERATORS:
        seen = pattern.sub(lambda m, sign=operator: sign.ljust(len(m[0])), seen)  # type: ignore[misc]
    seen = _COPIES_NOTE.sub(blank, _IN_NAMES.sub(blank, seen))
    seen = _RESTATED.sub(lambda m: f" {m[1]} ", seen)
    seen = _RESTATED_ROUNDED.sub(lambda m: f"{m[1]}~{m[2]} ", seen)
    seen = _AGAINST.sub(lambda m: f" {m[1]} ", seen)
    for _ in range(4):
        seen = _NOTE.sub(lambda m: blank(m) if _is_note(m[0]) else m[0], seen)
    without_names = _SAME_TWICE.sub(
        lambda m: m[0] if OPERATOR_BEFORE.search(seen, 0, m.start()) else blank(m), seen
    )
    # `1x1: 96x96` is a calculation, and no kernel's name: nothing else follows the colon.
    if re.search(r"\d", without_names) or not (colon and _A_CONV.search(line[start:end])):
        seen = without_names
    seen = _spaces_in_numbers(seen)
    parts, at = [], 0
    while at < len(seen):
        match = WORD_NUMBER.match(seen, at) or _NUMBER_WITH_UNIT.match(seen, at)
        if match and (at == 0 or not _IN_A_NAME.match(seen[at - 1])):
            word = _WORD.match(seen, at)
            if word and word.end() >= match.end() and word[0][0].isdigit():
                parts.append(blank(word))
                at = word.end()
                continue
            parts.append(match[0])
            at = match.end()
            continue
        match = _WORD.match(seen, at)
        if match and not (match[0] in "xX" and _times(seen, at)):
            parts.append(blank(match))
            at = match.end()
            continue
        match = _PUNCTUATION.match(seen, at)
        is_mark = match or unicodedata.category(seen[at]) == "So"  # a tick, a smiley
        parts.append(" " if is_mark else seen[at])
        at += 1
    seen = "".join(parts)
    for _ in range(4):
        seen = _EMPTY.sub(blank, seen)
    return _loose_signs(seen)


def _is_note(text: str) -> bool:
    """Whether what stands in parentheses is words: no sum or product that is calculated with."""
    bare = _NUMBER_WITH_UNIT.sub(" ", text)
    bare = re.sub(r"(?<=[\d\s)])[xX](?=[\d\s(])", " ", bare)
    return bool(_LETTERS.search(bare))


def _times(seen: str, at: int) -> bool:
    """Whether an x stands between what is multiplied."""
    before, after = seen[max(0, at - 40) : at].rstrip(), seen[at + 1 : at + 9].lstrip()
    ends = bool(before) and (before[-1].isdigit() or before[-1] == ")")
    ends = ends or bool(re.search(r"\d ?[kKMGTB万亿]$", before))
    return bool(ends and after) and (after[0].isdigit() or after[0] in "(^")


def _spaces_in_numbers(seen: str) -> str:
    """`1 992 166` with the spaces that `tokens.py` knows in a number."""
    return re.sub(
        r"(?<![\d.])\d{1,3}(?: \d{3})+(?![\d.])", lambda m: m[0].replace(" ", "\u00a0"), seen
    )


def _loose_signs(seen: str) -> str:
    """Without the hyphens, slashes and dots that words leave behind."""
    seen = re.sub(r"(?<![\d)\s])[-/.](?=\s|$)", " ", seen)
    seen = re.sub(r"(^|\s)[-/*.]+(?=\s*$)", lambda m: " " * len(m[0]), seen)
    lead = re.match(r"[\s*/^.,)]*", seen)
    if lead:
        seen = " " * lead.end() + seen[lead.end() :]
    return re.sub(r"(?<=\s)[-/](?=\s\s)", " ", seen)
