"""An audit as Markdown."""

from __future__ import annotations

from nincost._audit.figures.results import FigureGrade
from nincost._audit.results import Audit, Grade
from nincost._chinese.translate import say
from nincost._render.audit import text as words
from nincost._render.markdown import escape, table

_COLUMNS = ("term", "value", "layers", "expected", "verdict", "explanation", "correction")
_RIGHT = [name in ("value", "expected") for name in _COLUMNS]


def render(audit: Audit) -> str:
    """A heading for each amount, the terms as a table, the mistakes and the right sum."""
    lines = [f"# {escape(f'{audit.model}: audit')}", ""]
    for grade in audit.grades:
        lines += _grade(grade)
    for figures in audit.figures:
        lines += _figures(figures)
    lines += [f"- {say('not read')}: {escape(one.text)}" for one in audit.unread]
    lines += [f"- {escape(note)}" for note in audit.notes]
    return "\n".join(lines).rstrip("\n") + "\n"


def _figures(grade: FigureGrade) -> list[str]:
    name = say(f"{words.FIGURES[grade.what]}: ")
    lines = [f"## {name}{escape(words.figures_verdict(grade))}", ""]
    rows = [
        [
            escape(figure.text),
            escape(figure.subject),
            escape(figure.written),
            figure.verdict,
            escape(
                "; ".join(
                    f"{name}: {text}" for name, text in words.about_figure(grade.what, figure)
                )
            ),
        ]
        for figure in grade.figures
    ]
    columns = ("statement", "about", "value", "verdict", "explanation")
    return [*lines, *table(columns, rows, [False] * len(columns)), ""]


def _grade(grade: Grade) -> list[str]:
    name = words.NAMES[grade.what]
    lines = [f"## {say(f'{name[0].upper()}{name[1:]}: ')}{escape(words.verdict(grade))}", ""]
    rows = [
        [
            escape(term.text),
            words.number(term.value),
            escape(words.stands_for(term)),
            "" if term.expected is None else words.number(term.expected),
            term.verdict,
            escape(words.explanation(term)),
            escape(term.correction),
        ]
        for term in grade.terms
    ]
    rows += [
        [
            "",
            "",
            escape(layer.layer),
            f"{layer.expected:,}",
            "missing",
            "",
            escape(layer.correction),
        ]
        for layer in grade.missing
    ]
    if rows:
        lines += [*table(_COLUMNS, rows, _RIGHT), ""]
    items = [f"- {escape(count.title)}: {escape(words.mistake(count))}" for count in grade.mistakes]
    items += [
        f"- {say('perhaps')} {escape(about.title)}: {escape(about.detail)}"
        for about in grade.total_explanations
    ]
    items += [f"- {say('arithmetic error')}: {escape(error)}" for error in grade.arithmetic_errors]
    items += [f"- {escape(label)}: {escape(text)}" for label, text in words.totals(grade)]
    items.append(f"- {say('Corrected')}: {escape(grade.corrected)} = {grade.expected:,}")
    return [*lines, *items, ""]
