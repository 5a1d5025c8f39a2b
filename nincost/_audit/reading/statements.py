"""Cuts a written answer into statements: a calculation each, with the words around it.

A line may hold several, with commas or semicolons between them, and a calculation may go on in the
next line. Words, numbering, comments and notes in parentheses become spaces, so that what is left
is read by the strict grammar of `expression.py` at the same places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sized
from dataclasses import dataclass

from nincost._audit.reading.tokens import WORD_NUMBER, plain
from nincost._audit.reading.words import SIZE_FORMULA, amount_in, batches
from nincost.errors import ExpressionError

MAX_STATEMENTS = 2_000
_LONGEST_CONTEXT = 300  # characters of a line that are kept for what comes after


@dataclass(frozen=True, slots=True)
class Statement:
    """A calculation of an answer, or words without one.

    Attributes:
        start, end: where the calculation stands; equal where there is none.
        before, after: the words around it, as typed.
        context: the words of its line before those.
        first_in_line: whether nothing that was calculated stands before it in its line.
        names: how many names stand before it with equals signs, as in `conv1 = conv2 = 9312`.
    """

    start: int
    end: int
    before: str
    after: str
    context: str = ""
    first_in_line: bool = True
    names: int = 1

    @property
    def words(self) -> str:
        return f"{self.before} {self.after}"


_NUMBERING = re.compile(
    r"\s*(?:[(（]\d{1,2}[)）](?=\s*[^\W\d_])|\d{1,2}[.)）、](?=\s|[^\W\d_])(?!\s*\d*\s*[-+*/=])"
    r"|[①-⑳](?=\s*)|[-*•·](?=\s+\S*[^\W\d_xX])(?!\s+[\d(]+[^\n:：]*$)|>>>)\s*"
)
_GOES_ON = re.compile(r"[-+*/^(=~]\s*$")
_CONTINUES = re.compile(r"\s*(?:[-+/^)]|\*(?! *[^\W\d_]{2})|[xX](?![^\W\d_]))")
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#(?=\s)|//).*$", re.MULTILINE)
#: `…；2、计算量：…`: numbering within a line.
_ITEM = re.compile(r"(?<=[；;。])\s*(?:\d{1,2}[、.)）]|[(（]\d{1,2}[)）])\s*(?=[^\W\d_])")
#: `ci=1 co=96 k=11`: what a layer is made with.
_SETTINGS = re.compile(
    r"(?:\b[A-Za-z_]{1,12}\s*=\s*\d{1,4}\s*[,，、]?\s*){2,}(?=->|=>|→|[:：]|$)", re.MULTILINE
)
_SEPARATOR = re.compile(
    r"[。；;！!？?]|[，、](?![\uff10-\uff19])|,(?=\s|[^\x00-\x7f\d]|$)|(?<=[^\d\W]),(?=\d)"
    r"|(?<=[\w)])\.(?=\s|$)"
)
_SAME_TWICE = re.compile(  # `1x1 conv`, `11*11卷积`: a kernel's name
    r"(?<![\d*xX^(.+])(?<!\+ )(\d{1,3})\s?[*xX](?:\s?| {4,6})\1(?![\d*^/+.)])"
    r"(?=\s*(?:(?![xX]\s?\d)[^\W\d_]|的|$|[:(])|\s+\d)"
)
_OPERATOR_BEFORE = re.compile(r"(?:[*^/+]|[\d)]\s*[xX])\s*$")
_A_CONV = re.compile(r"^[^:]*(?<!\d)(\d{1,2})\s?[*xX]\s?\1(?!\d)[^:]*:.*\d")
_WORD = re.compile(
    r"第\s*(?:\d+|[一二三四五六七八九十]+)\s*(?:个|块|层|题|节|章|步)*|\d+(?:st|nd|rd|th)\b"
    r"|(?:stride|padding|pad|kernel(?:[ _]size)?|步幅|步长|填充)\s*(?:=|为|是|of)?\s*\d{1,2}"
    r"(?![\d*/.])(?!\s*[*/xX×])"
    r"|D2L\s+\d+(?:\.\d+)*|\d+(?:\.\d+)?\s*%|\d+(?:\.\d+)+\s*节"
    r"|(?:block|stage|layer|exercise|question|chapter|section|figure|net|nin|ex|q)\s*[#.]?\s*"
    r"\[?\d+(?:\.\d+)?\]?(?![\d*x])"
    r"|[A-Za-z_]\w*\.[A-Za-z_][\w.]*\w|[A-Za-z_]+\d+[xX]\d+_\d+"
    r"|(?<![\d.])[A-Za-z_][A-Za-z_]*(?:[-._]?\d+(?!\s*[*xX]\s*\d))?(?:[._][A-Za-z_]*\w*)*"
    r"|(?![⁰¹²³⁴⁵⁶⁷⁸⁹])[^\x00-\x7f\W\d]",
    re.IGNORECASE,
)
_NUMBER_WITH_UNIT = re.compile(
    r"(?:\d[\d,_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
    r"(?:\s*(?:[kKMGTB](?![A-Za-z])|[KMGT](?=(?:FLOP|MAC|flop|mac|Mac))|万|亿|million\b|billion\b"
    r"|[kKMGT]i?[bB](?![A-Za-z])|bytes?\b|Bytes?\b|字节))?"
    r"(?:\s*(?:fl?ops?\b|macs?\b|params?\b|个?参数|次乘加|次乘法|次运算|次|个))?",
    re.IGNORECASE,
)
_SYMBOLS = re.compile(  # `FLOPs = 2 * MACs = ...`: a formula with names in the place of numbers
    r"(?<==)\s*(?:\d+\s*[*xX]\s*)?(?:fl?ops?|macs?|params?|乘加(?:次数)?|参数(?:量)?)"
    r"(?:\s*[*xX]\s*\d+)?\s*=",
    re.IGNORECASE,
)
_IN_A_NAME = re.compile("[A-Za-z_]")
_PUNCTUATION = re.compile(r"[:?!\"'“”‘’…<>\[\]|_`;,⌊⌋⌈⌉。、|#]|\.(?!\d)")
#: Operators in words, before a number: `weights plus 256 biases`, `再加上 96`.
_WORD_OPERATORS = (
    (re.compile(r"(?<=[\s\d)])plus(?=\s+[\d(])|(?<!乘)加上?(?=\s*[\d(])", re.IGNORECASE), "+"),
    (re.compile(r"(?<=[\s\d)])times(?=\s+[\d(])|乘以(?=\s*[\d(])", re.IGNORECASE), "*"),
)
#: `1992166 floats x 4 B`: what is counted, between a number and its sign.
_COUNTED = re.compile(
    r"(?<=\d)\s*(?:(?!million|billion|thousand|bytes|flops|macs|[kmgt]ib\b)[A-Za-z]{3,}|(?![万亿字])"
    r"[\u4e00-\u9fff]{1,4})(?=\s*(?:[*/]|[xX](?![A-Za-z]))\s*[\d(])",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"\(\s*\)")
_NOTE = re.compile(r"\([^()]*\)")
_RESTATED = re.compile(r"\(([~=][^()]*)\)")  # `1,992,166 (~1.99M)`
_RESTATED_ROUNDED = re.compile(  # `25690112 bytes (24.5 MiB)`, `11.69M (1168.95万)`
    r"(?<=[\dkKMGTBb万亿个数节节s])( ?)\((\s*\d[\d,]*(?:\.\d+)?\s*"
    r"(?:[kKMGT]i?B?|万|亿|[kKMGT]?字节|bytes|million|billion)\s*)\)"
)
_LETTERS = re.compile(r"(?![⁰¹²³⁴⁵⁶⁷⁸⁹])[^\W\d_]")


def statements(text: str) -> tuple[str, list[Statement]]:
    """The text with all but its calculations made spaces, and its statements in order.

    Raises:
        ExpressionError: there are more than 2,000.
    """
    for pattern in (_COMMENT, _ITEM, _SETTINGS):
        text = pattern.sub(lambda m: " " * len(m[0]), text)
    line = plain(text)
    masked = list(" " * len(line))
    found: list[Statement] = []
    for start, end in _stretches(text):
        found += _of_stretch(text, line, start, end, masked)
        _check_number_of(found)
    return "".join(masked), found


def _check_number_of(found: Sized) -> None:
    if len(found) > MAX_STATEMENTS:
        raise ExpressionError(
            f"the answer has more than {MAX_STATEMENTS:,} statements: grade a part of it"
        )


def _stretches(text: str) -> list[tuple[int, int]]:
    """Where each statement stands: a line, or several where one goes on in the next."""
    found: list[tuple[int, int]] = []
    at, depth, open_end = 0, 0, False
    for line in text.splitlines(keepends=True):
        start, end = at, at + len(line)
        at = end
        bare = line.strip()
        if not bare or bare.startswith(("# ", "```", "%", "//")) or bare in ("$$", r"\[", r"\]"):
            continue
        seen = plain(line)
        item = _NUMBERING.match(line)
        goes_on = bool(found) and (depth > 0 or open_end or (_CONTINUES.match(seen) and not item))
        if goes_on and not seen.lstrip().startswith(("=", "~")):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
            depth = 0
        depth = max(0, depth + seen.count("(") - seen.count(")"))
        open_end = bool(_GOES_ON.search(seen.rstrip().rstrip("\\").rstrip()))
    return [(start, start + len(text[start:end].rstrip())) for start, end in found]


def _of_stretch(text: str, line: str, start: int, end: int, masked: list[str]) -> list[Statement]:
    numbering = _NUMBERING.match(text, start, end)
    if numbering and numbering.end() < end:
        start = numbering.end()
    found: list[Statement] = []
    context, calculated = "", False
    for begin, stop in _separated(text, line, start, end):
        for one in _of_clause(text, line, begin, stop, masked):
            found.append(
                Statement(
                    one.start, one.end, one.before, one.after, context, not calculated, one.names
                )
            )
            context = f"{context} {one.before} {one.after}"[-_LONGEST_CONTEXT:]
            _check_number_of(found)
            calculated = calculated or one.end > one.start
    return found


def _separated(text: str, line: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The clauses between commas, semicolons and full stops that stand in no parentheses."""
    begin, depth, at = start, 0, start
    marks = {match.start(): match.end() for match in _SEPARATOR.finditer(text, start, end)}
    while at < end:
        if line[at] == "(":
            depth += 1
        elif line[at] == ")":
            depth = max(0, depth - 1)
        if at in marks and not depth:
            yield begin, at
            begin = marks[at]
        at += 1
    if begin < end:
        yield begin, end


def _of_clause(
    text: str, line: str, start: int, end: int, masked: list[str]
) -> Iterator[Statement]:
    """The calculations of a clause, each with the words before it."""
    seen = _without_words(line, start, end)
    names = 1
    lead = re.match(r"[\s=~+*/()-]*[=~]", seen)  # `conv1 = conv2 = 9312`: names before each sign
    if lead and re.search(r"[^\W\d_]", line[start : start + lead.end()]):
        names = max(1, lead[0].count("="))
        if re.search(r"[+*/(-]", lead[0]):
            names = 1
        seen = " " * lead.end() + seen[lead.end() :]
    runs = _runs(seen, line[start:end])
    if not runs:
        yield Statement(end, end, text[start:end], "")
        return
    at = start
    for index, (first, last) in enumerate(runs):
        first += len(seen[first:last]) - len(seen[first:last].lstrip("=~ ")) if index else 0  # noqa: PLW2901
        begin, stop = start + first, start + last
        upto = end if index == len(runs) - 1 else stop
        masked[begin:stop] = seen[first:last]
        yield Statement(begin, stop, text[at:begin], text[stop:upto], names=names)
        at, names = upto, 1


def _runs(seen: str, words: str) -> list[tuple[int, int]]:
    """Stretches that are a calculation each: operators join what stands apart."""
    runs: list[tuple[int, int]] = []
    for match in re.finditer(r"\S+(?:\s\S+)*", seen):
        first, last = match.span()
        joins = seen[first] in "+-*/^)=~" or re.match(r"[xX](?=[\s\d(])", seen[first:])
        # `macs = 762297352 and params = 1992166` are two.
        apart = bool(runs) and seen[first] in "=~" and amount_in(words[runs[-1][1] : first])
        if runs and not apart and (seen[runs[-1][1] - 1] in "+-*/^(=~" or joins):
            runs[-1] = (runs[-1][0], last)
            continue
        runs.append((first, last))
    return [(a, b) for a, b in runs if re.search(r"\d", seen[a:b]) or WORD_NUMBER.search(seen[a:b])]


def _without_words(line: str, start: int, end: int) -> str:
    """A clause with words, kernels' names, notes and punctuation made spaces."""
    seen = line[start:end]

    def blank(match: re.Match[str]) -> str:
        return " " * len(match[0])

    for first, last, _ in batches(seen):
        before = seen[:first].rstrip()
        if before.endswith("*"):  # `x 128 (batch)`: the number is part of the calculation
            digits = re.search(r"\d+", seen[first:last])
            keep = first + (digits.end() if digits else 0)
            seen = seen[:keep] + " " * (last - keep) + seen[last:]
        else:
            seen = seen[:first] + " " * (last - first) + seen[last:]
    seen = _SYMBOLS.sub(blank, seen)
    colon = re.search(r":", seen)
    if (
        colon
        and re.search(r"\d", seen[colon.end() :])
        and not SIZE_FORMULA.search(seen[: colon.start()])
    ):
        seen = " " * colon.end() + seen[colon.end() :]
    seen = _COUNTED.sub(blank, seen)
    for pattern, operator in _WORD_OPERATORS:
        seen = pattern.sub(lambda m, sign=operator: sign.ljust(len(m[0])), seen)  # type: ignore[misc]
    seen = _RESTATED.sub(lambda m: f" {m[1]} ", seen)
    seen = _RESTATED_ROUNDED.sub(lambda m: f"{m[1]}~{m[2]} ", seen)
    for _ in range(4):
        seen = _NOTE.sub(lambda m: blank(m) if _is_note(m[0]) else m[0], seen)
    without_names = _SAME_TWICE.sub(
        lambda m: m[0] if _OPERATOR_BEFORE.search(seen, 0, m.start()) else blank(m), seen
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
    if re.search(r"[-+*/^()=~]", seen):
        return seen
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
