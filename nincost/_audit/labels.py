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
_DIGIT = r"(?:\d{1,2}(?![\dx×*.])|[一二三四五六七八九十])"
#: `2nd`, `第二`, `the second`; not the 4 of "4 blocks" nor 三 of 前三块, which are counts.
_ORDINAL = (
    rf"(?P<n>第\s*{_DIGIT}|(?<![\dx×*])\d{{1,2}}(?:st|nd|rd|th)|"
    + "|".join(rf"\b{word}" for word in _ENGLISH)
    + r"|\blast|\bfinal|最后一?)"
)
_BLOCK = re.compile(
    r"(?:(?:(?:block|stage|nin|\bb(?=\d{1,2}\b)|块)\s*[#.]?\s*(?=\d)|块\s*(?=[一二三四五六](?![共个])))"
    rf"(?P<a>{_DIGIT})|{_ORDINAL}\s*个?\s*"
    r"(?:nin[\s_]*)?(?:block|stage|nin|块|模块))",
    re.IGNORECASE,
)
_POOL = re.compile(
    r"(?:(?:(?:max)?pool(?:ing)?\s*[#_]?\s*|(?:池化|汇聚)层?\s*)(?P<a>\d{1,2})(?![\dd×xX*])"
    rf"|{_ORDINAL}\s*[个次]?\s*(?:最大)?(?:max[\s-]*)?(?:pool|汇聚|池化))",
    re.IGNORECASE,
)
_CONV = re.compile(
    rf"(?:conv\s*_?(?P<a>\d{{1,2}})(?![_.\dd])|{_ORDINAL}\s*个?\s*(?:卷积|conv))", re.IGNORECASE
)
#: `第二个746240`, `the second 746,240`: what it is the second of was said before.
_BARE = re.compile(rf"(?P<a>(?!))|(?:{_ORDINAL})\s*(?:个|一个|one)?\W*$", re.IGNORECASE)
_KERNEL = re.compile(r"(?<![\d*x×.])(\d{1,2})\s?[x×*]\s?\1(?![\d*x×])", re.IGNORECASE)
_WHOLE = re.compile(
    r"block|stage|total|altogether|in all\b|sum|net|model|块|总|共|合计|整个|网络|模型",
    re.IGNORECASE,
)
_CHILD = re.compile(r"(?:\bnet\s*\[|^\[)\s*(?P<a>\d{1,3})\s*\]")
#: Types of layers without a cost, and how they are called; the global pool before the others.
_COSTS_NOTHING = {
    "Adaptive": re.compile(r"global|adaptive|全局", re.IGNORECASE),
    "MaxPool": re.compile(r"pool|池化|汇聚", re.IGNORECASE),
    "Dropout": re.compile(r"dropout|暂退|随机失活", re.IGNORECASE),
    "ReLU": re.compile(r"relu|激活函数|activation (?:function|layer)", re.IGNORECASE),
    "Flatten": re.compile(r"flatten|展平", re.IGNORECASE),
}
_NAME = re.compile(r"[A-Za-z_][\w.]*\w")
#: The third layer of a type, as printed_summary.py numbers the rows of a table.
_OF_TYPE = re.compile(r"\b(?P<type>[A-Za-z]\w*)#(?P<number>\d+)\b")


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
        found = self._of_kernel(words, self._by_name(words))
        if not found:
            child = _CHILD.search(words)
            if child and int(child["a"]) < len(self.children):
                return self.places_of[self.children[int(child["a"])].lower()]
            found = self._of_kernel(words, self._numbered(_BLOCK, words, self.blocks))
        return found

    def _of_kernel(self, words: str, places: tuple[int, ...]) -> tuple[int, ...]:
        """Of a block's layers those with the one kernel that is named: `block 2, 1x1 conv`."""
        # `NiN block 1 (11x11, s4)` is the block that begins with it.
        bare = re.sub(r"[(（](?![^()（）]*(?:conv|卷积|each|各))[^()（）]*[)）]", " ", words)
        named = {int(match[1]) for match in _KERNEL.finditer(bare)}
        if len(places) < 2 or len(named) != 1:
            return places
        own = [(place, self.layers[place].cost.window) for place in places]
        return tuple(p for p, window in own if window and set(window.kernel) == named) or places

    def may_mean(self, words: str) -> tuple[int, ...]:
        """The layers that words may mean, where a name may mean several: `conv2`, `the 5x5`.

        None where they name nothing, or a whole block or the model beside it.
        """
        found = self.places(words)
        if found or _WHOLE.search(words):
            return found
        windows = [(place, one.cost.window) for place, one in enumerate(self.layers)
                   if one.cost.window and one.cost.type.startswith("Conv")]  # fmt: skip
        named = {int(match[1]) for match in _KERNEL.finditer(words)}
        if len(named) == 1:
            found = tuple(p for p, window in windows if window and set(window.kernel) == named)
        if found:
            return found
        everything = [place for place, _ in windows]
        words = re.sub(r"layer|层", "conv", words, flags=re.IGNORECASE)
        wide = [place for place, window in windows if window and set(window.kernel) != {1}]
        places = {*self._one_of(_CONV, words, wide), *self._one_of(_CONV, words, everything)}
        number = _number(_CONV, words, len(self.blocks))
        if (
            places and number and re.search(r"conv\s*_?\d", words, re.IGNORECASE)
        ):  # the n-th block's convolutions
            places.update(self.places_of[self.blocks[number - 1].lower()])
        return tuple(sorted(places))

    def next_block(self, words: str) -> tuple[int, ...]:
        """The block that an ordinal alone means, `第二个`, where blocks were named before."""
        return self._numbered(_BARE, words, self.blocks)

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

    def costs_nothing(self, words: str) -> int | None:
        """The first pool, dropout, activation or flattening that words name."""
        kinds = [kind for kind, pattern in _COSTS_NOTHING.items() if pattern.search(words)]
        for kind in kinds:
            for place, layer in enumerate(self.layers):
                if kind in layer.cost.type:
                    return place
        return None

    def _by_name(self, words: str) -> tuple[int, ...]:
        typed = _OF_TYPE.search(words)
        if typed:
            own = [p for p, one in enumerate(self.layers) if one.cost.type == typed["type"]]
            return tuple(own[int(typed["number"]) - 1 : int(typed["number"])])
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
    if re.fullmatch("last|final|最后一?", said, re.IGNORECASE):
        return count
    said = said.removeprefix("第").strip()
    number = _CHINESE.get(said) or _ENGLISH.get(said.lower())
    if number is None:
        digits = re.match(r"\d+", said)
        number = int(digits[0]) if digits else 0
    return number if 1 <= number <= count else None
