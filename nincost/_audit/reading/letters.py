"""Letters that an answer writes for amounts: `P_i for the parameters`, `M = 7.6e8 MACs`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nincost._audit.reading.words import amount_in
from nincost._closed_form.cost_terms import Quantity

_LETTER = r"(?<![A-Za-z\\{])(?P<letter>[A-Z])(?:_\{?\w\}?)?"
#: `$P_i$ for the parameters`, `P is the number of parameters`, `N_i: 参数`.
_MEANS = re.compile(
    rf"{_LETTER}\$?\s*(?:for|is|are|be|denotes?|means?|表示|为|是|代表|[:：])\s*(?P<what>[^\n,.;，。；=]{{3,60}})"
)
#: `M &= 7.623\times 10^{8}~\text{MACs}`: the last result in a line, with its name.
_RESULT = re.compile(
    rf"^\W*{_LETTER}\s*&?=(?P<value>[^\nA-Z]*?)(?:\\[a-z]+\{{|~|\s)*(?P<what>MACs?|FLOPs?|params?\b|parameters"
    r"|次乘加|个参数)",
    re.MULTILINE,
)
_BEFORE = re.compile(r"(?:^|[\s&$,;，；])(?P<letter>[A-Z])(?:_\{?\w\}?)?\s*&?\s*[=≈]\s*&?\s*$")


def letters_in(text: str) -> dict[str, Quantity]:
    """What each such letter stands for."""
    found: dict[str, Quantity] = {}
    for pattern in (_MEANS, _RESULT):
        for match in pattern.finditer(text):
            what = amount_in(match["what"])
            if what is not None:
                found.setdefault(match["letter"], what)
    return found


def of_letter(before: str, letters: Mapping[str, Quantity]) -> Quantity | None:
    """The amount of what comes after `M_1 &= `."""
    match = _BEFORE.search(before)
    return letters.get(match["letter"]) if match else None


def without_multiples(text: str, letters: Mapping[str, Quantity]) -> str:
    """`2M = 1.525e9 FLOPs` without the multiple of a letter, which is no two million."""
    if not letters:
        return text
    names = "".join(letters)
    pattern = rf"(?<![\d.A-Za-z])\d\s?(?:\\cdot\s?|\*\s?)?[{names}](?=\s*&?\s*[=≈])"
    return re.sub(pattern, lambda m: " " * len(m[0]), text)
