"""Parsing calculations as people write them, and refusing what nobody writes, in time."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nincost._audit.reading.expression import parse
from nincost.errors import ExpressionError

VALUES = [
    ("96*(11*11*1+1)", 11712),
    ("96×(11·11+1)", 11712),
    ("９６＊（１１×１１＋１）", 11712),
    (r"96\times\left(11^{2}\cdot 1+1\right)", 11712),
    (r"$96 \times (11 \times 11 + 1)$", 11712),
    ("96 x (11 x 11 + 1)", 11712),
    ("96 X 11", 1056),
    ("11²*96", 11616),
    ("11**2", 121),
    ("2^3^2", 512),
    ("(2^3)^2", 64),
    ("1,992,166", 1992166),
    ("１，９９２，１６６", 1992166),
    ("1{,}992{,}166", 1992166),
    ("1_992_166", 1992166),
    ("1.5e3", 1500),
    ("2(3+4)", 14),
    ("(1+2)(3+4)", 21),
    ("5-3-1", 1),
    ("-(2-5)", 3),
    ("224/4 + 1", 57),
    ("8/2/2", 2),
    ("0.1 + 0.2", Fraction(3, 10)),
    ("762.3 MMACs", 762_300_000),
    ("1.52 GFLOPs", 1_520_000_000),
    ("7.62亿次", 762_000_000),
    ("12 个参数", 12),
    ("((((7))))", 7),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_value(text: str, value: int | Fraction) -> None:
    node, claims = parse(text)
    assert node is not None
    assert node.value == value
    assert not claims


CLAIMS = [
    ("1+1 = 2", 2, 0),
    ("1+1 ＝ 1,995,284", 1995284, 0),
    ("1+1 ~ 2.469e10", 24_690_000_000, 10**7),
    ("1+1 ≈ 2.469×10^10", 24_690_000_000, 10**7),
    (r"1+1 \approx 2.469\times10^{10}", 24_690_000_000, 10**7),
    ("1+1 ≈ 760000000", 760_000_000, 10**7),
    ("1+1 = ~ 24.69G FLOPs", 24_690_000_000, 10**7),
]


@pytest.mark.parametrize(("text", "value", "unit"), CLAIMS)
def test_claimed_total(text: str, value: int, unit: int) -> None:
    _, (claim,) = parse(text)
    assert (claim.value, claim.unit) == (value, unit)


MISTAKES = [
    # text -> what the message holds, and the character that the caret stands under
    ("96*(11*11", ["never closed", "expected )"], 3),
    ("96*11)", ["never opened"], 5),
    ("96**(", ["too early"], 5),
    ("96 * / 3", ["unexpected '/'", "expected a number"], 5),
    ("96 256", ["without an operator"], 3),
    ("96*a", ["unexpected 'a'"], 3),
    ("import os", ["unexpected 'import'"], 0),
    ("__import__('os')", ["unexpected '_"], 0),
    (r"2 \foo 3", [r"\foo", r"\times"], 2),
    ("1/0", ["division by zero"], 2),
    ("2^(1-3)", ["exponent", "up to 64"], 2),
    ("2^0.5", ["exponent"], 2),
    ("2^-1", ["negative exponent"], 2),
    ("10^9^9^9", ["exponent", "up to 64"], 5),
    ("9^64*9^64", ["too large", "10^60"], 0),
    ("1" * 41, ["41 digits", "at most 40"], 0),
    ("1e99", ["exponent", "at most 40"], 0),
    ("3 + ", ["too early"], 4),
    ("=", ["too early"], 1),
]


@pytest.mark.parametrize(("text", "words", "place"), MISTAKES)
def test_a_mistake_has_a_caret_under_the_character(text: str, words: list[str], place: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    message = caught.value.args[0]
    for word in words:
        assert word in message
    shown, caret = caught.value.excerpt.splitlines()
    assert shown.strip() == text.strip() or "..." in shown
    assert caret.index("^") - 2 == place
    assert f"character {place + 1}" in message


def test_the_caret_counts_wide_characters_twice() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("９６×a")
    shown, caret = caught.value.excerpt.splitlines()
    assert shown == "  ９６×a"
    assert caret == "       ^"  # two for each wide digit, one for the sign


HOSTILE = {
    "a megabyte": ("1+" * 500_000 + "1", "100,000"),
    "a tower": ("10^9^9^9", "64"),
    "nested": ("(" * 10_000 + "1" + ")" * 10_000, "200"),
    "nested left": ("(" * 10_000, "200"),
    "long number": ("9" * 90_000, "40"),
    "product": ("*".join(["99999999"] * 9_000), "10^60"),
    "powers": ("+".join(["9^60"] * 10_000) + "^64", "10^60"),
    "zeros": ("0^" * 8_000 + "0", ""),
    "minus": ("-" * 90_000 + "1", ""),
    "implicit": ("(1)" * 10_000, ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_or_refused_in_time(name: str) -> None:
    text, limit = HOSTILE[name]
    started = time.process_time()  # wall time depends on what else runs
    try:
        parse(text)
    except ExpressionError as error:
        assert limit in error.args[0]
        assert len(str(error)) < 500
    else:
        assert not limit
    assert time.process_time() - started < 5


@given(st.text(alphabet="0123456789+-*/^()=~.,eExX× \n（\\{}k²", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_parses_or_gets_one_kind_of_error(text: str) -> None:
    try:
        parse(text)
    except ExpressionError as error:
        assert error.args[0]


@given(st.integers(1, 999), st.integers(1, 99), st.integers(0, 9), st.integers(1, 99))
@settings(max_examples=60, deadline=None)
def test_values_agree_with_python(a: int, b: int, c: int, d: int) -> None:
    text = f"{a}*({b}+{c}^2*{d}) - {d}*({a} - {b})"
    node, _ = parse(text)
    assert node is not None
    assert node.value == a * (b + c**2 * d) - d * (a - b)
