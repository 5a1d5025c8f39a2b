"""Comments of a program in an answer: what a line's result is, and sentences of their own.

Each character keeps its place, but for those of a comment that says a result.
"""

from __future__ import annotations

import re

from nincost._audit.reading.words import about

_ASSIGNS = re.compile(r"^[ \t]*(?:[A-Za-z_]\w*[ \t]*[-+*/]?=(?!=)|print\()", re.MULTILINE)
_FEWEST_LINES = 2
#: `m1 = 54*54*(...)      # block 1 MACs 87619968`; not of `b1 += ...`, which is part of it.
_RESULT = re.compile(
    r"^(?P<code>[ \t]*(?:[A-Za-z_]\w*[ \t]*=(?!=)|print\()[^#\n]*?)(?P<gap>[ \t]*)#[ \t]*"
    r"(?P<words>(?:[^\d\n#=≈]*[^\d\n#=≈\w.])?)(?P<sign>[=≈][ \t]*)?"
    r"(?P<number>\d[\d,_]*(?:\.\d+)?)[ \t]*(?P<unit>[kKMG]|万|亿)?"
    r"(?P<after>(?:[ \t]+[A-Za-z\u4e00-\u9fff][^\d\n#=≈]*)?)[ \t]*\r?$",
    re.MULTILINE,
)
_UNIT_LAST = re.compile(r"[ \t]*\b([KMG]i?B)[ \t]*$")
#: `layers = [(1, 96, 11, 54), ...]`: what it calculates with.
_DATA = re.compile(
    r"^[ \t]*\w+[ \t]*=[ \t]*[\[(]\s*[\[(][^A-Za-z=]*?[\])],?\s*[\])][ \t]*$", re.MULTILINE
)
#: Lines that calculate with names: what they come to is printed elsewhere, if at all.
_OF_NAMES = re.compile(
    r"^[ \t]*(?:def[ ]|return[ ]|for[ ]|(?:\w+[ \t]*[-+*/]?=(?!=)|print\()"
    r"(?=[^\n#]*[A-Za-z_]\w*[ ]?[-+*/(),)]|[^\n#]*[-+*/(,][ ]?[A-Za-z_]))[^\n#]*$",
    re.MULTILINE,
)
#: `# $ python count.py`, `# prints:`, and the comments below it.
_OUTPUT = re.compile(
    r"^[ \t]*#[ \t]*(?:\$[ ]\S[^\n]*|(?:prints?|output|输出|运行结果)[:：]?[ \t]*)\n"
    r"(?P<lines>(?:[ \t]*#[^\n]*(?:\n|\Z))+)",
    re.MULTILINE | re.IGNORECASE,
)
_SUM_OF_NAMES = re.compile(r"[(,\s]*[A-Za-z_]\w*(?:\s*\+\s*[A-Za-z_]\w*)*[),\s]*")
_BEGINS = re.compile(r"^[ \t]*[A-Za-z_]\w*[ \t]*=[ \t]*0(?:\.0?)?[ \t]*(?=\r?$)", re.MULTILINE)
_OWN_LINE = re.compile(r"^(?P<space>[ \t]*)#(?P<rest>[ \t]+\S.*)$", re.MULTILINE)
_SAYS_NUMBER = re.compile(r"\d{4}|\d,\d{3}|\d\s?(?:[kKMGT]i?B\b|[kMG]\b|[万亿])")


def with_comments(text: str) -> str:
    """The text of a program with comments that say numbers read as what is said; others as it is.

    `p1 = 96*122  # block 1: 11712` is `p1 = 96*122 = 11712 block 1: `.
    """
    if len(_ASSIGNS.findall(text)) < _FEWEST_LINES:
        return text
    text = _OUTPUT.sub(_printed, text)
    for pattern in (_DATA, _BEGINS, _OF_NAMES):
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    text = _RESULT.sub(_result, text)
    return _OWN_LINE.sub(_sentence, text)


def _printed(match: re.Match[str]) -> str:
    """What a program printed, without the comments' signs; numbers beside each other are a list."""
    lines = re.sub(r"^([ \t]*)#", r"\1 ", match["lines"], flags=re.MULTILINE)
    lines = re.sub(
        r"^[ \t]*\d{3,}(?: \d{3,}){2,}[ \t]*$",
        lambda m: m[0].strip().replace(" ", ",").rjust(len(m[0])).replace(",", ";"),
        lines, flags=re.MULTILINE,
    )  # fmt: skip
    head = match[0][: match.start("lines") - match.start()]
    return re.sub(r"[^\n]", " ", head) + lines


def _result(match: re.Match[str]) -> str:
    code, unit = match["code"], match["unit"] or ""
    words = match["words"] or match["after"]
    before = _UNIT_LAST.search(words)
    if before and not unit:  # `weights MB 7.97`
        words, unit = words[: before.start()], before[1]
    formula = re.sub(r"^[ \t]*\w+[ \t]*=|\bprint\b|\bsum\b|'[^']*'|\"[^\"]*\"", "", code)
    if re.search(r"[A-Za-z_]", formula) or not re.search(r"\d", formula):  # of other lines' names
        printed = " ".join(re.findall(r"['\"]([^'\"]*)['\"]", code))
        total = "total" if _SUM_OF_NAMES.fullmatch(formula) else ""
        said = f"{printed or words} {total}: {match['number']}{unit}"
        return said.rjust(len(match[0])) if len(said) <= len(match[0]) else match[0]
    said = f"= {match['number']}{unit} {words}".rstrip(" :：")
    room = len(match[0]) - len(code)
    return code + said.rjust(room) if len(said) <= room else match[0]


def _sentence(match: re.Match[str]) -> str:
    """A comment of its own without its sign, where it says a number and what that is of."""
    rest = match["rest"]
    if about(rest) is None or not _SAYS_NUMBER.search(rest):
        return match[0]
    return f"{match['space']} {rest}"
