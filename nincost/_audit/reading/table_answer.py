"""Reads an answer in the form of a profile's table: rows are layers, columns amounts."""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from nincost._audit.reading.columns_together import (
    places_of_roundings,
    wholes_of,
    with_copies,
)
from nincost._audit.reading.expression import Claim, Node, parse, rounded_unit, stands_for
from nincost._audit.reading.parts import MAX_TERMS, Part, Reading, Unread
from nincost._audit.reading.table_rows import Rows
from nincost._audit.reading.tokens import MAX_CHARACTERS, check_length
from nincost._audit.reading.variants import by_rows, variants_in
from nincost._audit.reading.weights_and_biases import (
    Cell,
    place_of_both,
    places_of_parts,
    with_parts,
)
from nincost._audit.reading.words import about, amount_in
from nincost._closed_form.cost_terms import QUANTITIES, Quantity
from nincost.errors import ExpressionError, did_you_mean


@dataclass(frozen=True, slots=True)
class Column:
    """One quantity, layer by layer, and the total row's figure where there is one.

    `total_unit` is what the total's last digit is worth where it is rounded; `unread` the rows of
    which the cell cannot be read.
    """

    what: Quantity
    cells: tuple[Cell, ...]
    total: Fraction | None
    total_unit: Fraction = Fraction(0)
    unread: tuple[Unread, ...] = ()

    @property
    def variants(self) -> bool:
        """Whether each row is about another built-in variant."""
        return bool(self.cells) and all(cell.variant for cell in self.cells)


#: Headings that people write for those of a profile.
_HEADINGS = {
    "layer": ("层", "网络层", "层名", "模块", "块", "层次"),
    "params": ("参数", "参数量", "参数数量", "参数个数", "parameters", "#params"),
    "macs": ("计算量", "乘加", "乘加次数", "前向计算量"),
    "flops": ("浮点运算量", "浮点运算次数", "运算量"),
    "output_shape": ("output", "output shape", "输出", "输出形状", "输出尺寸", "shape"),
}
_SHAPE = "output_shape"
_A_SIZE = 1_000  # a smaller number is of a batch, or of an output's size
_TOTALS = ("total", "sum", "all", "totals", "总计", "合计", "总和", "总", "共", "总共")
_UNIT_IN_HEADING = re.compile(
    r"[(（/,]\s*(?:in\s*|单位[:：]?\s*)?(?P<unit>[kKMG]|百?万|亿|(?:m|b)illions?|thousands?)\s*[)）]?$"
)
#: `MMACs`, `GFLOPs`.
_UNIT_FIRST = re.compile(r"(?P<unit>[kMG])\s?(?:MAC|FLOP)s?$")
_UNITS = {"million": "M", "millions": "M", "billion": "G", "billions": "G",
          "thousand": "k", "thousands": "k"}  # fmt: skip
#: `share of the MACs`, `相对原版的乘加`, `weights/MB`: no amount.
_NO_AMOUNT = re.compile(
    r"%|share|percent|ratio|relative|占比|比例|相对|[KMGkmg]i?B(?![A-Za-z])|memory|内存|显存",
    re.IGNORECASE,
)
_BLOCKS = re.compile(r"(?:nin )?blocks?|块|nin\s?块", re.IGNORECASE)
_ORDINAL = re.compile(r"[1-9]|[一二三四五六]")
_FEWEST_READ = 3  # cells of a column that must be read, so that others may be left out
_SPACED = re.compile(r"\d{1,3}(?:[ \u00a0]\d{3})+")
_HEADING = {word: name for name, words in _HEADINGS.items() for word in words}


def is_csv(text: str) -> bool:
    """Whether the first line is a table's heading: names and nothing else, with commas between.

    Most rows below it have as many cells: `MACs, layer by layer` is no heading of a table.
    """
    first = text.lstrip("\ufeff").partition("\n")[0].lower()
    names = {name.strip().strip('"') for name in first.split(",")}
    if "layer" in names or names.intersection(QUANTITIES):
        rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) if row]
        alike = sum(len(row) == len(rows[0]) for row in rows[1:])
        return len(names) > 1 and (2 * alike > len(rows) - 1 or len(rows) == 1)
    if _has_amounts(text):
        return True
    second = text.lstrip("\ufeff").partition("\n")[2].partition("\n")[0]
    if second and second.count(",") != first.count(","):
        return False
    return len(names) > 1 and all(re.fullmatch(r"[^\W\d_][\w-]*", name) for name in names)


def _has_amounts(text: str) -> bool:
    """Whether it has columns of any names, one of them an amount's, and rows of as many cells."""
    first = text.lstrip("\ufeff").partition("\n")[0]
    if len(text) > MAX_CHARACTERS or first.count(",") < 2:
        return False
    rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) if row]
    if len(rows) < 3 or len(rows[0]) < 3:
        return False
    names = [name.strip() for name in rows[0]]
    words = not any(re.fullmatch(r"[\d.,]+", name) for name in names)
    alike = sum(len(row) == len(names) for row in rows[1:])
    return words and any(map(amount_in, names)) and 10 * alike >= 9 * (len(rows) - 1)


def below_remarks(text: str) -> str:
    """What stands below the lines that begin with `#`: a CSV may have them above its heading."""
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    return "".join(itertools.dropwhile(lambda line: line.startswith("#") or line.isspace(), lines))


def read_csv(text: str, what: Quantity | None = None) -> tuple[Column, ...]:
    """The columns of a CSV, as `_columns` reads them."""
    check_length(text)
    return _columns(list(csv.reader(io.StringIO(text.lstrip("\ufeff")))), what, "CSV")


def read_table(rows: Rows, what: Quantity | None = None) -> tuple[Column, ...]:
    """The columns of a Markdown, LaTeX or JSON table's rows, as `_columns` reads them."""
    return _columns(rows, what, "table")


def shapes_of_table(rows: Rows) -> list[tuple[str, str]]:
    """The layer and the output shape of each row that has one: `96x54x54`."""
    names = [_HEADING.get(name.strip().lower(), name.strip().lower()) for name in rows[0]]
    if "layer" not in names or _SHAPE not in names:
        return []
    at, shape_at = names.index("layer"), names.index(_SHAPE)
    return [
        (row[at], re.sub(r"\s*[,，×*xX]\s*", "x", row[shape_at].strip(" \t()[]（）")))
        for row in rows[1:]
        if max(at, shape_at) < len(row) and re.search(r"\d", row[shape_at])
    ]


def with_outside(
    columns: tuple[Column, ...], around: Reading, *, by_hand: bool = False
) -> tuple[tuple[Column, ...] | Reading, ...]:
    """The columns and what stands around the table: a lone number is the column's total.

    A calculation of the same amount is left out: the table says it again. So is all of it where
    the table has its totals, as a program writes them; of a table made `by_hand` only what the
    table says again.
    """
    if all(column.total is not None for column in columns):
        if not by_hand:
            return (columns,)
        around.parts = [part for part in around.parts if not _is_in_table(part, columns)]
        more = bool(around.parts or around.figures or around.unread)
        return (columns, around) if more else (columns,)
    rest = []
    for part in around.parts:
        at = next((i for i, c in enumerate(columns) if part.what in (c.what, None)), None)
        if at is None:
            rest.append(part)
            continue
        numbers: list[Node | Claim] = [
            *[line.node for line in part.lines if line.node.kind == "number"],
            *part.claims,
        ]
        if columns[at].variants:
            rest.append(part)
        elif len(part.lines) == len(numbers) == 1 and columns[at].total is None:
            total = replace(columns[at], total=numbers[0].value, total_unit=numbers[0].unit)
            columns = (*columns[:at], total, *columns[at + 1 :])
    around.parts = rest
    kept = rest or around.figures or around.unread
    return (columns, around) if kept else (columns,)


def _is_in_table(part: Part, columns: tuple[Column, ...]) -> bool:
    """Whether each of its numbers stands in a column of the same amount, or is a size."""
    own = [column for column in columns if part.what in (column.what, None)]
    cells = {cell.value for column in own for cell in column.cells}
    cells |= {column.total for column in own if column.total is not None}
    said: list[Node | Claim] = [line.node for line in (*part.lines, *part.remarks)]
    said += [*part.claims, *(claim for line in part.lines for claim in line.claims)]
    return bool(own) and all(
        one.value in cells or one.value < _A_SIZE or stands_for(one.value, _unit(one), total)
        for one in said
        for total in [own[0].total or Fraction(0)]
    )


def _unit(one: Node | Claim) -> Fraction:
    return rounded_unit(one) if isinstance(one, Node) else one.unit


def _columns(
    table: list[list[str]], what: Quantity | None, kind: Literal["CSV", "table"]
) -> tuple[Column, ...]:
    """The columns `params`, `macs` and `flops` that are there, or only `what`.

    A column `layer` names each row's layer; a row named total (or sum, 总计, 合计) has the stated
    total. Empty cells and other columns are left out; a cell may be a calculation.

    Raises:
        ExpressionError: a column that is needed is not there, there are no rows or over 2,000, or a
            cell is not a number.
    """
    rows = by_rows([row for row in table if any(map(str.strip, row))])
    names = _names_of(rows) if rows else []
    wanted = (what,) if what else QUANTITIES
    found = [w for w in wanted if w in names]
    if kind == "table" and not found and not what and "layer" in names and _SHAPE in names:
        return ()
    if "layer" not in names or not found:
        lacking = "layer" if "layer" not in names else " or ".join(wanted)
        raise ExpressionError(
            f"the {kind} has no column named {lacking}{did_you_mean(lacking, names)}: expected "
            "layer and one of params, macs, flops, as `nincost profile --format csv` writes them"
        )
    if len(rows) < 2:
        raise ExpressionError(
            f"the {kind} has a heading and no rows: expected a row for each layer"
        )
    if len(rows) > MAX_TERMS:
        raise ExpressionError(
            f"the {kind} has {len(rows):,} rows: at most {MAX_TERMS:,} are read; grade a part of it"
        )
    again = [
        (w, place) for w in found for place in places_of_roundings(rows[0], names.index(w), names)
    ]  # fmt: skip
    wholes = wholes_of(rows[0], found, names)
    parts = places_of_parts(rows[0], names)
    units = [_unit_of_heading(name) for name in rows[0]]
    columns = [_column(rows[1:], names, w, units[names.index(w)]) for w in found]
    if parts is not None and "params" in found:
        at = found.index("params")
        cells = columns[at].cells
        columns[at] = replace(columns[at], cells=with_parts(cells, rows[1:], *parts))
    for w, (place, main) in wholes.items():
        own = columns[found.index(w)]
        cells = with_copies(own.cells, rows[1:], rows[0], place, main)
        columns[found.index(w)] = replace(own, cells=cells)
    for w, place in again:
        renamed = ["" if name == w else name for name in names]
        renamed[place] = w
        columns.append(_column(rows[1:], renamed, w, units[place]))
    heading = rows[0][names.index("layer")]
    columns = [_of_variants(column, heading) for column in columns]
    return tuple(_with_block_names(column, heading) for column in columns)


def _with_block_names(column: Column, heading: str) -> Column:
    """`1` and `一` below `block` or `块` as `block 1`, `块 一`."""
    if not _BLOCKS.fullmatch(heading.strip(" *")):
        return column
    return replace(
        column,
        cells=tuple(
            replace(c, layer=f"{heading.strip(' *')} {c.layer}")
            if _ORDINAL.fullmatch(c.layer)
            else c
            for c in column.cells
        ),
    )


def _of_variants(column: Column, heading: str) -> Column:
    """The column with each row's variant, where all rows are about variants."""
    variants = variants_in([cell.layer for cell in column.cells], heading)
    if variants is None or column.total is not None:
        return column
    cells = [replace(c, variant=v) for c, v in zip(column.cells, variants, strict=True)]
    return replace(column, cells=tuple(cells))


def _names_of(rows: list[list[str]]) -> list[str]:
    """The headings as a profile has them; the first column without numbers is that of layers."""
    names = [name.strip().strip("*").lower() for name in rows[0]]
    names = [_HEADING.get(name, name) for name in names]
    both = place_of_both(names)
    if both is not None and "params" not in names:
        names[both] = "params"
    for place, name in enumerate(names):
        if name in _HEADINGS or _NO_AMOUNT.search(name):
            continue
        if (amount := amount_in(name)) and amount not in names:
            names[place] = amount
    if "layer" not in names:
        for place, name in enumerate(names[:3]):
            cells = [row[place] for row in rows[1:] if place < len(row)]
            if name not in _HEADINGS and any(re.search(r"[^\W\d_]", cell) for cell in cells):
                names[place] = "layer"
                break
    return names


def _unit_of_heading(heading: str) -> str:
    """`M` of `params (M)`, `万` of `参数量/万`; empty where it names none."""
    found = _UNIT_IN_HEADING.search(heading.strip()) or _UNIT_FIRST.match(heading.strip())
    return _UNITS.get(found["unit"], found["unit"]) if found else ""


def _column(rows: list[list[str]], names: list[str], what: Quantity, unit_above: str) -> Column:
    cells: list[Cell] = []
    at = names.index(what)
    first_error: ExpressionError | None = None
    unread: list[Unread] = []
    total, unit = None, Fraction(0)
    layer_at = names.index("layer")
    for number, row in enumerate(rows, start=2):
        layer = row[layer_at].strip() if layer_at < len(row) else ""
        layer = layer[1:] if layer[:2] in ("'=", "'+", "'-", "'@") else layer
        text = row[at].strip(" *") if at < len(row) else ""
        if text in ("", "-", "–", "—"):
            continue
        text = _SPACED.sub(lambda m: re.sub(r"\D", "", m[0]), text)
        if unit_above and re.fullmatch(r"[\d.,]+", text):
            text += unit_above
        try:
            node = _number(text, f"row {number} ({layer or 'no name'}), column {what}")
        except ExpressionError as error:
            first_error = first_error or error
            unread.append(Unread(", ".join(filter(None, map(str.strip, row)))[:200], str(error)))
            continue
        if about(layer) == "memory":
            continue  # `in MB`: no layer's
        name = layer or next(filter(None, map(str.strip, row)))  # `Sum,,,1992166`
        if name.lower().strip(" *:：") in _TOTALS:
            total, unit = node.value, rounded_unit(node)
        else:
            cells.append(Cell(layer, text, node.value, rounded_unit(node)))
    if first_error is not None and len(cells) < _FEWEST_READ:
        raise first_error
    return Column(what, tuple(cells), total, unit, tuple(unread))


def _number(text: str, where: str) -> Node:
    """A cell's value; it may be a calculation, too."""
    try:
        node, _ = parse(text)
    except ExpressionError as error:
        raise ExpressionError(f"{where}: {error.args[0]}", error.excerpt) from None
    if node is None:
        raise ExpressionError(f"{where}: {text!r} is not a number: expected one such as 11712")
    return node
