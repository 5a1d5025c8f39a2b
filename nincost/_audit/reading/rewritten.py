"""Ways of writing that are made others before a text is read; each character keeps its place."""

from __future__ import annotations

import re

from nincost._audit.reading.code_comments import with_comments
from nincost._audit.reading.incidental import without_incidental
from nincost._audit.reading.scanned import with_digits
from nincost._audit.reading.sessions import without_session
from nincost._audit.reading.withdrawn import without_withdrawn


def rewritten(text: str) -> str:
    """The text with units behind their numbers, and chains of sizes without the layers' names."""
    text = _APOSTROPHES.sub(lambda m: re.sub("['’]", ",", m[0]), text)
    text = _RESULT_ENCLOSED.sub(lambda m: f"{m['space']} {m[2]} ", text)
    text = with_comments(without_withdrawn(without_session(with_digits(text))))
    text = _LATEX_ROWS.sub(
        lambda m: "total".ljust(len(m[0])) if m["sum"] else " " * len(m[0]), text
    )
    text = _LATEX_NUMBER.sub(lambda m: re.sub(r"\{,\}|\\[,;:! ]", ",", m[0]).ljust(len(m[0])), text)
    text = _LATEX_SPACE.sub("* ", text).replace("\\%", " %")
    text = re.sub(r"\\q?quad(?![A-Za-z])", lambda m: " " * len(m[0]), text)
    text = _FORMULA.sub(_without_names, text)
    text = _LATEX_COMMA.sub(",  ", text)
    text = _TWO_AMOUNTS.sub(lambda m: m[0].replace("/", "；", 1), text)
    text = _NAME_FIRST.sub(_with_semicolon, text)
    text = _NUMBERED_BLOCK.sub(lambda m: f"{m[1]}{m[3]} {m[2]} ", text)
    text = _WEIGHTS_ARE.sub(lambda m: " " * len(m[0]), text)
    text = _PARAMS_TAKE.sub(lambda m: f"{m[1]};".ljust(len(m[0])), text)
    text = _PLURAL.sub(lambda m: " " * len(m[0]), text)
    text = _STARRED.sub(lambda m: f" {m[1]} ", text)
    text = _SQUARES.sub(lambda m: " " * len(m[0]), text)
    text = _SIZE_BEFORE.sub(lambda m: f"{m[1]}；", text)
    text = _SLASHES_SUM.sub(lambda m: m[0].replace(" / ", " + "), text)
    text = _SLASHES.sub(lambda m: m[0].replace(" / ", " , "), text)
    text = _IN_FLOPS.sub(
        lambda m: f"{m[1]};{' ' * len(m[2])}{m[3]}".ljust(len(m[0]) - 1) + ";", text
    )
    text = _IN_TWO_UNITS.sub(lambda m: m[0].replace("/", ","), text)
    text = _OF_WHICH.sub(lambda m: f"{m[1]}；{m[2]} ", text)
    text = _UNIT_IS.sub(lambda m: " " * len(m[0]), text)
    text = _LATEX_BYTES.sub(lambda m: f" {m['unit']}".ljust(len(m[0])), text)
    text = _FRACTION.sub(lambda m: f"({m[1]})/({m[2]})".ljust(len(m[0])), text)
    text = _FLOOR.sub(lambda m: _BRACKETS[m[1]].ljust(len(m[0])), text)
    text = _LISTED.sub(lambda m: re.sub(r"(?<![\w,.])\d\s*[:：]", _as_comma, m[0]), text)
    text = _RATIO.sub(lambda m: " " * len(m[0]), text)
    text = _DEFINITION.sub(lambda m: " " * len(m[0]), text)
    text = _UNIT_SAID.sub(lambda m: " " * len(m[0]), text)
    text = _BY.sub(lambda m: f"{' ' * (len(m[2]) - 1)}{m[1]}x", text)
    text = _UNIT_BEFORE.sub(_with_unit_after, text)
    text = _EMPHASIS.sub(lambda m: f"  {m[2] or m['bare'] or m['number']}  ".rjust(len(m[0])), text)
    text = _DICT.sub(lambda m: re.sub(r"[{}'\"]", " ", m[0]), text)
    text = _SUM_OF_LIST.sub(lambda m: m[1].rjust(len(m[0])), text)
    text = _LIST.sub(lambda m: m[0] if TUPLE.fullmatch(m[0]) else f" {m[0][1:-1]} ", text)
    text = _HEADING.sub(lambda m: " " * len(m[0]), text)
    text = without_incidental(text)
    text = _NOT_THIS.sub(lambda m: " " * len(m[0]), text)
    text = _TIMES_IS.sub(lambda m: f"*{m[1]}=".rjust(len(m[0])), text)
    text = _DOUBLED.sub(lambda m: " " * len(m[0]), text)
    text = _SPACED_DOT.sub(lambda m: m[0].replace(".", "*"), text)
    for dots in _DOTS:
        text = dots.sub(lambda m: m[0].replace(".", "*"), text)
    text = TUPLE.sub(lambda m: f"{'x'.join(re.findall('[0-9]+', m[0]))} ".rjust(len(m[0])), text)
    return "".join(map(_chain_without_words, text.splitlines(keepends=True)))


#: `1'992'166`, as the Swiss write it.
_APOSTROPHES = re.compile(r"(?<![\d.,'’\w])\d{1,3}(?:['’]\d{3})+(?![\d'’])")
#: `= (14,745,600)`: a number, and no shape.
_RESULT_ENCLOSED = re.compile(
    r"(?<=[=≈])(?<![<>=]=)(?P<space>\s?)[(（]((?!0)\d{1,3}(?:,\d{3})+)[)）](?!\s*[*×x/^+-])"
)
#: `\\begin{align}`, `\\\\` at a line's end, `\\sum_i N_i`.
_LATEX_ROWS = re.compile(
    r"\\(?:begin|end)\{(?:align|aligned|equation|gather|split|eqnarray)\*?\}|\\\\(?:\[[^\]\n]*\])?(?=\s*$)"
    r"|(?P<sum>\\sum(?:_\{[^{}]*\}|_\w)?(?:\^\{[^{}]*\}|\^\w)?)",
    re.MULTILINE,
)
#: `33{,}872{,}256`, `33\\,872\\,256`: LaTeX's thousands.
_LATEX_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:\{,\}|\\[,;:! ])\d{3})+(?!\d)")
#: `$7.97$ MB`, `7.97\\,\\text{MB}`: a unit beside its number.
_LATEX_BYTES = re.compile(
    r"(?<=\d)(?:\$\s?(?:\\[,;:! ]|~)?\s?|\s?(?:\\[,;:! ]|~)\s?)"
    r"(?:\\(?:text|mathrm|textrm)\s?\{\s*)?"
    r"(?P<unit>[kKMGT]i?B|bytes|字节)(?![A-Za-z])(?:\}\$?)?"
)
#: `54,\\,26,\\,12`: a comma and a space.
_LATEX_COMMA = re.compile(r",\\[,;: ]")
#: `$C_{\\text{out}}(K^2 C_{\\text{in}} + 1)$`.
_FORMULA = re.compile(r"\$[^$\n]{1,120}\$")
#: `96\\,(11^2 + 1)`: a thin space for a times sign.
_LATEX_SPACE = re.compile(r"(?<=[\d)])\\[,;:!](?=\s?\()")
#: `2.0M 参数 / 0.76G 次乘加`: two amounts with their names.
_TWO_AMOUNTS = re.compile(
    r"(?<=[\dkKMG万亿]) ?(?:个?参数|params?|parameters|weights)(?: ?/ ?)(?=\d[\d,.]* ?[kKMG万亿]?)"
    r"|(?<=[\dkKMG万亿]) ?(?:次?乘加|MACs?|FLOPs?)(?: ?/ ?)(?=\d[\d,.]* ?[kKMG万亿]?)",
    re.IGNORECASE,
)
#: `macs 762297352  flops 1524594704`: names, each before its number.
_NAME_FIRST = re.compile(
    r"^\W*(?:macs?|flops?|params?)[ \t]*[:=]?[ \t]*\d[\d,.]*[kKMG]?"
    r"(?:[ \t]+(?:macs?|flops?|params?)[ \t]*[:=]?[ \t]*\d[\d,.]*[kKMG]?)+[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
#: `1. block: 11,712 + 9,312`: its number stands before it.
_NUMBERED_BLOCK = re.compile(
    r"^([ \t]*)(\d)[.)] (block|stage)(?=\s*[:：])", re.MULTILINE | re.IGNORECASE
)
#: `5*5*96*256 weights = 614,400`: a word between a calculation and its result.
_WEIGHTS_ARE = re.compile(
    r"(?<=\d)\s+weights(?=\s*=\s*\d[\d,]*(?![\d,.]*\d)(?!\s*[KMG]i?B))", re.IGNORECASE
)
#: `746,240 params in the block -> 2.98 MB`: an amount, and its memory.
_PARAMS_TAKE = re.compile(
    r"(?<![\d.,*x×])(\d[\d,]{3,} ?(?:params|parameters|个?参数)[^\n\d,，。;；=]{0,24}?)\s?"
    r"(?:->|→|=>)(?=\s*\d[\d.,]*\s?[KMG]i?B)",
    re.IGNORECASE,
)
#: `the pair of 147,840s`.
_PLURAL = re.compile(r"(?<=\d,\d{3})['’]?s(?![A-Za-z])")
#: `has *one* 1x1 convolution`.
_STARRED = re.compile(r"(?<![\w*)])\*([A-Za-z]{2,20}|[\u4e00-\u9fff]{1,8})\*(?![\w*(])")
#: `its number of output pixels ($54^2$, $26^2$)`: a list of sizes.
_SQUARES = re.compile(
    r"[(（]\s*\$?\d{1,4}\s?(?:\^\{?2\}?|²)\$?(?:\s*[,，、]\s*\$?\d{1,4}\s?(?:\^\{?2\}?|²)\$?)+\s*[)）]"
)
#: `第一块 输出54×54：54×54×96×121 = 33872256`: a size, and a calculation with it.
_SIZE_BEFORE = re.compile(
    r"((?:输出|outputs?)\s*(?:size|尺寸|大小)?\s*(?:[为是]|is)?\s*\d{1,4}\s*[x×*]\s*\d{1,4})\s?[:：](?=\s*[\d(])",
    re.IGNORECASE,
)
#: `11712 / 614656 / 885120 / 34570`: a list.
_SLASHES = re.compile(
    r"(?<![\d.,*/+\-=)])(?<![*/+\-=)] )\d[\d,]*(?:\.\d+)?[kMG万]?"
    r"(?: / \d[\d,]*(?:\.\d+)?[kMG万]?){2,}(?![\d.,])(?![ \t]*[-*/+=^)→\d])"
)
#: `30,336 / 746,240 / 1,180,800 / 34,790 = 1.99 M`: nobody divides by these.
_SLASHES_SUM = re.compile(r"(?<![\d.,*/+\-=)])\d[\d,]{3,}(?: / \d[\d,]{3,}){2,}(?=\s*[=≈]\s*\d)")
#: `670M MACs (1.34 GFLOPs)`, `577,472,640 MACs (= 1,154,945,280 FLOPs)`.
_IN_FLOPS = re.compile(
    r"(?<=MACs)(\s*)[(（](\s*[=≈~]?\s*)(\d[\d,]*(?:\.\d+)?\s?[KMGT]?\s?FLOPs?)\s*[)）]",
    re.IGNORECASE,
)
#: `2.08 MB / 1.98 MiB`: the same in another unit.
_IN_TWO_UNITS = re.compile(
    r"\d\s?[KMG]i?B\s/\s(?=\d[\d,]*(?:\.\d+)?\s?[KMG]i?B(?![A-Za-z]))", re.IGNORECASE
)
#: `1.99M (30.3k + 746.2k + 1180.8k)`, `1992166个（30336、746240、1180800）`: what it is the sum of.
_OF_WHICH = re.compile(
    r"(?<=[\dkMG万亿个])(\s?)[(（](\s*\d[\d,]*(?:\.\d+)?[kMG万]?"
    r"(?:\s?[+、]\s?\d[\d,]*(?:\.\d+)?[kMG万]?){2,}\s*)[)）](?!\s*[-*/+=^(])"
)
#: `MB按10^6`: what a unit means.
_UNIT_IS = re.compile(r"(?<![A-Za-z\d])[KMG]i?B\s?按\s?(?:10\s?\^\s?\d|1000|1024)[\d*×^]*")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_FLOOR = re.compile(r"\\([lr](?:floor|ceil))(?![A-Za-z])")
_BRACKETS = {"lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉"}
#: `30x fewer parameters`, `30.7倍`: how much more or less.
_RATIO = re.compile(
    r"(?<![\d.,])\d+(?:\.\d+)?\s*(?:[x×]|times)\s*(?=(?:as\b|fewer|less|more|smaller|larger|bigger"
    r"|lower|higher|cheaper))"
    r"|(?<![\d.,])\d\s*(?:[x×]|times)\s+(?=(?:that|the forward|the cost)\b)"
    r"|(?<![\d.,])\d+(?:\.\d+)?\s*倍",
    re.IGNORECASE,
)
#: `1: 87619968 2: 503939072`: numbers of blocks, in one line.
_LISTED = re.compile(r"(?<![\w.])1\s*[:：]\s*\d[\d,.]{3,}(?:\s+\d\s*[:：]\s*\d[\d,.]{2,})+")
#: `1 MAC = 2 FLOPs`, `一次乘加算两次运算`: what the words mean.
_DEFINITION = re.compile(
    r"(?:\b1|\bone|\b(?:a|each)|[一1]\s*[个次])\s*(?:MAC|multiply-add|乘加)s?(?:运算)?\s*"
    r"(?:=|≈|is|are|counts as|算作?|等于|为|是|包含)\s*(?:2|two|[两二2]\s*[个次])\s*"
    r"(?:FLOPs?|operations?|浮点运算|运算)?(?![\d.,]*\d)",
    re.IGNORECASE,
)
#: `1 MB = 10^6 bytes`, `1 MiB = 1024 x 1024 B`: what a unit means; `base` shows which of two.
_UNIT_SAID = re.compile(
    r"(?<![\d.,])1\s?(?P<unit>[KMG]i?B)\s*(?:=|≈|is|为|是|等于|按)\s*"
    r"(?P<base>10\s?\^|10[⁰-⁹⁶³]|1e|1[,，]?0{3}|2\s?\^|1[,，]?024|1[,，]048|2[⁰-⁹²¹])"
    r"[\d,，⁰-⁹²³¹*×xX^\s]*(?:bytes?|字节|[KM]i?B|B)?(?![A-Za-z])",
    re.IGNORECASE,
)
#: `5 by 5`: a size.
_BY = re.compile(r"(?<![\d.,])(\d{1,4})( by )(?=\d{1,4}(?![\d.,]*\d))")
#: `**Parameters.**`; `2**3` is a power.
_EMPHASIS = re.compile(
    r"(?<![\w)*])(\*\*|__)(?=[^\s*_])([^*\n]*?[^\W\d_][^*\n]*?)\1(?![\w(*])"
    r"|(?<=[^\W\d_]|[，：])\s?(?P<mark>\*\*)(?P<bare>\d[\d.,]*(?:\s?[kKMGB万亿])?)\*\*(?!\s*[\d(])"
    r"|(?:^|(?<=[:：|]\s)|(?<=[=|]\s)|(?<=[:：|]))(\*\*)(?P<number>[\d.,kKMGB万亿 ]+)\*\*"
    r"(?=\s*(?:$|[|.。,，]))",
    re.MULTILINE,
)
#: `[96*(121+1), 2*96*(96+1)]`: Python's list of terms.
_LIST = re.compile(r"\[(?:[^\[\]\n,]*[-+*/()][^\[\]\n,]*,\s*)+[^\[\]\n]*\]")
#: `{'block1': 30336, 'block2': 746240}`.
_DICT = re.compile(r"\{\s*['\"][^{}]*?['\"]\s*:[^{}]*\}")
#: `sum([30336, 746240])`, `print(sum([...]))`.
_SUM_OF_LIST = re.compile(
    r"(?:print\()?(?:np\.|torch\.)?sum\(\s*[\[(](\s*\d[^\[\]\n]*,[^\[\]\n]*\d\s*)[\])]\s*\)\)?"
)
#: `## Exercise 7.3.4`, `### 2.`: a heading's number.
_HEADING = re.compile(
    r"^#{1,6}[ \t]+(?:\d+(?:\.\d+)*[.)、]?[ \t]+)?(?=\D*$)"
    r"|^#{2,6}[ \t]+(?:\d+(?:\.\d+)*[.)、]?[ \t]+)?(?=[^\W\d])",
    re.MULTILINE,
)
#: `输出24×24而不是26×26`, `55 and not 54`: what is said not to be.
_NOT_THIS = re.compile(
    r"(?:[,，]?\s*(?:而不是|而非|(?<!是)不是)|,?\s+(?:and not|instead of|rather than|but not|not))"
    r"\s*\d[\d.,]*(?:\s*[x×X*]\s*\d+)*(?:\s*(?:[kKMG]i?B?|万|亿))?(?![\d*×(])(?!\s*[-+*/^=])",
    re.IGNORECASE,
)
#: `[11.11.1+1].96`: dots for times signs, where no decimal point can be.
_DOTS = (
    re.compile(r"(?<![\d.])\d{1,4}(?:\.\d{1,4}){2,}(?![\d.])(?=\s*[-+*/=)\].])"),
    re.compile(r"(?<=[)\]])\s?\.(?=\s?\d)|(?<=\d)\.(?=\s?[(\[])"),
)
#: `96 . ( 11 . 11 . 1 + 1 ) =`: a scan's dot for a times sign.
_SPACED_DOT = re.compile(r"(?<=[\d)])[ ]+\.[ ]+(?=[\d(][^\n]*[=)])")
#: `单张6.1MB,乘128是781MB`.
_TIMES_IS = re.compile(r"(?<=[\dBGM万亿个次])[,，]\s?乘以?\s?(\d+)\s?(?:是|得|等于|就是)(?=\s*\d)")
#: `flops再乘2 152.5亿`: what was done to the number before.
_DOUBLED = re.compile(r"再?乘以?\s?2(?=[\s，,]+\d)")
#: `Total mult-adds (M): 762.30`: the unit of what follows.
_UNIT_BEFORE = re.compile(
    r"[(（](?P<unit>[KMGkmg]i?B|[KMG]|万|亿)[)）][ \t]*[:：=][ \t]*(?P<number>\d[\d,]*(?:\.\d+)?)"
    r"(?![\d.,]*\d)(?=[ \t]*$)",
    re.MULTILINE,
)


def meanings_of_mb(text: str) -> tuple[bool, ...]:
    """Whether MB means 2**20 bytes: as the text says it, and both where it does not say."""
    said = _UNIT_SAID.search(text)
    if said is None or "i" in said["unit"].lower():
        return (False, True)
    return (said["base"][:2] not in ("10", "1e") and not said["base"].startswith("1,0"),)


def _without_names(match: re.Match[str]) -> str:
    """Spaces for a formula with names in the place of numbers; others as they are."""
    bare = re.sub(r"\\(?:text|mathrm|mathit)\s?\{([^{}]*)\}", r"\1", match[0])
    bare = re.sub(r"\\[A-Za-z]+|\d\s?[xX]\s?\d", " ", bare)
    numbers = re.search(r"\d{2}|\d[.,]\d|=\s*\d\s*\$", bare)
    symbolic = re.search(r"[A-Za-z]", bare) and not numbers
    return " " * len(match[0]) if symbolic else match[0]


def _with_semicolon(match: re.Match[str]) -> str:
    return re.sub(r"(?<=[\dkKMG])[ \t](?=[ \t]*[A-Za-z]{4})", ";", match[0])


def _as_comma(match: re.Match[str]) -> str:
    return "、".ljust(len(match[0]))


def _with_unit_after(match: re.Match[str]) -> str:
    """The number with its unit, in as many characters."""
    return ":" + f"{match['number']}{match['unit']}".rjust(len(match[0]) - 1)


#: `(96, 54, 54)`, `[1,96,54,54]`: a shape; `(1,992)` is a number.
TUPLE = re.compile(
    r"[(\[（]\s*(?:\d{1,4}\s*[,，]\s*){2,3}\d{1,4}\s*[)\]）]"
    r"|[(\[（]\s*\d{1,4}(?:\s*[,，]\s+|\s*[,，](?!\d{3}\b))\d{1,4}\s*[)\]）]"
)
_ARROW = re.compile(r"->|=>|→|⇒|⟶|➜")
_A_SIZE = re.compile(r"\s*\d+(?:\s*[x×X*,]\s*\d+)*\s*")


def _chain_without_words(line: str) -> str:
    """`224 -> conv 11 -> 54 -> pool -> 26` with the layers made spaces, as long as before."""
    arrows = [match.span() for match in _ARROW.finditer(line)]
    if len(arrows) < 4:
        return line
    edges = [0, *(edge for arrow in arrows for edge in arrow), len(line)]
    steps = [line[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]
    sizes = [bool(_A_SIZE.fullmatch(re.sub(r"\([^()]*\)", " ", step))) for step in steps]
    if sum(sizes) < 3 or all(sizes[1:]) or any(re.search("[=:]", step) for step in steps):
        return line
    made = steps[0]
    for place, (step, (start, end)) in enumerate(zip(steps[1:], arrows, strict=True), start=1):
        arrow = line[start:end]
        made += arrow + step if sizes[place] else " " * (len(arrow) + len(step))
    return made + ("\n" if line.endswith("\n") and not made.endswith("\n") else "")
