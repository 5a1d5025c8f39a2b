"""The words that people write around a calculation: what it is about, totals, batches, notes."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

from nincost._closed_form.cost_terms import Quantity

#: What a statement of an answer may be about.
About = Literal["params", "macs", "flops", "memory", "shapes", "fields"]

_I = re.IGNORECASE
_AMOUNTS: dict[Quantity, re.Pattern[str]] = {
    "flops": re.compile(r"flops?(?![a-z])|floating|浮点|运算量|运算次数|\boperations\b", _I),
    "macs": re.compile(
        r"macs?(?![a-z])|multipl|mult-?adds?|madds?\b|comput|计算|乘加|乘法|\bmmacs?\b", _I
    ),
    "params": re.compile(r"param|(?<!pre)weights?\b|参数|权重", _I),
}
_MEMORY = re.compile(
    r"memory|显存|内存|vram|\bbytes?\b|字节|nvidia-smi|optimi[sz]er state|优化器状态"
    r"|[\d\s](?:[KMGT]i?B|[kmg]b)(?![A-Za-z])|(?<![\d.])[248] ?B(?![A-Za-z])|pass size"
    r"|(?:input|params|total) size\b",
    _I,
)
_FIELDS = re.compile(r"receptive|感受野", _I)
_SHAPES = re.compile(
    r"shapes?\b|(?<!batch[ _-])\bsizes?\b|\boutputs?\b|形状|尺寸|输出(?!通道)"
    r"|(?<!批量)(?<!批次)大小",
    _I,
)
#: `(224 - 11)/4 + 1`, with padding or without, or `26 - 5 + 1 =`: an output's size.
SIZE_FORMULA = re.compile(
    r"[(⌊⌈]+\s*\d+\s*[-+][^=~()]{0,40}[)⌋⌉]?\s*/\s*\d+\s*[)⌋⌉]?\s*\+\s*1(?![\d.*])"
    r"|(?<![\d*x×.])\d{1,4}\s*-\s*\d{1,2}\s*(?:\+\s*2\s*[*x×]\s*\d\s*)?\+\s*1\s*(?==)"
)
#: `54 -> 26 -> 12`: sizes one after the other.
CHAIN = re.compile(r"\d+(?:\s*(?:\([^()]*\))?\s*(?:->|→|=>|⇒|、)\s*\d+){2,}")
#: `1,992,166 parameters (7.6 MiB)`: the number is one of parameters, its memory a remark.
REMARK = re.compile(r"^\W*(?:parameters|params|weights|个?参数)\s*[(（][^()（）]*[)）]?", _I)

_IN_PARENTHESES = re.compile(r"[(（][^()（）]*[)）]")
_TOTAL = re.compile(
    r"\b(?:total|sum|altogether|all together|in all|overall|answer|result|gives)\b"
    r"|总|合计|共|答|加起来|加在一起|相加|\bA$",
    _I,
)
_PER_COPY = re.compile(r"\b(?:each|every)\b|每个|各", _I)
_SEVERAL = re.compile(r"\b(?:two|both|twice|three)\b|两|二|三个|×\s*2", _I)
_RESULT = re.compile(
    r"\b(?:so|makes?|making|gives?|giving|that is|comes? to|for a (?:sub)?total|subtotal|in all)\b"
    r"|共|合计|小计|得|等于|因此|所以",
    _I,
)
_DETAIL = re.compile(r"^\W*(?:其中|of which|including)", _I)
_ABOUT = re.compile(r"约|大约|大概|左右|about|roughly|approximately|around|~|≈", _I)
_LESS_THAN = re.compile(
    r"不到|不足|少于|小于|近|less than|under|below|fewer than|almost|nearly", _I
)
_MORE_THAN = re.compile(r"超过|多于|大于|more than|over|above|exceeds?", _I)
_THAT_IS = re.compile(r"即|也就是|合|\bor\b|\bi\.?e\b|that is", _I)
_COUNT = re.compile(r"\b(two|three|both|2|3) (?:of them|together|have)\b|(两个|三个|二者)", _I)
_BATCH = re.compile(
    r"(?<![A-Za-z])batch(?:[ _-]?size)?\s*(?:为|是|取|of|at|=|:|~)?\s*(?P<a>\d+)"
    r"(?![\d.,])(?!\s*[KMGT]?i?B)"
    r"|批量(?:大小)?\s*(?:为|是|取|=|:)?\s*(?:[（(](?P<b>\d+)[)）]|(?P<e>\d+))"
    r"|批次(?:大小)?\s*(?:为|是|取|=|:)?\s*(?P<c>\d+)"
    r"|(?P<d>\d+)\s*(?:张(?:图片?|图像)|images\b|\(\s*(?:batch|批量|批次)[^()]*\))",
    _I,
)
_PER_IMAGE = re.compile(r"per image|(?:one|single|an) image|一张图|单张|每张|一张", _I)


def about(words: str) -> About | None:
    """What a statement or a heading with these words is about; None where they do not say.

    Of several amounts the last one counts: "I computed the number of parameters as".
    """
    if _FIELDS.search(words):
        return "fields"
    if _MEMORY.search(words):
        return "memory"
    amount = amount_in(words)
    if amount is not None:
        return amount
    return "shapes" if _SHAPES.search(words) else None


def amount_in(words: str) -> Quantity | None:
    """The amount that is named last; of `FLOPs = 2 x MACs = ` what stands before the first sign.

    What is named outside parentheses goes before what is named in them: `FLOPs (2 per MAC)`.
    """
    first, sign, rest = words.partition("=")
    if sign and "=" in rest and (named := amount_in(first)):
        return named
    outside = _IN_PARENTHESES.sub(" ", words)
    if outside != words and (named := amount_in(outside)):
        return named
    found: list[tuple[int, Quantity]] = []
    for what, pattern in _AMOUNTS.items():
        found += [(match.start(), what) for match in pattern.finditer(words)]
    return max(found)[1] if found else None


def first_amount_in(words: str) -> Quantity | None:
    """The amount that is named first."""
    found: list[tuple[int, Quantity]] = []
    for what, pattern in _AMOUNTS.items():
        found += [(match.start(), what) for match in pattern.finditer(words)]
    return min(found)[1] if found else None


def says_total(words: str) -> bool:
    """Whether a number with these words is the sum of the others."""
    return bool(_TOTAL.search(words))


def says_each(words: str) -> bool:
    """Whether a number stands for each of several layers."""
    return bool(_PER_COPY.search(words))


def says_several(words: str) -> bool:
    """Whether a number stands for more than one layer: "each", "两个", "twice"."""
    return bool(_PER_COPY.search(words) or _SEVERAL.search(words))


def says_result(words: str) -> bool:
    """Whether a number follows from what was said: "so", "makes", "共"."""
    return bool(_RESULT.search(words))


def says_detail(words: str) -> bool:
    """Whether it is a part of the number before it."""
    return bool(_DETAIL.search(words))


def says_about(words: str) -> bool:
    """Whether a number is rounded: "about"."""
    return bool(_ABOUT.search(words))


def says_bound(words: str, bound: Fraction, value: Fraction) -> bool:
    """Whether a number is said to be above or below another one, and is: `不到200万`."""
    if _LESS_THAN.search(words):
        return value < bound < 2 * value
    return bool(_MORE_THAN.search(words)) and value / 2 < bound < value


def says_that_is(words: str) -> bool:
    """Whether a number is another one in other units: "that is"."""
    return bool(_THAT_IS.search(words))


def says_count(words: str) -> bool:
    """Whether it says how many there are of what was said before: "two of them"."""
    return bool(_COUNT.search(words))


def is_per_image(words: str) -> bool:
    """Whether it is about one image, whatever the batch."""
    return bool(_PER_IMAGE.search(words))


def batches(words: str) -> list[tuple[int, int, int]]:
    """Where a batch size is named, and which: start and end of the phrase, and the size."""
    found = []
    for match in _BATCH.finditer(words):
        size = next(group for group in match.groups() if group)
        if len(size) <= 6 and int(size) > 0:
            found.append((match.start(), match.end(), int(size)))
    return found
