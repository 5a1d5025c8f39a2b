"""The rows of a table in the forms that nincost and people write: Markdown, LaTeX, JSON."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import Any

from nincost._audit.reading.tokens import check_length
from nincost._audit.reading.words import amount_in
from nincost._closed_form.cost_terms import QUANTITIES
from nincost.errors import ExpressionError

Rows = list[list[str]]

_DASHES = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?\s*")
_GAP = re.compile(r"\s*(?:\t|\||\s{2,})\s*")
_RULE = re.compile(r"[-=+:| \u2500-\u257f]*")
_TABULAR = re.compile(r"\\begin\{tabular[x*]?\}(?P<body>.*?)(?:\\end\{tabular|\Z)", re.DOTALL)
_ARRAY = re.compile(r"\\begin\{array\}\{[^{}]*\}(?P<body>.*?)\\end\{array\}", re.DOTALL)
_RULES = re.compile(
    r"\\(?:toprule|midrule|bottomrule|hline|cmidrule(?:\([lr]*\))?\{[^{}]*\}|cline\{[^{}]*\})"
)
_COMMENT = re.compile(r"(?<!\\)%.*")
_ESCAPES = {r"\textbackslash{}": "\\", r"\textless{}": "<", r"\textgreater{}": ">"}
_AMOUNTS = (*QUANTITIES, "output_shape")


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a table, heading first, and the text before and after it.

    `free` is whether people write it by hand with any columns, and no program.
    """

    rows: Rows
    before: str = ""
    after: str = ""
    free: bool = False

    def as_lines(self) -> str:
        """The text with a line for each cell that has numbers: row, column and value."""
        names = self.rows[0]
        lines = []
        for row in self.rows[1:]:
            name = f"{names[0]} {row[0]}" if re.fullmatch(r"\s*\d+\s*", row[0]) else row[0]
            name = re.sub("[,，、]", " ", name)  # a comma would cut the name off
            cells = [(one, cell) for one, cell in zip(names[1:], row[1:], strict=False)]
            lines += [f"{name} {one}: {cell}" for one, cell in cells if re.search(r"\d", cell)]
        return "\n".join([self.before, *lines, self.after])


def table_in(text: str) -> Table | None:
    """The first table; None where there is none.

    Raises:
        ExpressionError: a JSON document that cannot be read, or has no layers.
    """
    check_length(text)
    if text.lstrip("\ufeff \r\n\t").startswith("{") and '"' in text:
        rows = _of_json(text)
        return Table(rows) if rows else None
    rows = _of_latex(text)
    array = None if rows else _of_array(text)
    if array is not None:
        return array
    return Table(rows) if rows else _of_markdown(text) or _of_columns(text)


def _of_markdown(text: str) -> Table | None:
    lines = [line.strip() for line in text.splitlines()]
    for place, line in enumerate(lines[1:], start=1):
        if not (_DASHES.fullmatch(line) and "|" in lines[place - 1]):
            continue
        rows = [*itertools.takewhile(lambda row: "|" in row, lines[place + 1 :])]
        cells = [_markdown_cells(row) for row in (lines[place - 1], *rows)]
        after = lines[place + 1 + len(rows) :]
        return Table(cells, "\n".join(lines[: place - 1]), "\n".join(after), free=True)
    return None


def _of_columns(text: str) -> Table | None:
    """Lines of as many cells with tabs, wide gaps or bars between them, below names of amounts."""
    lines = [_cells(line) for line in text.splitlines()]
    for place, names in enumerate(lines):
        bare = [re.sub(r"\d\s?[x×*]\s?\d", "", name) for name in names]
        words = not any(re.search(r"\d", name) for name in bare)
        if len(names) < 2 or not words or not any(map(amount_in, names[1:])):
            continue
        below = [row for row in lines[place + 1 :] if not _RULE.fullmatch("".join(row))]
        if below and len(below[-1]) < len(names):  # the total, with nothing beside it
            below[-1] = _total_row(below[-1], len(names))
        if len(below) > 1 and all(len(row) == len(names) for row in below):
            before = "\n".join(text.splitlines()[:place])
            return Table([names, *below], before, free=True)
    return None


def _cells(line: str) -> list[str]:
    bare = line.strip(" \r").strip("|").strip(" ")
    return [one.strip() for one in bare.split("\t")] if "\t" in bare else _GAP.split(bare)


def _total_row(row: list[str], columns: int) -> list[str]:
    """`Total  762,297,352` and a number alone, with the cells that were left empty."""
    if len(row) > 2 or not re.fullmatch(r"[~≈=*\s]*\d[\d,.]*\s*\w{0,3}\**", row[-1]):
        return row
    name = row[0] if len(row) == 2 else "total"
    return [name, *[""] * (columns - 2), row[-1]]


def _markdown_cells(line: str) -> list[str]:
    """`| a\\_b | 1 |` as `["a_b", "1"]`: a backslash stands before what Markdown would read."""
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    return [re.sub(r"\\([!-/:-@[-`{-~])", r"\1", cell).strip() for cell in cells]


def _of_latex(text: str) -> Rows:
    found = _TABULAR.search(text)
    if found is None:
        return []
    body = _RULES.sub(" ", _COMMENT.sub("", found["body"]))
    columns = re.match(r"\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\[[^\]]*\])+", body)
    lines = re.split(r"\\\\(?:\[[^\]]*\])?", body[columns.end() :] if columns else body)
    return [[_latex_cell(cell) for cell in re.split(r"(?<!\\)&", line)]
            for line in lines if line.strip()]  # fmt: skip


def _of_array(text: str) -> Table | None:
    """A table in a formula, as people write it by hand: `\\begin{array}{lrr}`."""
    found = _ARRAY.search(text)
    if found is None:
        return None
    body = _RULES.sub(" ", found["body"])
    lines = re.split(r"\\\\(?:\[[^\]]*\])?", body)
    rows = [[_array_cell(cell) for cell in re.split(r"(?<!\\)&", line)]
            for line in lines if line.strip()]  # fmt: skip
    if len(rows) < 2 or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return None
    return Table(rows, text[: found.start()], text[found.end() :], free=True)


def _array_cell(text: str) -> str:
    text = re.sub(r"\\(?:text|mathrm|textbf)\s*\{([^{}]*)\}", r"\1", text)
    return text.replace("{,}", ",").replace("\\times", "×").strip()


def _latex_cell(text: str) -> str:
    """`block1\\_a` as `block1_a`, `{params}` and `\\num{5}` as what stands in the braces."""
    for written, character in _ESCAPES.items():
        text = text.replace(written, character)
    text = re.sub(r"\\(?:textbf|textit|texttt|num|text|mathrm)\s*(?=\{)", "", text).replace("$", "")
    text = re.sub(r"(?<!\\)[{}]", "", text)
    return re.sub(r"\\([_&%#${}])", r"\1", text).strip()


def _of_json(text: str) -> Rows | None:
    """The layers of a result of nincost's, and its totals."""
    try:
        document = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        if '"layer' not in text:
            return None  # braces of another kind, as around a formula
        raise ExpressionError(
            "the answer begins as a JSON document and is none: expected one as `nincost profile "
            "--format json` writes it"
        ) from None
    layers = document.get("layers") if isinstance(document, dict) else None
    layers = [one for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []
    if not layers:
        raise ExpressionError(
            "the JSON document has no layers: expected one as `nincost profile --format json` "
            "writes it"
        )
    names = [name for name in _AMOUNTS if any(name in one for one in layers)]
    rows = [["layer", *names]]
    rows += [[str(one.get("layer", "")), *(_json_cell(one.get(n)) for n in names)]
             for one in layers]  # fmt: skip
    totals = document.get("totals")
    if isinstance(totals, dict):
        rows.append(["total", *(_json_cell(totals.get(name)) for name in names)])
    return rows


def _json_cell(value: Any) -> str:
    if isinstance(value, dict):  # explain's formulas with their value
        value = value.get("value")
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
