"""Numbers of an answer that are none of its own: dates, pages, exercises, and its title's."""

from __future__ import annotations

import re

from nincost._audit.reading.words import about, batches

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
#: No number goes on, and nothing is calculated with it.
_ALONE = r"(?![\d,.]*\d)(?!\s*(?:[-+*/^=×(（]|[xX]\s*\d))"
_DATES = (
    r"(?<![\d.])(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}(?![\d.,]*\d)(?:[ T]\d\d?:\d\d(?::\d\d)?)?",
    r"(?<!\d)(?:19|20)\d\d\s?年(?:\s?\d{1,2}\s?月)?(?:\s?\d{1,2}\s?[日号])?",
    r"(?<!\d)\d{1,2}\s?月\s?\d{1,2}\s?[日号]",
    rf"(?<![\d.,])\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+(?:19|20)\d\d)?",
    rf"(?<![A-Za-z]){_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?{_ALONE}(?:,?\s+(?:19|20)\d\d)?",
    r"(?<![\d:])\d{1,2}:\d\d:\d\d(?![\d:])",
    r"(?:(?<=[,，])|(?<=\s\s))\s*(?:[0-2]?\d|3[01])\s?[/／](?:[0-2]?\d|3[01])(?=\s*$)",
    r"(?<![\d.,])\d{1,3}\s+(?:years?|months?|weeks?|days?|hours?|minutes?)\b",
)
_PLACES = (
    r"\bpp?\.\s?\d+(?:\s?[-–]\s?\d+)?",
    r"\bpages?\s+\d+",
    r"第?\s?\d+\s?页",
    rf"\b(?:sheet|week|exercise|ex\.?|no\.|nr\.?|problem|assignment|homework|hw|lecture|chapter|task"
    rf"|tutorial)\s*#?\d{{1,3}}(?:\.\d{{1,2}})*(?:\s?\(\d\))?{_ALONE}",
    rf"\b(?:HW|Homework|Assignment|Sheet|Week|Lecture|Tutorial)\s*#?\d{{1,3}}(?:\.\d{{1,2}})*{_ALONE}",
    r"(?<![\d.])\d{1,2}(?:\.\d{1,2})+(?=\s?(?:那|这)?[道个]?(?:题|练习|习题))",
    r"(?<![\d.,])[1-5]0[5-9]0\s?(?:[Tt]i)?\s+\d{1,2}\s?GB?(?![A-Za-z])",  # a graphics card
    r"\b\d{1,2}(?:\.\d{1,2})+ (?:question|exercise|problem|task)s? \d{1,2}(?=[\s,.:])",
    r"\b(?:[Pp]ython|[Pp]y[Tt]orch|torch|CUDA|cuda|[Nn]um[Pp]y) v?\d+(?:\.\d+)+",
    r"(?<![\d.,x×*])\d+(?:\.\d+)?\s?(?:ms|s|秒|分钟|min)(?![A-Za-z\w])",
    rf"\b(?:lr|learning rate|momentum|weight decay|dropout)\s*(?:was|is|=|:|of)?\s*0?\.\d+{_ALONE}",
    rf"\bseed\s*(?:was|is|=|:|of)?\s*\d+{_ALONE}",
    rf"\b(?:loss|accuracy|acc)\b(?: after \d+ epochs?)?\s*(?:was|is|=|:|of)?\s*\d\.\d+{_ALONE}",
    rf"(?<=学号)\s?[:：]?\s?\d{{8,12}}{_ALONE}",
    rf"(?<=\s)#\d{{1,4}}{_ALONE}",
    r"(?:练习|习题|作业|题)\s?\d+(?:[.\-–]\d+)*\s?[(（]\d[)）]",
    rf"(?:练习|习题|作业|小组|学号(?:尾号)?|计科|课后题|题)\s?\d+(?:[.\-–]\d+)*{_ALONE}",
    r"(?<=stuck with )\d(?!\d)",
    r"(?<![\d.,])\d{1,4}\s?(?:班|级(?!别)|楼|届)",
    # a section of a book; `11.11.1 + 1` has dots for times signs
    r"(?<![\d.,*x×+/^-])\d{1,2}(?:\.\d{1,2}){2,}(?![\d.])(?!\s*[-+*/=)\]×x])",
    r"^(?:[ \t]*>)+[ \t]*\d{1,2}[.)][ \t]+(?=[^\W\d])",  # questions, quoted
    # `4.1 Parameters of NiN`, a heading; `第3、4小问`; `(3)(4) 内存`; `encountered 3 time(s)`
    r"^[ \t]*\d{1,2}\.\d{1,2}[ \t]+(?=[A-Z][a-z]+ [a-z]|(?!百?万|亿|千)[\u4e00-\u9fff]{2})"
    r"(?!\d[\d.]*[ \t]+(?:Mega|Giga|Mill|Bill))",
    r"(?:第\s?)?\d(?:\s?[、,，和]\s?\d){0,6}\s?(?:小问|小题)|第\s?\d(?:\s?[、,，和]\s?\d){0,6}\s?[问题]",
    r"(?<![\w)*×])(?:[(（]\d[)）]){2,}(?=\s*[^\W\d])(?!\s?[xX]\s?\d)",
    r"(?<![\d.,])\d{1,3}\s+time\(s\)",
    r"(?<=[?.]\s)\d{1,2}\.[ \t](?=[A-Z][a-z]+ [a-z])|(?<=\?\s)\d{1,2}\.[ \t](?=[a-z]+ [a-z])",
)
#: What a run was like, and on what: no cost of the model.
_RUNS = (
    r"(?i:\b(?:lr|learning[ -]rate|(?:random )?seed|学习率|(?:随机)?种子))"
    r"\s*(?:was|is|of|[=:：为是取])?\s*\d+(?:\.\d+)?(?:e-?\d+)?",
    r"(?i:\b(?:loss|acc(?:uracy)?))\b(?: (?:after|at|of|was|is))?(?: \d+ epochs?)?"
    r"\s?[,=:]?\s?0?\.\d+",
    r"(?<![\d.,])\d{1,4}\s?(?:epochs?\b|轮)",
    r"(?<![A-Za-z])(?:GTX|RTX|GeForce|Tesla|Quadro)\s?\d{3,4}(?:\s?(?:Ti|Super))?",
    r"(?<![\d.,])\d{1,3}\s?G[Bb]?\s?(?:cards?\b|GPUs?\b|的?(?:显卡|卡(?!住)))",
)
#: Code that makes an input or counts, and a notebook's numbers.
_CODE = (
    r"\btorch\.(?:randn?|zeros|ones|empty)\([^()\n]*\)",
    r"\b(?:depth|verbose|col_width)\s?=\s?\d+",
    r"(?<=parameters\(\)\))[ \t]*\*[ \t]*4[ \t]*/[ \t]*[\d*^e]+",
    r"^[ \t]*(?:In|Out)\s?\[\d*\]:?",
    r"^[A-Z][A-Z_]+[ \t]*=[ \t]*\d{1,4}(?=[ \t]*(?:#|$))",
)
_INCIDENTAL = re.compile(
    "|".join(f"(?:{one})" for one in (*_DATES[1:], *_PLACES, *_RUNS, *_CODE)), re.MULTILINE
)
_FULL_DATE = re.compile(_DATES[0])
_SMALL = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d)?(?![\d.,]*\d)")
_FEWEST_LINES = 3


def without_incidental(text: str) -> str:
    """The text with such numbers made spaces, as long as before."""

    def blank(match: re.Match[str]) -> str:
        return " " * len(match[0])

    text = _FULL_DATE.sub(blank, text)
    text = _INCIDENTAL.sub(blank, text)
    return _without_numbers_of_title(text)


def _without_numbers_of_title(text: str) -> str:
    """`Discussion 7.3 - resources`: the first of some lines, where it says no amount."""
    lines = text.splitlines(keepends=True)
    written = [place for place, line in enumerate(lines) if line.strip()]
    if len(written) < _FEWEST_LINES:
        return text
    title = lines[written[0]]
    bare = _SMALL.sub("", title)
    calculates = re.search(r"[=≈|\d]|->|→|[:：]\s*\d|\d\s*[*x×]\s*\d", bare.replace("1×1", ""))
    letters = re.search(r"[^\W\d_]{2}", title)
    says = about(title) is not None or bool(batches(title)) or title.strip()[-1] in ":："
    if calculates or not letters or says or not _is_a_title(title):
        return text
    lines[written[0]] = re.sub(r"\d", " ", title)
    return "".join(lines)


def _is_a_title(line: str) -> bool:
    """Whether no layer or block is named in it, nor a product or a sum written."""
    return not re.search(
        r"block|conv|layer|块|层|卷积|pool|池化|\d\s*[-+*x×/]\s*[\d(]|[:：]\s*\d",
        line,
        re.IGNORECASE,
    )
