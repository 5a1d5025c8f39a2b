"""Grades shares: `block 3 has 59.3% of the parameters`, `第三块占了59%`.

Only those of which it is certain what they are of: a block or layer is named before, and an amount.
"""

from __future__ import annotations

import re
from fractions import Fraction

from nincost._audit.figures.results import GradedFigure
from nincost._audit.interpretations import Mistake
from nincost._audit.labels import Labels
from nincost._audit.reading.expression import stands_for
from nincost._audit.reading.parts import Reading
from nincost._audit.reading.words import amount_in, first_amount_in, says_about
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import Quantity

_SHARE = re.compile(r"(?<![\d.,])(?P<whole>\d{1,3})(?:\.(?P<decimals>\d{1,4}))?\s*[%％]")
_SENTENCE_END = re.compile(r"[。；;!?！？\n]|(?<!\bi\.e)(?<!\be\.g)\.(?=\s|$)")
#: A share of something else, or by how much two amounts differ.
_OTHERS = re.compile(
    r"\b(?:less|fewer|more|than|drop\w*|sav\w+|faster|slower|accura\w+|error|memory|activations?"
    r"|time|gpu|train\w*|relative)\b|多|少|降|减|省|提高|增|快|慢|准确率|错误率|显存|内存|激活|相对|时间|训练",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,，、%％]|\band\b")
_KERNEL = re.compile(r"(?<![\d*x×.])(\d{1,2})\s?[x×*]\s?\1(?![\d*x×])", re.IGNORECASE)
_NAMES: dict[Quantity, str] = {"params": "parameters", "macs": "MACs", "flops": "FLOPs"}
_ABOUT = 2  # percentage points


def graded_shares(reading: Reading, subject: Subject) -> list[GradedFigure]:
    """Each share whose block and amount are named; none where a part alone is asked about."""
    text, layers = reading.text, subject.layers(1)
    if subject.layer is not None or "%" not in text.replace("％", "%"):
        return []
    labels = Labels(layers)
    found = []
    for match in _SHARE.finditer(text):
        first = max((m.end() for m in _SENTENCE_END.finditer(text, 0, match.start())), default=0)
        ends = _SENTENCE_END.search(text, match.end())
        before = text[first : match.start()]
        after = text[match.end() : ends.start() if ends else len(text)].partition("%")[0]
        places = _places(labels, before)
        what = first_amount_in(after) or amount_in(before) or _amount_above(text[:first])
        if not places or len(places) == len(layers) or what is None:
            continue
        if _OTHERS.search(f"{before} {after}"):
            continue
        amounts = [layer.cost.amount(what) for layer in layers]
        part, total = sum(amounts[place] for place in places), sum(amounts)
        if total:
            said = " ".join(f"{before}{match[0]}".split())
            block = layers[places[0]].name.rpartition(".")[0]
            name = block if len(places) > 1 and block else layers[places[0]].name
            found.append(_graded(match, said, f"{name} {_NAMES[what]}", part, total))
    return found


def _amount_above(text: str) -> Quantity | None:
    """The amount that is named last before a sentence: the equations far above say nothing."""
    clauses = (
        clause
        for line in reversed(text.splitlines())
        for clause in reversed(_SENTENCE_END.split(line))
    )
    return next((what for clause in clauses if (what := amount_in(clause))), None)


def _places(labels: Labels, before: str) -> tuple[int, ...]:
    """What its own clause names, `the 3x3 of the third block`; else what was named last."""
    clause = _CLAUSE.split(before)[-1]
    kernels = {int(size) for size in _KERNEL.findall(clause)}
    own = labels.places(clause)
    if len(kernels) == 1 and not own:
        windows = [(p, one.cost) for p, one in enumerate(labels.layers) if one.cost.window]
        own = tuple(
            p for p, cost in windows
            if cost.type.startswith("Conv") and cost.window and set(cost.window.kernel) == kernels
        )  # fmt: skip
    return own or labels.places(before)


def _graded(match: re.Match[str], said: str, about: str, part: int, total: int) -> GradedFigure:
    decimals = match["decimals"] or ""
    unit = Fraction(1, 10 ** len(decimals))
    value = int(match["whole"] + decimals) * unit
    share = Fraction(100 * part, total)
    near = says_about(said[: -len(match[0])][-12:]) and abs(value - share) <= _ABOUT
    right = near or stands_for(value, unit, share)
    expected = f"{float(share):.{max(1, len(decimals))}f}%"
    return GradedFigure(
        text=said,
        subject=about,
        written=match[0],
        expected=expected,
        verdict="right" if right else "wrong",
        mistakes=() if right else (Mistake("share-wrong", f"it is {expected}"),),
        formula=f"{part:,} / {total:,}",
    )
