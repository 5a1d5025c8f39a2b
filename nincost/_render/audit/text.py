"""An audit in words, for every format that shows words."""

from __future__ import annotations

from nincost._audit.figures.results import FigureGrade, FigureKind, GradedFigure
from nincost._audit.results import Grade, GradedTerm, MistakeCount

NAMES = {"params": "parameters", "macs": "MACs", "flops": "FLOPs"}
FIGURES = {
    "memory": "Memory", "shapes": "Output shapes", "fields": "Receptive fields", "shares": "Shares",
}  # fmt: skip
HOW_TO_SAY_IT = "a line for each layer or block with its name and number, then one for the total"
_SHOWN = 4


def number(value: int | float) -> str:
    """`1,992,166`; a value that is not whole with its decimals."""
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}"
    return f"{value:,.4f}".rstrip("0")


def layers(names: tuple[str, ...]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:_SHOWN])
    rest = len(names) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def verdict(grade: Grade) -> str:
    """The grade in a sentence."""
    name = NAMES[grade.what]
    read = f" (taken as an answer about {name}, since it does not say)" if grade.guessed else ""
    if grade.ok:
        return f"right: {number(grade.expected)} {name}{read}"
    if grade.not_understood:
        count = _count(len(grade.not_understood), "number")
        return f"not sure: {count} not understood{read}"
    if grade.written == grade.expected:
        return f"every term is right, but a total stated in the answer is not their sum{read}"
    if grade.terms or grade.missing:
        wrong = sum(term.verdict in ("wrong", "extra") for term in grade.terms)
        counts = [f"{wrong} of {_count(len(grade.terms), 'term')} wrong"] if wrong else []
        if grade.missing:
            counts.append(f"{_count(len(grade.missing), 'layer')} missing")
        return f"wrong{': ' if counts else ''}{', '.join(counts)}{read}"
    return f"wrong{read}"


def figures_verdict(grade: FigureGrade) -> str:
    """The grade of statements in a sentence."""
    wrong = sum(figure.verdict == "wrong" for figure in grade.figures)
    unsure = sum(figure.verdict == "not sure" for figure in grade.figures)
    if unsure and not wrong:
        return f"not sure: {_count(unsure, 'statement')} not understood"
    if not wrong:
        return "right"
    return f"wrong: {wrong} of {_count(len(grade.figures), 'statement')} wrong"


_NAME_IT: dict[FigureKind, str] = {
    "memory": "what takes it: name it, such as parameters: 7.97 MB",
    "shapes": "which layer is meant: name it, such as block 2: 26x26",
    "fields": "which layer is meant: name it, such as block 2: 26x26",
    "shares": "which layer is meant: name it, such as block 2: 37.5% of the parameters",
}


def about_figure(what: FigureKind, figure: GradedFigure) -> list[tuple[str, str]]:
    """What is to be said of a statement beside its row: mistakes, the right way, notes."""
    if figure.verdict == "not sure":
        return [("Not understood", _NAME_IT[what])]
    lines = []
    for index, one in enumerate(figure.mistakes):
        lines.append(("or" if index else "mistake", f"{one.title}: {one.detail}"))
    if figure.verdict == "wrong":
        right = f"{figure.expected}: {figure.formula}" if figure.formula else figure.expected
        lines.append(("right", right))
    elif figure.formula:
        lines.append(("as", figure.formula))
    lines += [("note", note) for note in figure.notes]
    return lines


def totals(grade: Grade) -> list[tuple[str, str]]:
    """The sums, each with how far it is off."""
    name = NAMES[grade.what]
    single = len(grade.terms) == 1 and not grade.missing
    lines = []
    if grade.not_understood:
        lines += [("Not understood", one) for one in grade.not_understood]
        lines.append(("Understood is", HOW_TO_SAY_IT))
        return [*lines, ("Right total", f"{number(grade.expected)} {name}")]
    if grade.written != grade.expected and not (grade.ok and single):
        lines.append(("Sum of terms", f"{number(grade.written)}{_off(grade.written, grade)}"))
    if grade.claimed is not None and grade.claimed != grade.expected and not grade.ok:
        lines.append(("Stated total", f"{number(grade.claimed)}{_off(grade.claimed, grade)}"))
    if not grade.ok:
        lines.append(("Right total", f"{number(grade.expected)} {name}"))
    return lines


def _off(value: int | float, grade: Grade) -> str:
    difference = value - grade.expected
    if not difference or not grade.expected:
        return ""
    many = "too many" if difference > 0 else "too few"
    text = f"{number(abs(difference))} {many}"
    ratio = value / grade.expected
    if ratio >= 1.5:
        text += f", {_times(ratio)} times too large"
    elif 0 < ratio <= 2 / 3:
        text += f", {_times(1 / ratio)} times too small"
    return f" ({text})"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 or abs(ratio - round(ratio)) < 0.005 else f"{ratio:.1f}"


def mistake(count: MistakeCount) -> str:
    """`8 layers (block1.conv1x1_1, ...): 1,492 too few`."""
    parts = []
    if count.layers:
        names = dict.fromkeys(count.layers)
        parts.append(f"{_count(len(count.layers), 'layer')} ({layers(tuple(names))})")
    if count.difference:
        many = "too many" if count.difference > 0 else "too few"
        parts.append(f"{number(abs(count.difference))} {many}")
    return ": ".join(parts) or "in the total"


def explanation(term: GradedTerm) -> str:
    """What is wrong with a term, the likeliest explanation first."""
    texts = [f"{e.title}: {e.detail}" if e.detail else e.title for e in term.explanations]
    return "; or ".join(texts)


def stands_for(term: GradedTerm) -> str:
    """The layers of a term."""
    return layers(term.layers) if term.layers else "-"


def _count(number_of: int, noun: str) -> str:
    return f"{number_of} {noun}" + ("" if number_of == 1 else "s")
