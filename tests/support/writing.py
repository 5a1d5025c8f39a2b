"""Ways to write an answer: with words around its terms, in English and Chinese, or in figures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

_CHINESE_DIGITS = "零一二三四五六七八九"
_OPENINGS = ("", "", "My answer:", "解：", "我的答案", "Here is what I get", "按公式算：")
_TOTALS = (
    "total: {}", "Total = {}", "in total {}", "sum: {}", "合计：{}", "总共 {}", "一共是{}",
    "全部加起来 {}", "total 一共 {}",
)  # fmt: skip
_RESULTS = (" = {}", " = {}", "，得 {}", " which is {}", " 等于 {}")
_ROUNDED = (" ≈ {}", " ~ {}", "，约 {}", ", about {}")


def rounded(value: int, rng: random.Random, digits: int = 4) -> str:
    """The value with so many digits, in one of the units that people use."""
    scale, unit = rng.choice(_scales(value))
    places = max(0, digits - len(str(int(value / scale))))
    return f"{value / scale:.{places}f}{unit}"


def _scales(value: int) -> list[tuple[float, str]]:
    if value >= 10**9:
        return [(1e9, "G"), (1e8, "亿"), (1e6, "M"), (1e6, " million")]
    if value >= 10**8:
        return [(1e8, "亿"), (1e6, "M"), (1e6, " million")]
    if value >= 10**6:
        return [(1e6, "M"), (1e4, "万"), (1e6, " million")]
    return [(1e3, "k"), (1e4, "万")] if value >= 10**4 else [(1, "")]


def with_words(
    terms: Sequence[tuple[str, str, int]], total: int, rng: random.Random, *, exact: bool
) -> str:
    """Lines with words: each term's layer in words, what it is written as, and its value.

    `exact`: neither results nor the total are rounded, as where the sum is off by a little.
    """
    lines = [opening] if (opening := rng.choice(_OPENINGS)) else []
    separator = rng.choice([": ", "：", " "])
    for name, text, value in terms:
        line = f"{words_for(name, rng)}{separator}{text}"
        how = rng.random()
        if how < 0.3:
            line += rng.choice(_RESULTS).format(_digits(value, rng))
        elif how < 0.5 and not exact and value >= 10**4:
            line += rng.choice(_ROUNDED).format(rounded(value, rng))
        lines.append(line)
    said = _digits(total, rng) if exact or rng.random() < 0.5 else rounded(total, rng)
    lines.append(rng.choice(_TOTALS).format(said))
    joint = rng.choice(["\n", "\n", "；\n"])
    return joint.join(lines) + rng.choice(["", "。", "\n"])


def in_rounded_figures(values: Sequence[int], total: int, rng: random.Random) -> str:
    """`11.71k + 9.312k + ... = 1.992M`: numbers alone, each to four digits."""
    said = " + ".join(rounded(value, rng) for value in values)
    return (
        f"{said}{rng.choice([' = ', ' ≈ ', '，合计约', ', in total about '])}{rounded(total, rng)}"
    )


def words_for(name: str, rng: random.Random) -> str:
    """`block2.conv` as people write it."""
    block, _, layer = name.partition(".")
    if not block.startswith("block") or "relu" in layer:
        return name
    number = int(block.removeprefix("block"))
    kind = "1x1" if "1x1" in layer else ""
    ways: list[Callable[[], str]] = [
        lambda: name,
        lambda: f"第{_CHINESE_DIGITS[number]}块{f'的{kind}' if kind else '的'}卷积",
        lambda: f"{kind or 'first'} conv of block {number}".strip(),
        lambda: f"第{number}个NiN block的{kind or '第一个'} conv",
        lambda: f"NiN block {number}, {kind + ' ' if kind else ''}conv",
        lambda: f"{kind}卷积（block{number}）",
    ]
    return rng.choice(ways)()


def _digits(value: int, rng: random.Random) -> str:
    return f"{value:,}" if rng.random() < 0.5 else str(value)
