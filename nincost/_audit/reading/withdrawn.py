"""Numbers that a writer takes back, or only asks about: they are not part of the answer.

`11,616... no wait, biases. 11,712`, `I had 884,736, forgot the bias. 885,120`, `or is it 1.52?`,
and a line `typo` below a number that the next line gives again. Each character keeps its place.
"""

from __future__ import annotations

import re

_NUMBER = r"(?<![\d.,])\d[\d,]*(?:\.\d+)?(?:\s?[kKMG万亿](?![A-Za-z]))?(?![\d.,]*\d)"
_WITHDRAWN = re.compile(
    rf"(?P<number>{_NUMBER})(?=\s*(?:\.{{2,}}|…|[,，?？—-])?\s*"
    r"(?:no,? wait|wait,? no|oops|scratch that|哦?不对|错了)[^\n\d]*\d)",
    re.IGNORECASE,
)
_HAD = re.compile(
    r"(?:\bI (?:first )?had|\bat first I (?:had|got)"
    r"|一开始(?:写|算)[了的成]?|起初(?:写|算)[了的成]?)\s*"
    rf"(?P<number>(?:[\d(][\d ,*+×x^/()-]*=\s*)?{_NUMBER})"
    r"(?=[^\n]{0,60}?(?:\bforgot|\bmissed|\bwrong|\bno,? wait|忘|漏|错)[^\n]*\d)",
    re.IGNORECASE,
)
_ASKED = re.compile(
    rf"(?:\bor is it|\bor was it|还是说?)\s*(?P<number>{_NUMBER})(?=\s*[?？])", re.IGNORECASE
)
#: In a chat: `A: I get 55x55`, and the next says `B: no, it is 54x54`.
_DENIED = re.compile(
    r"(?<![\d.,x×*])(?P<number>\d[\d,.]*(?:\s?[x×*]\s?\d+){0,2}\s?[kKMG万亿]?)[^\n\d=]{0,40}\n"
    r"(?=[ \t]*[^\s:：\d]{1,12}\s?[:：][ \t]*"
    r"(?:不是|不对|错了|你算错|no\b|nope\b|wrong\b|not quite\b|that's wrong\b)[^\n]*\d)",
    re.IGNORECASE,
)
_TYPO = re.compile(
    rf"(?P<number>{_NUMBER})[ \t]*\n[^\n\d]*(?:\btypo\b|\boops\b|打错|写错|笔误)[^\n\d]*\n"
    rf"(?=[ \t]*{_NUMBER}[ \t]*(?:$|\n))",
    re.IGNORECASE,
)


def without_withdrawn(text: str) -> str:
    """The text with such numbers made spaces."""

    def blank(match: re.Match[str]) -> str:
        first, last = match.start("number") - match.start(), match.end("number") - match.start()
        return match[0][:first] + " " * (last - first) + match[0][last:]

    for pattern in (_WITHDRAWN, _HAD, _ASKED, _DENIED):
        text = pattern.sub(blank, text)
    # In one line, so that what was said of the first number is said of the next.
    return _TYPO.sub(lambda m: " " * len(m[0]), text)
