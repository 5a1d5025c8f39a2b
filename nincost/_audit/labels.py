"""Which layers words name: `block1`, `the first block`, `第一块`, `net[0]`.

A name that may mean several things (`conv2`, `1x1`) names none for an amount: such lines go by
their value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nincost._closed_form.cost_terms import CostedLayer

_CHINESE = {c: i for i, c in enumerate("一二三四五六七八九十", 1)}
_ENGLISH = {
    word: i
    for i, word in enumerate(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"), 1
    )
}
_ORDINAL = (
    r"(?P<n>(?<![\dx×*])\d{1,2}(?:st|nd|rd|th)?|[一二三四五六七八九十]|"
    + "|".join(_ENGLISH)
    + r"|last|final|最后一)"
)
_BLOCK = re.compile(
    rf"(?:(?:block|stage|\bb(?=\d{{1,2}}\b))\s*[#.]?\s*(?P<a>\d{{1,2}})|(?:第?{_ORDINAL})\s*个?\s*"
    r"(?:nin[\s_]*)?(?:block|stage|nin|块|模块))",
    re.IGNORECASE,
)
_POOL = re.compile(
    r"(?:(?:max)?pool(?:ing)?\s*[#_]?\s*(?P<a>\d{1,2})(?!d)"
    rf"|第?{_ORDINAL}\s*个?\s*(?:最大)?(?:max[\s-]*)?(?:pool|汇聚|池化))",
    re.IGNORECASE,
)
_CONV = re.compile(
    rf"(?:conv\s*_?(?P<a>\d{{1,2}})(?![_.\dd])|第?{_ORDINAL}\s*个?\s*(?:卷积|conv))", re.IGNORECASE
)
_CHILD = re.compile(r"\bnet\s*\[\s*(?P<a>\d{1,3})\s*\]")
_NAME = re.compile(r"[A-Za-z_][\w.]*\w")


class Labels:
    """What words name in one model; a layer goes by its place in the order of execution."""

    def __init__(self, layers: Sequence[CostedLayer]) -> None:
        self.layers = layers
        self.places_of: dict[str, tuple[int, ...]] = {}
        groups: dict[str, list[int]] = {}
        for place, layer in enumerate(layers):
            parts = layer.name.partition(" [")[0].split(".")
            for depth in range(1, len(parts) + 1):
                groups.setdefault(".".join(parts[:depth]), []).append(place)
        for name, places in groups.items():
            self.places_of[name.lower()] = tuple(places)
        self.children = list(dict.fromkeys(layer.name.split(".")[0] for layer in layers))
        self.blocks = [c for c in self.children if len(groups[c]) > 1]

    def places(self, words: str) -> tuple[int, ...]:
        """The layers of an amount with these words; none where they name no layer for certain."""
        found = self._by_name(words)
        if not found:
            child = _CHILD.search(words)
            if child and int(child["a"]) < len(self.children):
                return self.places_of[self.children[int(child["a"])].lower()]
            found = self._numbered(_BLOCK, words, self.blocks)
        return found

    def last_of(self, words: str) -> int | None:
        """The layer whose output or receptive field is meant: the last of a block, a pool."""
        found = self._by_name(words)
        if not found:
            pools = [
                i for i, one in enumerate(self.layers)
                if "Pool" in one.cost.type and "Adaptive" not in one.cost.type
            ]  # fmt: skip
            convs = [
                i for i, one in enumerate(self.layers)
                if one.cost.window and one.cost.type.startswith("Conv")
                and set(one.cost.window.kernel) != {1}
            ]  # fmt: skip
            if re.search(r"global|全局|adaptive", words, re.IGNORECASE):
                found = tuple(i for i, one in enumerate(self.layers) if "Adaptive" in one.cost.type)
            else:
                found = self._one_of(_POOL, words, pools) or self._one_of(_CONV, words, convs)
        found = found or self.places(words)
        return found[-1] if found else None

    def _by_name(self, words: str) -> tuple[int, ...]:
        for match in reversed(list(_NAME.finditer(words))):
            name = re.sub(r"[.:]+$", "", match[0]).lower()
            if name in self.places_of and (len(name) > 2 or "." in name):
                return self.places_of[name]
        bare = words.strip(" :：|*-").lower()
        return self.places_of.get(bare, ())

    def _numbered(
        self, pattern: re.Pattern[str], words: str, names: Sequence[str]
    ) -> tuple[int, ...]:
        number = _number(pattern, words, len(names))
        if number is None:
            return ()
        return self.places_of[names[number - 1].lower()]

    def _one_of(
        self, pattern: re.Pattern[str], words: str, places: Sequence[int]
    ) -> tuple[int, ...]:
        number = _number(pattern, words, len(places))
        return () if number is None else (places[number - 1],)


def _number(pattern: re.Pattern[str], words: str, count: int) -> int | None:
    """The number that the last such phrase gives, from 1 to `count`."""
    matches = list(pattern.finditer(words))
    if not matches or not count:
        return None
    said = matches[-1]["a"] or matches[-1]["n"]
    if re.fullmatch("last|final|最后一", said, re.IGNORECASE):
        return count
    number = _CHINESE.get(said) or _ENGLISH.get(said.lower())
    if number is None:
        digits = re.match(r"\d+", said)
        number = int(digits[0]) if digits else 0
    return number if 1 <= number <= count else None
