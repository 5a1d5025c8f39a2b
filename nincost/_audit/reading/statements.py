"""Cuts a written answer into statements: a calculation each, with the words around it.

A line may hold several, with commas or semicolons between them, and a calculation may go on in the
next line. Words, numbering, comments and notes in parentheses become spaces, so that what is left
is read by the strict grammar of `expression.py` at the same places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sized
from dataclasses import dataclass, replace

from nincost._audit.reading.things import THING_AFTER, THING_BEFORE, ends_in_bytes
from nincost._audit.reading.tokens import WORD_NUMBER, plain
from nincost._audit.reading.without_words import OPERATOR_BEFORE, without_words
from nincost._audit.reading.words import amount_in
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
        heads: whether it is a line of words alone, such as a heading.
    """

    start: int
    end: int
    before: str
    after: str
    context: str = ""
    first_in_line: bool = True
    names: int = 1
    heads: bool = False

    @property
    def words(self) -> str:
        return f"{self.before} {self.after}"


_NUMBERING = re.compile(
    r"\s*(?:[(（]\d{1,2}[)）](?=\s*[^\W\d_])|\d{1,2}[.)）、]{1,2}(?=\s|[^\W\d_])(?!\s*\d*\s*[-+*/=])"
    r"|\d{1,2}[a-f][.)）](?=\s+[^\W\d_])"
    r"|\d{1,2}[)）](?=\s+[\d(])"  # nothing was opened before it
    r"|[(（]\d[)）](?=\s+\d+\s?(?:[²³^*×·]|[xX]\s?\d))"  # `(1) 54²×96×...`
    r"|[-*•](?=\s+(?:=>|->|→|⇒))|\+(?=\s+[A-Za-z\u4e00-\u9fff][^\n\d]*(?:\([^()]*\)\s*)?(?:->|=>|→|[:：])\s*\d)"
    r"|[①-⑳](?=\s*)|[-*•·](?=\s+\S*[^\W\d_xX])(?!\s+[\d(]+[^\n:：]*$)|>>>)\s*"
)
_BULLET = re.compile(
    r"\s*(?P<mark>[-*•])\s+(?=[\d(][^\n]*(?:[=≈~]|[\u4e00-\u9fff]{2}|[A-Za-z]{3}))"
)
_GOES_ON = re.compile(r"[-+*/^(=~]\s*$")
_CONTINUES = re.compile(r"\s*(?:[-+/^)]|\*(?! *[^\W\d_]{2})|[xX](?![^\W\d_]))")
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#(?=\s)|//).*$", re.MULTILINE)
#: `…；2、计算量：…`, `答：(1) 参数量`: numbering within a line.
_ITEM = re.compile(
    r"(?<=[；;。])\s*(?:\d{1,2}[、.)）]|[(（]\d{1,2}[)）])\s*(?=[^\W\d_])"
    r"|(?<=[：:])\s*[(（]\d{1,2}[)）]\s*(?=[^\W\d_xX])"
)
#: `ci=1 co=96 k=11`: what a layer is made with.
_SETTINGS = re.compile(
    r"(?:\b[A-Za-z_]{1,12}\s*=\s*\d{1,4}\s*[,，、]?\s*){2,}(?=->|=>|→|[:：]|$)", re.MULTILINE
)
_SEPARATOR = re.compile(
    r"[。；;！!？?]|[，、](?![\uff10-\uff19])|,(?=\s|[^\x00-\x7f\d]|$|[A-Za-z]{3})|(?<=[^\d\W]),(?=\d)"
    r"|(?<=[\w)$])\.(?=\s|$)"
)
#: `1,992,166 parameters but 762,297,352 MACs`: what a number before it counts.
_NOUN = re.compile(
    r"\s*(?:(?:total|trainable|learnable) )?(?:parameters?|weights?)(?![A-Za-z])"
    r"(?!\s*[:=：]?\s*\d)",
    re.IGNORECASE,
)
#: `6.1MB 14MB`: no sign is between them.
_TWO_SIZES = re.compile(r"(?:(?<=[\dKMGi]B)|(?<=[万亿]))\s(?=\d)")
#: `1992166少223054`: a word of one character stood between.
_TWO_NUMBERS = re.compile(r"(?<=[\dkKMG万亿])\s(?=\d)")
_NO_LETTERS = re.compile(r"[\W\d_]+|[xX](?=[\s\d(])")
_WORDS_ADDED = re.compile(r"[-+*/=~≈][^\d\n]*[^\W\d_][^\d\n]*$")
#: A line under a column of numbers.
_RULE = re.compile(r"[-=_─—–+|\s]{3,}")
#: `third conv (1x1: 65,536 each) has`: a statement of its own.
_ASIDE = re.compile(
    r"[(（](?=[^()（）:：]*[^\W\d_][^()（）:：]*|\d{1,2}[x×]\d{1,2}\s*[:：])"
    r"[^()（）:：]{1,30}[:：]\s*\d[^()（）]*[)）]"
)
#: `the weights (1,992,166 x 4 bytes = 7.97 MB)`: a calculation with its result is no factor.
_EQUATION = re.compile(
    r"[(（](?=[^()（）]*\d\s*(?:[A-Za-z]{0,6}|字节|个|次)\s*[=≈＝]\s*\d)[^()（）=≈＝]*\d[^()（）]*[)）]"
)


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
    at, depth, open_end, listed = 0, 0, False, ""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        start, end = at, at + len(line)
        at = end
        bare = line.strip()
        if not bare or bare.startswith(("# ", "```", "%", "//")) or bare in ("$$", r"\[", r"\]"):
            continue
        if _RULE.fullmatch(bare):
            open_end = False
            continue
        seen = plain(line)
        item = _NUMBERING.match(line)
        bullet = _BULLET.match(line)
        after = "".join(lines[number + 1 : number + 2]).lstrip()[:2]
        in_list = bullet and (listed == bullet["mark"] or after == f"{bullet['mark']} ")
        if bullet and in_list and not (depth or open_end):
            start += bullet.end()  # `- 96²·54² = ...` under `- stage 1`: no minus
            item = bullet
        mark = re.match(r"\s*([-*•])\s", line)
        listed = mark[1] if mark else ""
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
            counted = _NO_LETTERS.sub(" ", text[one.start : one.end])  # `1992166个参数`
            context = f"{context} {one.before} {counted} {one.after}"[-_LONGEST_CONTEXT:]
            _check_number_of(found)
            calculated = calculated or one.end > one.start
    if found and not calculated:
        found[0] = replace(found[0], heads=True)
    return found


def _separated(text: str, line: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The clauses between commas, semicolons and full stops that stand in no parentheses."""
    begin, depth, at = start, 0, start
    marks = {match.start(): match.end() for match in _SEPARATOR.finditer(text, start, end)}
    asides = (*_ASIDE.finditer(text, start, end), *_EQUATION.finditer(text, start, end))
    for match in asides:
        if not OPERATOR_BEFORE.search(line, start, match.start()):
            marks = {a: b for a, b in marks.items() if not match.start() <= a < match.end()}
            marks |= {match.start(): match.start() + 1, match.end() - 1: match.end()}
    while at < end:
        if line[at] == "(" and at not in marks:
            depth += 1
        elif line[at] == ")" and at not in marks:
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
    seen = without_words(line, start, end)
    names = 1
    lead = re.match(r"[\s=~+*/()-]*[=~]", seen)  # `conv1 = conv2 = 9312`: names before each sign
    if lead and re.search(r"[^\W\d_]", line[start : start + lead.end()]):
        names = max(1, lead[0].count("="))
        if re.search(r"[+*/(-]", lead[0]):
            names = 1
        seen = " " * lead.end() + seen[lead.end() :]
    ends = end == len(text) or text[end] in "\r\n" or _SEPARATOR.match(text, end)
    if ends and _WORDS_ADDED.search(text, start, end):  # `7.97 MB + the largest output`
        seen = re.sub(r"[-+*/=~]\s*$", lambda m: " " * len(m[0]), seen)
    runs = _runs(seen, line[start:end])
    if not runs:
        yield Statement(end, end, text[start:end], "")
        return
    at = start
    thing_first = THING_BEFORE.search(text, start, start + runs[0][0])
    for index, (first, last) in enumerate(runs):
        first += len(seen[first:last]) - len(seen[first:last].lstrip("=~ ")) if index else 0  # noqa: PLW2901
        begin, stop = start + first, start + last
        noun = _NOUN.match(text, stop, end)
        if thing_first is None and index < len(runs) - 1 and ends_in_bytes(text, begin, stop):
            noun = THING_AFTER.match(text, stop, end)
        upto = end if index == len(runs) - 1 else noun.end() if noun else stop
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
        two = _TWO_SIZES.search(seen, first, last)  # `6.1MB 14MB`
        two = two or next(
            (m for m in _TWO_NUMBERS.finditer(seen, first, last) if not words[m.start()].isspace()),
            None,
        )
        if two and not joins:
            runs += [(first, two.start()), (two.end(), last)]
            continue
        if runs and not apart and (seen[runs[-1][1] - 1] in "+-*/^(=~" or joins):
            runs[-1] = (runs[-1][0], last)
            continue
        runs.append((first, last))
    return [(a, b) for a, b in runs if re.search(r"\d", seen[a:b]) or WORD_NUMBER.search(seen[a:b])]
