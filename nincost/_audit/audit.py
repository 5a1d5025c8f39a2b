"""Grades a hand calculation of a model's parameters, MACs or FLOPs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nincost._audit.answer import Part, read_text
from nincost._audit.grading import grade
from nincost._audit.grading_table import grade_column
from nincost._audit.mistakes import Question
from nincost._audit.results import Audit, Grade
from nincost._audit.table_answer import (
    Column,
    is_csv,
    is_markdown_table,
    read_csv,
    read_markdown_table,
)
from nincost._audit.tokens import MAX_CHARACTERS, check_length
from nincost._closed_form.cost_terms import QUANTITIES, CostedLayer, Quantity, costed_layers
from nincost._devices.tables import meta_operators
from nincost._environment import environment
from nincost._isolation import collection_paused, in_own_mode
from nincost._models.nin import DEFAULT_MODEL
from nincost._models.sources import resolve
from nincost._trace.trace import trace
from nincost.errors import ExpressionError, InputError


@in_own_mode
def audit(
    answer: str | Path | None = None,
    model: Any = DEFAULT_MODEL,
    *,
    params: str | None = None,
    macs: str | None = None,
    flops: str | None = None,
    what: Quantity | None = None,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
) -> Audit:
    """Grade each term of a hand calculation: right, or wrong by which mistake.

    Args:
        answer: a calculation such as `96*(11*11*1+1) + ... = 1992166`, or a file with one, or a
            CSV or a Markdown table in the form of a profile's.
        model, input, batch_size, arg: as in `nincost.profile`.
        params, macs, flops: a calculation of that quantity, in place of `answer` or with it.
        what: which quantity `answer` is about, where it does not say so itself; without it the one
            that fits best is taken.

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
    if what is not None and what not in QUANTITIES:
        raise InputError(f"what is {what!r}: choose {', '.join(QUANTITIES)}")
    parts: list[Part] = []
    columns: tuple[Column, ...] = ()
    if answer is not None:
        text = _text(answer)
        if is_csv(text):
            columns = read_csv(text, what)
        elif is_markdown_table(text):
            columns = read_markdown_table(text, what)
        else:
            parts += read_text(text, what)
    given: dict[Quantity, str | None] = {"params": params, "macs": macs, "flops": flops}
    for name, expression in given.items():
        if expression is not None:
            parts += read_text(expression, name)
    if not parts and not columns:
        raise InputError(
            "nothing to grade: give a file (- for standard input), or --params, --macs or --flops "
            "with a calculation such as '96*(11*11*1+1) + ... = 1992166'"
        )
    with collection_paused():
        found = resolve(model, arg)
        traced = trace(found, input, batch_size=batch_size, operators=meta_operators(), on_cpu=True)
        layers = costed_layers(traced)
    grades = [grade_column(column, layers, Question(column.what, batch_size)) for column in columns]
    grades += [_grade(part, layers, batch_size) for part in parts]
    return Audit(
        model=traced.model,
        input=traced.input,
        batch_size=traced.batch_size,
        grades=tuple(grades),
        notes=traced.notes,
        environment=environment(),
    )


def _grade(part: Part, layers: Sequence[CostedLayer], batch_size: int) -> Grade:
    if part.what is not None:
        return grade(part, layers, Question(part.what, batch_size))[0]
    tried = [grade(part, layers, Question(w, batch_size), guessed=True) for w in QUANTITIES]
    return min(tried, key=lambda pair: pair[1])[0]


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
            if path.suffix.lower() in (".txt", ".csv", ".md", ".tex"):
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
