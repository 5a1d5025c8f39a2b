"""What a notebook, a console or a chat puts around an answer: prompts, code, times, printed tuples.

Each character keeps its place, but for those of a tuple and of the line that names its elements.
"""

from __future__ import annotations

import re

from nincost._audit.reading.words import amount_in

#: `[21:14]` at the beginning of a line; `In [4]:`, `Out [4]:`.
_STAMP = re.compile(
    r"^[ \t]*(?:[\[(【]\d{1,2}:\d\d(?::\d\d)?[\])】][ \t]*|(?:In|Out)[ ]?\[[\d ]*\]:?)",
    re.MULTILINE,
)
_FENCE = re.compile(
    r"^[ \t]*```(?:python|py|ipython)[^\n]*\n(?P<code>.*?)^[ \t]*```", re.DOTALL | re.M
)
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)[ \t](?P<code>[^\n]*)$", re.MULTILINE)
#: A call with a name, a loop: what it comes to stands below it, if at all.
_CALLS = re.compile(
    r"[A-Za-z_]\w*\([^()\n]*[A-Za-z_]|\bfor\b.*\bin\b|\bimport\b|^\s*(?:def|with|class|return)\b"
    r"|\.\w+\(\)"
)
#: `sum(ps) * 4 / 2**20`: what it comes to stands below it.
_OF_NAMES = re.compile(r"^[ \t]*(?:sum|len|max)\([a-z_]\w*\)[ \t]*[-+*/\d. \t]*(?=#|$)", re.M)
#: `[11712, 9312, 9312]`, printed.
_PRINTED_LIST = re.compile(
    r"^((?:Out ?\[\d*\]:?)?[ \t]*)\[((?:\d{2,}, ?)+\d{2,})\][ \t]*$", re.MULTILINE
)
_PRINTS_FORMAT = re.compile(
    r"^[ \t]*print\((?=[^\n]*[%{]\S*[fd}])(?=[^\n]*[A-Za-z_]\w*[ *+/)])[^\n]*\)[ \t]*$", re.M
)
_ELEMENT = r"[ \t]*'?\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?[ ]?[kKMGT]?i?B?[ \t]*'?"
#: `(762297612.0, 1992166.0)`, alone in its line.
_TUPLE = re.compile(
    rf"(?P<before>^[^\n]*\n)(?P<between>(?:[ \t]*\n|[ \t]*```[^\n]*\n|Out ?\[\d*\]:?[ \t]*\n)*)"
    rf"[ \t]*\((?P<all>{_ELEMENT}(?:,{_ELEMENT})+),?\)[ \t]*$",
    re.MULTILINE,
)
_NAMES = re.compile(r"[A-Za-z_]\w*(?:[ ]?,[ ]?[A-Za-z_]\w*)+")
_MEBI = re.compile(r"/\s*\(?\s*(?:2\s?\*\*\s?20|1024\s?\*\*\s?2|1024\s?/\s?1024)")
_MEGA = re.compile(r"/\s*(?:1e6|10\s?\*\*\s?6|1_?000_?000)")
_LARGE = 4  # digits of a number that is no size


def without_session(text: str) -> str:
    """The text with prompts, times and code that only calls something made spaces."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    text = _TUPLE.sub(_one_by_one, text)
    text = _OF_NAMES.sub(blank, text)
    text = _PRINTED_LIST.sub(
        lambda m: m[0] if not re.search(r"\d{4}", m[2]) else f"{m[1]} {m[2]} ", text
    )
    text = _STAMP.sub(blank, text)
    text = _FENCE.sub(lambda m: _without_calls(m[0]), text)
    text = _PROMPT.sub(lambda m: blank(m) if _CALLS.search(m["code"]) else m[0], text)
    return _PRINTS_FORMAT.sub(blank, text)


def _without_calls(code: str) -> str:
    return "".join(
        re.sub(r"[^\n]", " ", line) if _CALLS.search(line) and "#" not in line else line
        for line in code.splitlines(keepends=True)
    )


def _one_by_one(match: re.Match[str]) -> str:
    """The elements of a printed tuple, each with its name from the line above."""
    values = [one.strip(" \t'") for one in match["all"].split(",")]
    if not any(len(re.sub(r"\D", "", one)) >= _LARGE for one in values):
        return match[0]  # a shape
    names = _names_above(match["before"], len(values))
    said = "; ".join(
        f"{name} {one}{unit}".strip() for (name, unit), one in zip(names, values, strict=True)
    )
    room = len(match[0])
    if not any(name for name, _ in names):
        before = f"{match['before']}{match['between']}"
        return (
            before + said.rjust(room - len(before)) if len(said) <= room - len(before) else match[0]
        )
    lines = match[0].count("\n")
    return "\n" * lines + said.rjust(room - lines) if len(said) <= room - lines else match[0]


def _names_above(line: str, count: int) -> list[tuple[str, str]]:
    """A name and a unit for each element, as the code says that printed it."""
    for match in _NAMES.finditer(line):
        names = [one.strip() for one in match[0].split(",")]
        if len(names) == count and any(map(amount_in, names)):
            return [(name, "") for name in names]
    parts = _elements(line)
    if len(parts) != count or "numel" not in line:
        return [("", "")] * count
    found = []
    for part in parts:
        unit = " MiB" if _MEBI.search(part) else " MB" if _MEGA.search(part) else ""
        found.append(("params" if "numel" in part else "", unit))
    return found


def _elements(line: str) -> list[str]:
    """What stands between the commas that are in no parentheses."""
    found, depth = [""], 0
    for character in line.strip():
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return found
