"""An audit for a terminal: each term with its verdict, then the mistakes and the right sum."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._audit.figures.results import FigureGrade
from nincost._audit.results import Audit, Grade, GradedTerm
from nincost._chinese.translate import say
from nincost._render.audit import text as words
from nincost._render.parts.terminal import AsTyped, draw, grid, new_table

_STYLES = {
    "right": "green",
    "wrong": "bold red",
    "extra": "bold red",
    "adds up": "green",
    "not sure": "yellow",
}
_VERDICTS = {"right": "bold green", "wrong": "bold red", "not sure": "bold yellow"}
_MOST_RIGHT = 40
_LONGEST = 1500


def render(audit: Audit, *, width: int | None = None, color: bool = False) -> str:
    """One block for each amount that was graded."""
    title = f"{audit.model} on {', '.join(audit.input)} (batch {audit.batch_size})"
    parts: list[RenderableType] = [Text(title, style="bold")]
    for grade in audit.grades:
        parts += _grade(grade)
    for figures in audit.figures:
        parts += _figures(figures)
    if audit.unread:
        lines: list[tuple[str, str | Text]] = [
            ("Not read", AsTyped(f"{one.text} ({say(one.reason.splitlines()[0])})"))
            for one in audit.unread
        ]
        parts += [Text(), grid(lines)]
    if audit.notes:
        parts += [Text(), grid([("Note", note) for note in audit.notes])]
    return draw(parts, width=width or 100, color=color)


def _grade(grade: Grade) -> list[RenderableType]:
    style = _VERDICTS[grade.verdict]
    name = words.NAMES[grade.what]
    parts: list[RenderableType] = [
        Text(),
        Text.assemble((f"{name[0].upper()}{name[1:]}: ", "bold"), (words.verdict(grade), style)),
    ]
    if grade.terms and not (grade.ok and len(grade.terms) > _MOST_RIGHT):
        parts += [Text(), _terms(grade)]
    lines: list[tuple[str, str | Text]] = []
    for term in grade.terms:
        if term.verdict in ("wrong", "extra"):
            lines.append(("", ""))
            lines += _about(term)
    if lines:
        parts.append(grid(lines))
    lines = []
    for layer in grade.missing[:12]:
        lines.append(("Missing", f"{layer.layer}: {layer.correction} = {layer.expected:,}"))
    if len(grade.missing) > 12:
        lines.append(("Missing", f"and {len(grade.missing) - 12} more layers"))
    for count in grade.mistakes:
        lines.append(("Mistake", f"{count.title}: {words.mistake(count)}"))
    for about in grade.total_explanations:
        lines.append(("Perhaps", f"{about.title}: {about.detail}"))
    for error in grade.arithmetic_errors:
        lines.append(("Addition", error))
    lines += words.totals(grade)
    if grade.verdict == "wrong":
        lines.append(("Corrected", _corrected(grade)))
    if lines:
        parts += [Text(), grid(lines)]
    return parts


def _figures(grade: FigureGrade) -> list[RenderableType]:
    style = _VERDICTS[grade.verdict]
    parts: list[RenderableType] = [
        Text(),
        Text.assemble(
            (f"{words.FIGURES[grade.what]}: ", "bold"), (words.figures_verdict(grade), style)
        ),
        Text(),
    ]
    table = new_table()
    for name in ("Statement", "About", "Value"):
        table.add_column(name, overflow="fold")
    table.add_column("Verdict", no_wrap=True)
    for figure in grade.figures:
        table.add_row(
            AsTyped(figure.text),
            Text(figure.subject),
            Text(figure.written),
            Text(figure.verdict, style=_STYLES[figure.verdict]),
        )
    parts.append(table)
    for figure in grade.figures:
        lines = words.about_figure(grade.what, figure)
        if lines:
            parts.append(grid([("", ""), ("About", AsTyped(figure.text)), *lines]))
    return parts


def _corrected(grade: Grade) -> str:
    if len(grade.corrected) > _LONGEST:
        return f"{grade.expected:,}; --format json has the whole calculation"
    return f"{grade.corrected} = {grade.expected:,}"


def _terms(grade: Grade) -> RenderableType:
    table = new_table()
    table.add_column("Term", overflow="fold")
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Layer", overflow="fold")
    table.add_column("Verdict", no_wrap=True)
    for term in grade.terms:
        table.add_row(
            AsTyped(term.text),
            Text(words.number(term.value)),
            Text(words.stands_for(term)),
            Text(term.verdict, style=_STYLES[term.verdict]),
        )
    return table


def _about(term: GradedTerm) -> list[tuple[str, str | Text]]:
    lines: list[tuple[str, str | Text]] = [("Term", AsTyped(term.text))]
    for index, about in enumerate(term.explanations):
        text = f"{about.title}: {about.detail}" if about.detail else about.title
        lines.append(("or" if index else "mistake", text))
    if term.correction:
        lines.append(("right", f"{term.correction} = {words.number(term.expected or 0)}"))
    return lines
