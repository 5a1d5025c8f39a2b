"""Cuts a written calculation into tokens, in the notations that people use.

Full-width characters, `x`, `×`, `·`, LaTeX's `\\times` and `\\cdot`, superscripts, thousands
separators (`1,992,166`, `1{,}992{,}166`, `1_992_166`), SI prefixes (`1.99M`), numbers in words
(`two million`, `两百万`) and units after a number (`FLOPs`, `个参数`, `MiB`) are all understood.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NoReturn

from nincost.errors import ExpressionError

MAX_CHARACTERS = 100_000
MAX_DIGITS = 40

TokenKind = Literal["number", "+", "-", "*", "/", "^", "(", ")", "=", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text from `start` to `end`.

    Attributes:
        value: of a number, exact.
        unit: the value of a number's last digit where it was written as a rounded figure
            (`2.469e10`: 10,000,000), else 0.
        rounded: whether an `=` means "about", as `~` does.
    """

    kind: TokenKind
    start: int
    end: int
    value: Fraction = Fraction(0)
    unit: Fraction = Fraction(0)
    rounded: bool = False


#: One character for one character, so that positions stay those of the text as typed.
_SAME_LENGTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_SAME_LENGTH |= {
    ord(character): plain
    for plain, characters in {
        " ": "\u3000\t\r\n\u200b\ufeff$&", "*": "×·∙⋅•✕✖∗＊⨯", "-": "−–—‒﹣", "+": "﹢", "/": "÷∕",
        "(": "（[【〔{", ")": "）]】〕}", "=": "＝→⇒⟶➜", "~": "≈≃∼≅～", ",": "，",
    }.items()
    for character in characters
}  # fmt: skip
_SUPERSCRIPTS = {ord(c): str(i) for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}

#: `8mb weights`, typed on a phone.
_SMALL_UNIT = re.compile(r"(?:(?<=\d)|(?<=\d ))([kmg])(i?)b(?![A-Za-z])")
_UNDERBRACE = re.compile(r"\\(?:under|over)brace(?=\s*\{)|(?<=\})[_^]\{[^{}]*\}")
_LATEX = re.compile(
    r"\\(?:(?:times|cdot|ast|left|right|approx|sim|quad|qquad|displaystyle|div"
    r"|text|textbf|textrm|mathrm|mathbf|mathit|boldsymbol|operatorname)(?![a-zA-Z])"
    r"|[,;:! ()\[\]])"
)
_LATEX_MEANS = {"times": "*", "cdot": "*", "ast": "*", "approx": "~", "sim": "~", "div": "/"}
_DIGITS = r"(?:\d{1,3}(?:(?:,|_|'|[\u00a0\u2009\u202f])\d{3})+(?!\d)|\d+)"
_NUMBER = re.compile(rf"(?P<digits>{_DIGITS}(?:\.\d+)?|\.\d+)(?:[eE](?P<power>[+-]?\d+))?")
_UNIT = re.compile(
    r"\s*(?P<si>[kKMGTB](?![a-zA-Z])|[KMGT](?=(?:FLOP|MAC|flop|mac))|[百千]万|万|亿|million|billion)?"
    r"\s*(?P<word>(?:fl?ops?|macs?|params?|parameters?|multiply[- ]adds?|multiplications?)\b"
    r"|个?参数|次乘加|次乘法|次运算|次|个)?",
    re.IGNORECASE,
)
_SCALE = {
    "k": 3, "m": 6, "g": 9, "b": 9, "t": 12, "million": 6, "billion": 9,
    "百万": 6, "千万": 7, "万": 4, "亿": 8,
}  # fmt: skip
_BYTES = re.compile(
    r"\s*(?:(?P<prefix>[kKMGT])(?P<binary>i?)(?:[bB](?:ytes?)?|字节)|[bB]ytes?|字节)(?![A-Za-z])"
)
#: `128 B = 1.62 GB`: a B is a billion only where nothing else is in bytes.
_B_ALONE = re.compile(r"\s*(?P<prefix>)(?P<binary>)B(?![A-Za-z])")
_BYTES_SOMEWHERE = re.compile(
    r"\d\s*(?:[KMGTkmgt]i?B|[bB]ytes?|字节)(?![A-Za-z])|(?<![\d.])[248] ?B(?![A-Za-z])"
)
#: `7,968,664 B`: nobody counts so many billions.
_WHOLE_B = re.compile(
    r"(?:\d{1,3}(?:,\d{3})+|\d{4,}) ?B(?![A-Za-z])(?!\s*(?:FLOP|MAC|param|mult|op))", re.IGNORECASE
)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
_ENGLISH = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
_CHINESE = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2}
#: A number in words; only before a word for a power of ten, as `two of them` is no calculation.
WORD_NUMBER = re.compile(
    rf"(?P<english>{'|'.join(_ENGLISH)})(?P<hundred> hundred)? "
    r"(?P<scale>million|billion|thousand)\b"
    r"|(?P<chinese>[一二两三四五六七八九十百千]+)(?P<ten>[万亿])"
    r"(?:(?<=亿)零?(?P<more>[一二两三四五六七八九十百千]+)万)?",
    re.IGNORECASE,
)
_SUPER = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")


def plain(text: str) -> str:
    """The text with the characters that mean the same made the same; its length stays."""
    if "brace" in text:  # what stands below a brace says its value again
        text = _UNDERBRACE.sub(lambda m: " " * len(m[0]), text)
    text = text.replace("{,}", "\x00,\x00").replace("->", "= ").replace("=>", "= ")
    text = text.replace(">>>", "   ").translate(_SAME_LENGTH)
    text = _SMALL_UNIT.sub(lambda m: f"{m[1].upper()}{m[2]}B", text)

    def latex(match: re.Match[str]) -> str:
        word = match[0][1:]
        return _LATEX_MEANS.get(word, " ").ljust(len(match[0]))

    return _LATEX.sub(latex, text)


def tokenize(
    text: str,
    start: int = 0,
    end: int | None = None,
    *,
    line: str | None = None,
    binary: bool = False,
) -> list[Token]:
    """The tokens of `text[start:end]`; their places count from the beginning of `text`.

    Args:
        line: what to read in the place of `text`, as long, such as the text without its words;
            `text` is what errors show.
        binary: whether MB means 2**20 bytes, as some tools have it, and not 10**6.

    Raises:
        ExpressionError: a character or word that is no part of a calculation, or a text, number or
            exponent that is larger than anybody writes by hand.
    """
    check_length(text)
    end = len(text) if end is None else end
    line = plain(text) if line is None else line
    tokens: list[Token] = []
    at = start
    while at < end:
        character = line[at]
        if character in " \x00":
            at += 1
        elif (character.isdigit() and character.isascii()) or character == ".":
            token = _number(text, line, at, end, binary)
            tokens.append(token)
            at = token.end
        elif character in "+-/^()=":
            tokens.append(Token(character, at, at + 1))  # type: ignore[arg-type]
            at += 1
        elif character in "*xX":
            size = 2 if line.startswith("**", at) else 1  # Python's power
            tokens.append(Token("^" if size == 2 else "*", at, at + size))
            at += size
        elif character == "~":
            size = 2 if line.startswith("~=", at) else 1
            tokens.append(Token("=", at, at + size, rounded=True))
            at += size
        elif found := _SUPER.match(line, at, end):
            tokens.append(Token("^", at, at))
            digits = int(found[0].translate(_SUPERSCRIPTS)[:MAX_DIGITS])
            tokens.append(Token("number", at, found.end(), Fraction(digits)))
            at = found.end()
        elif found := WORD_NUMBER.match(line, at, end):
            tokens.append(_number_in_words(line, found, end))
            at = tokens[-1].end
        else:
            _unknown(text, line, at)
    tokens.append(Token("end", end, end))
    return _one_equals(tokens)


def _one_equals(tokens: list[Token]) -> list[Token]:
    """`= ~ 5` is one "about"."""
    merged: list[Token] = []
    for token in tokens:
        if token.kind == "=" and merged and merged[-1].kind == "=":
            last = merged.pop()
            token = Token("=", last.start, token.end, rounded=last.rounded or token.rounded)  # noqa: PLW2901
        merged.append(token)
    return merged


def _number_in_words(line: str, match: re.Match[str], end: int) -> Token:
    """`two million` or `两百万`, rounded to the last power of ten that is named."""
    if match["english"]:
        value = _ENGLISH.index(match["english"].lower()) + 1
        unit = {"thousand": 10**3, "million": 10**6, "billion": 10**9}[match["scale"].lower()]
        unit *= 100 if match["hundred"] else 1
    else:
        value, unit = _below_ten_thousand(match["chinese"])
        scale = 10**4 if match["ten"] == "万" else 10**8
        value, unit = value * scale, unit * scale
        if match["more"]:  # `七亿六千万`
            more, unit = _below_ten_thousand(match["more"])
            value, unit = value + more * 10**4, unit * 10**4
        value //= unit
    after = _UNIT.match(line, match.end(), end)
    stop = after.end() if after and after["word"] else match.end()
    return Token("number", match.start(), stop, Fraction(value * unit), Fraction(unit))


def _below_ten_thousand(characters: str) -> tuple[int, int]:
    """`六千五百` as 6,500, and what its last digit is worth, 100."""
    value, unit, digit = 0, 1, 0
    for character in characters[:8]:
        power = {"十": 10, "百": 100, "千": 1000}.get(character)
        if power:
            value, digit, unit = value + (digit or 1) * power, 0, power
        else:
            digit, unit = _CHINESE[character], 1
    return value + digit, unit


def _number(text: str, line: str, at: int, end: int, binary: bool) -> Token:
    # \x00 stands for the braces of `{,}`: inside a number they are no spaces
    stretch = re.compile(r"[\d.,_'eE+\-\x00\u00a0\u2009\u202f]+").match(line, at, end)
    joined = stretch[0] if stretch else line[at]
    match = _NUMBER.match(joined.replace("\x00", ""))
    if match is None:
        fail(text, at, "a decimal point alone is not a number", "write 0.5 or 5")
    stop = _place_after(joined, match.end(), at)
    digits = re.sub(r"[^\d.]", "", match["digits"])
    if len(digits) > MAX_DIGITS:
        fail(text, at, f"a number has {len(digits):,} digits", f"at most {MAX_DIGITS} are read")
    power = int((match["power"] or "0")[:6])
    if abs(power) > MAX_DIGITS:
        fail(text, at, f"a number's exponent is {match['power']}", f"at most {MAX_DIGITS} is read")
    unit, size = _UNIT.match(line, stop, end), _BYTES.match(line, stop, end)
    alone = None if size else _B_ALONE.match(line, stop, end)
    if alone and (is_count_of_bytes(text, at) or _BYTES_SOMEWHERE.search(line, 0, end)):
        size = alone
    scale = Fraction(10) ** power
    if size:
        base = 1024 if size["binary"] or binary else 1000
        scale *= base ** _POWERS.get((size["prefix"] or "").lower(), 0)
        stop = size.end()
    elif unit and (unit["si"] or unit["word"]):
        scale *= 10 ** (_SCALE[unit["si"].lower()] if unit["si"] else 0)
        stop = unit.end()
    _, _, decimals = digits.partition(".")
    value = Fraction(digits if digits[0] != "." else f"0{digits}") * scale
    is_rounded = bool(decimals or match["power"] or scale != 1)
    last_digit = scale / 10 ** len(decimals)
    return Token("number", at, stop, value, last_digit if is_rounded else Fraction(0))


def is_count_of_bytes(text: str, at: int) -> bool:
    """Whether a number at this place is in bytes: `7,968,664 B`."""
    return bool(_WHOLE_B.match(text, at))


def _place_after(joined: str, length: int, at: int) -> int:
    """Where `length` characters of `joined`, not counting \x00, end in the text."""
    seen = 0
    for offset, character in enumerate(joined):
        if seen == length:
            return at + offset
        seen += character != "\x00"
    return at + len(joined)


def check_length(text: str) -> None:
    """Refuse a text longer than anybody writes by hand: over 100,000 characters."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            f"the calculation has {len(text):,} characters: at most {MAX_CHARACTERS:,} are read; "
            "grade a part of it"
        )


def _unknown(text: str, line: str, at: int) -> NoReturn:
    found = re.compile(r"\\?[^\W\d]+|.", re.DOTALL).match(line, at)
    word = found[0] if found else line[at]
    if word.startswith("\\"):
        fail(text, at, f"unknown LaTeX command {word}", r"write \times, \cdot, or plain *")
    fail(
        text, at, f"unexpected {word[:30]!r}",
        "expected numbers, + - * / ^, parentheses, and perhaps = total",
    )  # fmt: skip


def fail(text: str, at: int, what: str, expected: str) -> NoReturn:
    """Raise with the line around place `at` and a caret under it."""
    line_start = text.rfind("\n", 0, at) + 1
    line_end = text.find("\n", at)
    line = text[line_start : line_end if line_end >= 0 else len(text)].replace("\t", " ")
    column = at - line_start
    first = max(0, column - 40)
    shown = line[first : column + 36].rstrip("\r")
    lead = ("..." if first else "") + line[first:column]
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in lead)
    tail = "..." if len(line) > column + 36 else ""
    number = text.count("\n", 0, at) + 1
    where = f"character {column + 1}" + (f" of line {number}" if "\n" in text.strip() else "")
    excerpt = f"  {'...' if first else ''}{shown}{tail}\n  {' ' * width}^"
    raise ExpressionError(f"{what} at {where}: {expected}", excerpt)
