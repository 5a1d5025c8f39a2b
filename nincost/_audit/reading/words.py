"""The words that people write around a calculation: what it is about, totals, batches, notes."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

from nincost._closed_form.cost_terms import Quantity

#: What a statement of an answer may be about.
About = Literal["params", "macs", "flops", "memory", "shapes", "fields"]

_I = re.IGNORECASE
_AMOUNTS: dict[Quantity, re.Pattern[str]] = {
    "flops": re.compile(
        r"flops?(?![a-z])|mult\w*(?: and |/| ?& ?)adds? (?:on their own|separately)"
        r"|floating|浮点(?!数(?!量)|型|值|格式)|运算量|运算次数|\boperations\b",
        _I,
    ),
    "macs": re.compile(
        r"macs?(?![a-z])|multipl|mult-?adds?|madds?\b|comput|(?<!就地)计算(?!式|公式|过程|方法|如下)|乘加|乘法|\bmmacs?\b",
        _I,
    ),
    "params": re.compile(r"param|(?<!pre)weights?\b|参数|权重", _I),
}
_MEMORY = re.compile(
    r"memory|显存|内存|vram|\bbytes?\b|字节|nvidia-smi|optimi[sz]er state|优化器状态"
    r"|[\d\s](?:[KMGT]i?B|[kmg]b)(?![A-Za-z])|(?<![\w.])[248] ?B(?![A-Za-z])|pass size"
    r"|(?:input|params|total) size\b",
    _I,
)
#: `比AlexNet的6000万小得多`, `VGG has 138M`: another network.
_NETWORK = re.compile(
    r"(?<![a-z])(?P<family>(?:alex|res|le|google|mobile|dense|efficient|squeeze)[\s-]?net|vgg|inception"
    r"|nin(?![a-z]))",
    _I,
)
#: `7.6M? no, ...`: what comes now stands for what was said.
_CORRECTS = re.compile(
    r"不对|错了|更正|\bwait\b|scratch that|correction|(?<![^\s,.?!])no,? (?:it's|i mean|that's)", _I
)
_OWN = re.compile(r"\bI (?:got|get|have|make)\b|\bmine\b|我算|我的|我得", _I)
_ACTIVATIONS = re.compile(r"\bactivations?\b(?! (?:function|layer)s?)|激活(?!函数|层)", _I)
_FIELDS = re.compile(r"receptive|感受野|(?<![A-Za-z])RFs?(?![A-Za-z])", _I)
_SHAPES = re.compile(
    r"shapes?\b|(?<!batch[ _-])\bsizes?\b|(?<!\d\d )\boutputs?\b|形状|尺寸|输出(?!通道)"
    r"|feature maps?\b|\bmaps\s*$|resolution|特征图|分辨率"
    r"|(?<!批量)(?<!批次)大小",
    _I,
)
#: `输入1×224×224`, `input: 1x224x224`: an image.
INPUT_SHAPE = re.compile(r"(?:input|image|输入|图像|图片)[^\d]{0,12}$", _I)
IMAGE = re.compile(r"\s*(?:\d+\s*[x×X*]\s*)?(\d{2,4})\s*[x×X*]\s*\1(?:\s*[x×X*]\s*\d)?\s*")
#: `(224 - 11)/4 + 1`, with padding or without, or `26 - 5 + 1 =`: an output's size.
SIZE_FORMULA = re.compile(
    r"[(⌊⌈]+\s*\d+\s*[-+][^=~()]{0,40}[)⌋⌉]?\s*/\s*\d+\s*[)⌋⌉]?\s*\+\s*1(?![\d.*])"
    r"|[(⌊⌈]+\s*\d+\s*-\s*\d+\s*\+\s*(\d+)\s*\)\s*/\s*\1(?!\d)"
    r"|\(\s*\d{1,4}\s*-\s*\d{1,2}\s*\)\s*/\s*\d\s*(?:向下)?取整"
    r"|(?<![\d*x×.])\d{1,4}\s*-\s*\d{1,2}\s*(?:\+\s*2\s*[*x×]\s*\d\s*)?\+\s*1\s*(?==)"
)
#: `96x54x54`, `96, 54, 54`: a shape.
DIMS = re.compile(r"\d+(?:\s*[x×X*,，]\s*\d+)+")
#: `变成54×54`, `turns into 22x22`: a size that comes out.
BECOMES = re.compile(
    r"(?:变[成为]|得到|缩[小到]+为?|降[到为]|剩下?|输出[为是]?|→|->"
    r"|becomes?|into|down to|leaves?|gives?|makes?(?: (?:them|it))?|maps of)"
    r"\s*(?:a\s+)?\d{1,4}\s*[x×X*]\s*\d{1,4}(?!\d)",
    _I,
)
#: `54 -> 26 -> 12`: sizes one after the other.
CHAIN = re.compile(
    r"\d+(?:\s*(?:\([^()]*\))?\s*(?:->|→|=>|⇒|、)\s*\d+){2,}"
    r"|\d+(?:\s*[x×X*]\s*\d+){1,3}(?:\s*(?:->|→|=>|⇒)\s*\d+(?:\s*[x×X*]\s*\d+){0,3}){2,}"
)
#: `1,992,166 parameters (7.6 MiB)`: the number is one of parameters, its memory a remark.
REMARK = re.compile(r"^\W*(?:parameters|params|weights|个?参数)\s*[(（][^()（）]*[)）]?", _I)

#: `Multiply each layer's weights by its number of output pixels`.
_RECIPE = re.compile(r"(?:^|.*[.:]\}?)\W*multiply\b", _I)
_IN_PARENTHESES = re.compile(r"[(（][^()（）]*[)）]")
_TOTAL = re.compile(
    r"\b(?:total|sum(?!\s*\()|altogether|adds? up to|everything(?=\W*$)|in all"
    r"|overall|answer|result|gives)\b"
    r"|总|合计|共|答|加起来|加在一起|合起来|相加|\bA$",
    _I,
)
_PER_COPY = re.compile(r"\b(?:each|every)\b|每个|各", _I)
_SEVERAL = re.compile(r"\b(?:two|both|twice|pair|three)\b|两|二|三个|×\s*2", _I)
_RESULT = re.compile(
    r"\b(?:so|makes?|making|gives?|giving|thus|hence|therefore|that['’]s|it['’]s|(?:that|which) is"
    r"|equals?|comes? to|subtotal|in all|for a total)\b"
    r"|共|合计|小计|得|等于|因此|所以",
    _I,
)
_DETAIL = re.compile(r"^\W*(?:其中|of which|including)", _I)
_DIFFERENCE = re.compile(r"^\W*(?:parameters\s+)?(?:fewer|less|more)\s+than\b", _I)
_ABOUT = re.compile(r"约|大约|大概|左右|about|\bapprox\b|roughly|approximately|around|~|≈", _I)
_LESS_THAN = re.compile(
    r"不到|不足|少于|小于|近|less than|under|below|fewer than|almost|nearly", _I
)
_MORE_THAN = re.compile(r"超过|多于|大于|more than|over|above|exceeds?", _I)
_THAT_IS = re.compile(r"即|也就是|合|\bor\b|\bi\.?e\b|that is", _I)
_COUNT = re.compile(
    r"\b(two|three|both|2|3) (?:of them|together|have)\b|\b(twice|both)\W*$|(两个|三个|二者)", _I
)
#: `9312 (x2)`, `9312, twice`: how many layers a number stands for, said after it.
_COPIES = re.compile(
    r"^\W*(?:[x×*✕]\s*(?P<a>[2-4])\b|(?P<b>[2-4])\s*(?:[x×]|times|layers|of (?:them|these))\b"
    r"|(?P<two>twice|for both|two of|\(?two\)|each|apiece"
    r"|各?(?:两|二|2)[个层次]|(?:共|有)(?:两|2)[个层])"
    r"|(?P<three>three times|(?:三|3)[个层次]))",
    _I,
)
_COPIES_BEFORE = re.compile(
    r"\b(?P<two>two|both|pair|2)\b|(?P<zh>两|二|2)\s*[个层]|(?P<three>\bthree\b|[三3]\s*[个层])", _I
)
_BATCH = re.compile(
    r"(?<![A-Za-z])(?:mini-?)?batch(?:[ _-]?size)?\s*(?:\$?B\s*)?(?:为|是|取|of|at|=|:|~)?\s*"
    r"(?P<a>\d+)(?!\d|[.,]\d)(?!\s*[KMGT]?i?B)"
    r"|批量(?:大小)?\s*(?:\$?B\s*)?(?:为|是|取|=|:)?\s*(?:[（(](?P<b>\d+)[)）]|(?P<e>\d+))"
    r"|(?<![A-Za-z])bs\s*(?:of|=|:)?\s*(?P<f>\d+)(?!\d|[.,]\d)"
    r"|(?<=\s)@\s?(?P<g>\d+)(?!\d|[.,]\d)(?!\s*[x×*]\s*\d)"
    r"|批次(?:大小)?\s*(?:为|是|取|=|:)?\s*(?P<c>\d+)"
    r"|(?P<d>\d+)\s*(?:张(?:图片?|图像|照片)|(?:images|pictures|photos|samples|examples)\b|\(\s*(?:batch|批量|批次)[^()]*\))",
    _I,
)
_VALUES = re.compile(
    r"\b(?:values|elements|floats?(?:32)?s?|numbers|entries)\b|\d\s*万?亿?个|个(?:数|值|元素)|浮点数",
    _I,
)
_PER_BATCH = re.compile(r"(?:per|a|the|whole|one|each|such) batch\b|每个?批|一个?批|整个?批", _I)
_PER_IMAGE = re.compile(
    r"(?:per|each|every) (?:image|input|sample|picture|example)|(?:one|single|an) image"
    r"|一张图|单张|每张|一张",
    _I,
)


def about(words: str) -> About | None:
    """What a statement or a heading with these words is about; None where they do not say.

    Of several amounts the last one counts: "I computed the number of parameters as".
    """
    if _FIELDS.search(words):
        return "fields"
    if _MEMORY.search(words):
        return "memory"
    amount = amount_in(words)
    if amount is not None:
        return amount
    if _ACTIVATIONS.search(words):
        return "memory"
    return "shapes" if _SHAPES.search(words) else None


def amount_in(words: str) -> Quantity | None:
    """The amount that is named last; of `FLOPs = 2 x MACs = ` what stands before the first sign.

    What is named outside parentheses goes before what is named in them: `FLOPs (2 per MAC)`.
    """
    if _RECIPE.match(words):
        return "macs"
    first, sign, rest = words.partition("=")
    if sign and "=" in rest and (named := amount_in(first)):
        return named
    outside = _IN_PARENTHESES.sub(" ", words)
    if outside != words and (named := amount_in(outside)):
        return named
    found: list[tuple[int, Quantity]] = []
    for what, pattern in _AMOUNTS.items():
        found += [(match.start(), what) for match in pattern.finditer(words)]
    return max(found)[1] if found else None


def first_amount_in(words: str) -> Quantity | None:
    """The amount that is named first."""
    found: list[tuple[int, Quantity]] = []
    for what, pattern in _AMOUNTS.items():
        found += [(match.start(), what) for match in pattern.finditer(words)]
    return min(found)[1] if found else None


def names_other_network(words: str, model: str) -> bool:
    """Whether a number with these words before it is another network's than the model's."""
    named = [re.sub(r"[\s-]", "", match["family"]).lower() for match in _NETWORK.finditer(words)]
    return bool(named) and bool(model) and named[-1] != "nin" and named[-1] not in model.lower()


def corrects(words: str) -> bool:
    """Whether they take back what was said before."""
    return bool(_CORRECTS.search(words))


def says_own(words: str) -> bool:
    """Whether it is the writer's own number, after another one's: `138.4M? I got`."""
    return bool(_OWN.search(words))


def says_total(words: str) -> bool:
    """Whether a number with these words is the sum of the others."""
    return bool(_TOTAL.search(words))


def says_each(words: str) -> bool:
    """Whether a number stands for each of several layers."""
    return bool(_PER_COPY.search(words))


def says_several(words: str) -> bool:
    """Whether a number stands for more than one layer: "each", "两个", "twice"."""
    return bool(_PER_COPY.search(words) or _SEVERAL.search(words))


def says_result(words: str) -> bool:
    """Whether a number follows from what was said: "so", "makes", "共"."""
    return bool(_RESULT.search(words))


def says_detail(words: str) -> bool:
    """Whether it is a part of the number before it."""
    return bool(_DETAIL.search(words))


def says_difference(after: str) -> bool:
    """Whether a number is by how much two amounts differ: `223,054 fewer than with two`."""
    return bool(_DIFFERENCE.search(after))


def says_about(words: str) -> bool:
    """Whether a number is rounded: "about"."""
    return bool(_ABOUT.search(words))


def says_bound(words: str, bound: Fraction, value: Fraction) -> bool:
    """Whether a number is said to be above or below another one, and is: `不到200万`."""
    if _LESS_THAN.search(words):
        return value < bound < 2 * value
    return bool(_MORE_THAN.search(words)) and value / 2 < bound < value


def says_that_is(words: str) -> bool:
    """Whether a number is another one in other units: "that is"."""
    return bool(_THAT_IS.search(words))


def says_count(words: str) -> bool:
    """Whether it says how many there are of what was said before: "two of them"."""
    return bool(_COUNT.search(words))


def copies_said(before: str, after: str) -> int:
    """How many layers a number stands for: `9312 (x2)`, "each of the two has 9,312"."""
    found = _COPIES.search(after)
    if found:
        return int(found["a"] or found["b"] or (3 if found["three"] else 2))
    if says_each(before):
        count = _COPIES_BEFORE.search(before)
        return 3 if count and count["three"] else 2
    return 1


def is_wordless(words: str) -> bool:
    """Whether there is no word in it, as before a result in the line after its calculation."""
    return not re.search(r"[^\W\d_]", words)


def says_values(words: str) -> bool:
    """Whether a number counts values, and no bytes: `3,162,598 floats`, `3162598个`."""
    return bool(_VALUES.search(words)) and not re.search(r"bytes?\b|字节|\d\s*[KMGT]?i?B\b", words)


def says_per_image(words: str) -> bool:
    """Whether a number with these words is of one input."""
    return bool(_PER_IMAGE.search(words))


def batch_in(words: str) -> int | None:
    """The batch that is named last: a size, or one image; None where there is none."""
    ones = [match.start() for match in _PER_IMAGE.finditer(words)]
    named = batches(words)
    whole = [match.start() for match in _PER_BATCH.finditer(words)]
    if whole and whole[-1] > max([*ones, *(batch[0] for batch in named)], default=0):
        return named[-1][2] if named else None
    if ones and (not named or ones[-1] > named[-1][0]):
        return 1
    return named[-1][2] if named else None


def says_per_batch(words: str) -> bool:
    """Whether a number with these words is of a batch that was named before."""
    return bool(_PER_BATCH.search(words))


def batches(words: str) -> list[tuple[int, int, int]]:
    """Where a batch size is named, and which: start and end of the phrase, and the size."""
    found = []
    for match in _BATCH.finditer(words):
        size = next(group for group in match.groups() if group)
        if len(size) <= 6 and int(size) > 0:
            found.append((match.start(), match.end(), int(size)))
    return found
