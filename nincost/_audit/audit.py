"""Grades a hand calculation of a model's parameters, MACs or FLOPs."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nincost._audit.doubts import is_incidental
from nincost._audit.figures.fields import graded_fields
from nincost._audit.figures.memory import graded_memory
from nincost._audit.figures.results import FigureGrade, FigureKind, GradedFigure
from nincost._audit.figures.shapes import graded_shape_rows, graded_shapes
from nincost._audit.figures.shares import graded_shares
from nincost._audit.grading_table import grade_column
from nincost._audit.likeliest_reading import grade_part
from nincost._audit.lost_signs import lost_signs, with_signs
from nincost._audit.mistakes import Question
from nincost._audit.reading.answer import read_answer
from nincost._audit.reading.parts import Part, Reading, Unread
from nincost._audit.reading.printed_summary import printed_summary
from nincost._audit.reading.table_answer import (
    Column,
    below_remarks,
    is_csv,
    read_csv,
    read_table,
    shapes_of_table,
    with_outside,
)
from nincost._audit.reading.table_rows import table_in
from nincost._audit.reading.tokens import MAX_CHARACTERS, check_length
from nincost._audit.reading.words import About
from nincost._audit.results import Audit, Grade
from nincost._audit.sentences.each_number import compares_only
from nincost._audit.sentences.of_variants import graded_variants
from nincost._audit.subject import Subject, subject_of
from nincost._chinese.translate import Lang, check_language
from nincost._closed_form.cost_terms import QUANTITIES, Quantity
from nincost._environment import environment
from nincost._isolation import in_own_mode
from nincost._models.nin import DEFAULT_MODEL
from nincost.errors import ExpressionError, InputError


@in_own_mode
def audit(
    answer: str | Path | None = None,
    model: Any = DEFAULT_MODEL,
    *,
    params: str | None = None,
    macs: str | None = None,
    flops: str | None = None,
    memory: str | None = None,
    what: Quantity | None = None,
    layer: str | None = None,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    lang: Lang | None = None,
) -> Audit:
    """Grade each term of a hand calculation: right, or wrong by which mistake.

    Args:
        answer: a calculation such as `96*(11*11*1+1) + ... = 1992166`, or a file with one, or a
            table in the form of a profile's: CSV, Markdown, LaTeX or JSON.
        model, input, batch_size, arg: as in `nincost.profile`.
        params, macs, flops: a calculation of that quantity, in place of `answer` or with it.
        memory: statements about memory, such as `parameters: 7.97 MB`, likewise.
        layer: only this layer, or the layers of this block, are asked about.
        what: which quantity `answer` is about, where it does not say so itself; without it the one
            that fits best is taken.
        lang: the language of the words, `en` or `zh`; that of LANG if None.

    Returns:
        An `Audit`, with a grade for each quantity. It is right (`ok`) where the value is the
        trace's, exactly or, for a rounded figure, to its last digit, and stated totals are the
        terms' sums. Otherwise each wrong term has the likeliest mistakes and a correction.

    Raises:
        ExpressionError: a calculation that does not parse, or is larger than anybody writes.
        InputError: nothing to grade, an unknown quantity, or an input that does not fit the model.
        ModelError: the model cannot be found or run.

    Examples:
        >>> nincost.audit(params="96*(11*11+1) = 11712", model="two-1x1").ok
        False
    """
    check_language(lang)
    if what is not None and what not in QUANTITIES:
        raise InputError(f"what is {what!r}: choose {', '.join(QUANTITIES)}")
    given: dict[About, str | None] = {
        "params": params,
        "macs": macs,
        "flops": flops,
        "memory": memory,
    }
    written = [(text, name) for name, text in given.items() if text is not None]
    if answer is None and not written:
        raise InputError(
            "nothing to grade: give a file (- for standard input), or --params, --macs, --flops or "
            "--memory with a calculation such as '96*(11*11*1+1) + ... = 1992166'"
        )
    texts: list[tuple[str, About | None]] = [*written]
    if answer is not None:
        texts.insert(0, (_text(answer), what))
    lost = any(lost_signs(text) for text, _ in texts)
    name = model if isinstance(model, str) else type(model).__name__
    read = [] if lost else [one for text, about in texts for one in _read(text, about, name)]
    subject = subject_of(model, arg, input=input, batch_size=batch_size, layer=layer)
    graded = grade_texts(texts, subject) if lost else grade_readings(read, subject)
    return replace(graded, lang=lang)


@dataclass(frozen=True, slots=True)
class ShapeRows:
    """The output shapes in a table: each row's layer, and its shape as `96x54x54`."""

    rows: Sequence[tuple[str, str]]


#: What was read: a text, or the columns of a table.
Read = Reading | tuple[Column, ...] | ShapeRows


def _read(text: str, about: About | None, model: str) -> tuple[Read, ...]:
    """A text as it is to be read: with a table it may be the table's columns and what is around."""
    what: Quantity | None = about if about in QUANTITIES else None  # type: ignore[assignment]
    for csv in (text, below_remarks(text)):
        if is_csv(csv):
            return (read_csv(csv, what),)
    table = printed_summary(text) or table_in(text)
    if table is None:
        return (read_answer(text, about, model),)
    try:
        columns = read_table(table.rows, what)
    except ExpressionError as error:
        if not table.free:
            raise
        with contextlib.suppress(ExpressionError):
            return (read_answer(table.as_lines(), about, model),)
        raise error from None
    shapes = ShapeRows(shapes_of_table(table.rows))
    if not columns:
        return (shapes,)
    written = {name.strip().lower() for name in table.rows[0]}
    by_hand = table.free and not written >= {"layer", "type"}  # as a profile's table has them
    table_read: tuple[Read, ...] = (columns, shapes) if by_hand and shapes.rows else (columns,)
    outside = f"{table.before}\n{table.after}"
    try:
        around = read_answer(outside, about, model)
    except ExpressionError as error:
        if not error.excerpt:
            return table_read  # words alone
        line = error.excerpt.splitlines()[0].strip()
        return *table_read, Reading(outside, outside, unread=[Unread(line, str(error))])
    return *with_outside(columns, around, by_hand=by_hand), *table_read[1:]


def grade_text(text: str, subject: Subject, what: Quantity | None = None) -> Audit:
    """A written answer, graded for a model that has been traced."""
    return grade_texts([(text, what)], subject)


def grade_texts(texts: Sequence[tuple[str, About | None]], subject: Subject) -> Audit:
    """Written answers, with the times signs that a paste lost put back where that fits."""
    read: list[Read] = []
    notes: list[str] = []
    for text, what in texts:
        if lost_signs(text):
            amount: Quantity | None = what if what in QUANTITIES else None  # type: ignore[assignment]
            restored = with_signs(text, subject.layers(), amount)
            if restored != text:
                notes.append(f"the times signs seem to be lost: read as {restored}")
            text = restored  # noqa: PLW2901
        read += _read(text, what, subject.traced.model)
    return grade_readings(read, subject, notes)


def grade_readings(read: Sequence[Read], subject: Subject, notes: Sequence[str] = ()) -> Audit:
    """What was read, graded."""
    grades: list[Grade] = []
    figures: list[FigureGrade] = []
    unread = []
    compared = any(isinstance(one, tuple) and any(c.variants for c in one) for one in read)
    for one in read:
        if isinstance(one, Reading):
            parts = [part for part in one.parts if not (compared and _compares(part, subject))]
            own = [(part, grade_part(part, subject)) for part in parts]
            figures += graded_figures(one, subject)
            grades += [
                graded for part, graded in own if not is_incidental(graded, part, figures, len(own))
            ]
            unread += one.unread
        elif isinstance(one, ShapeRows):
            figures.append(FigureGrade("shapes", graded_shape_rows(one.rows, subject)))
        else:
            unread += [row for column in one for row in column.unread]
            grades += [_graded_column(column, subject) for column in one]
    if not grades and not figures:
        if unread:
            raise ExpressionError(unread[0].reason)
        raise ExpressionError(
            "nothing in the answer could be graded: expected a calculation such as "
            "96*(11*11*1+1) + ... = 1992166, or a shape, a size in bytes, a receptive field"
        )
    traced = subject.traced
    return Audit(
        model=traced.model,
        input=traced.input,
        batch_size=traced.batch_size,
        layer=subject.layer,
        grades=tuple(grades),
        figures=tuple(figures),
        unread=tuple(unread),
        notes=(*notes, *traced.notes),
        environment=environment(),
    )


def _compares(part: Part, subject: Subject) -> bool:
    """Whether it only says by how much the variants of a table differ, and that is so."""
    whats = QUANTITIES if part.what is None else (part.what,)
    return any(compares_only(part, subject, what) for what in whats)


def _graded_column(column: Column, subject: Subject) -> Grade:
    if column.variants and subject.traced.model in dict(subject.all_totals(column.what)):
        return graded_variants(column, subject, grade_part)
    return grade_column(
        column, subject.layers(), Question(column.what, subject.batch_size),
        functools.partial(subject.other_totals, column.what),
    )  # fmt: skip


def graded_figures(reading: Reading, subject: Subject) -> list[FigureGrade]:
    """What an answer says beside amounts: memory, shapes, fields, shares; no empty kind."""
    graders: dict[FigureKind, Callable[..., list[GradedFigure]]] = {
        "memory": graded_memory, "shapes": graded_shapes, "fields": graded_fields,
    }  # fmt: skip
    found = []
    for kind, graded in graders.items():
        own = [figure for figure in reading.figures if figure.about == kind]
        if own:
            figures = tuple(graded(reading, own, subject))
            if figures:
                found.append(FigureGrade(kind, figures))
    shares = tuple(graded_shares(reading, subject))
    return [*found, FigureGrade("shares", shares)] if shares else found


def _text(answer: str | Path) -> str:
    """The answer itself, or the contents of the file that it names."""
    if isinstance(answer, str):
        check_length(answer)
        if "\n" in answer or not answer.strip() or len(answer) > 1000:
            return answer
        path = Path(answer)
        try:
            is_file = path.is_file()
        except (OSError, ValueError):
            return answer
        if not is_file:
            if path.suffix.lower() in (".txt", ".csv", ".md", ".tex", ".json"):
                raise InputError(f"there is no file {answer!r}: give a file, or a calculation")
            return answer
    else:
        path = answer
    return read_file(path)


def read_file(path: Path) -> str:
    """A file's text; a file that is too large is refused before it is read whole.

    Raises:
        InputError: it cannot be read.
        ExpressionError: it is too large, or not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be read: {error.strerror or error}: give a text file or a CSV"
        ) from None
    return decode(data, str(path))


def decode(data: bytes, name: str) -> str:
    """Bytes as text: UTF-8, or UTF-16 with a byte order mark. `name` is for the error."""
    if len(data) > 4 * MAX_CHARACTERS:
        raise ExpressionError(
            f"{name!r} is larger than {MAX_CHARACTERS:,} characters, the most that is read: "
            "grade a part of it"
        )
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ExpressionError(f"{name!r} is not UTF-8 text: save it as UTF-8") from None
