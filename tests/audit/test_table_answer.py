"""An answer as a table: which cells are read for which quantity, and what is refused. By hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

import nincost
from nincost._audit.reading.table_answer import Column, is_csv, read_csv
from nincost._audit.reading.weights_and_biases import Cell
from nincost.errors import ExpressionError

TABLE = """layer,type,params,macs
block1.conv,Conv2d,11712,33872256
block1.relu,ReLU,0,0
block1.conv1x1_1,Conv2d,9312,26873856
total,,21024,60746112
"""


def cells(column: Column) -> list[tuple[str, int | Fraction]]:
    return [(cell.layer, cell.value) for cell in column.cells]


def test_each_quantity_is_a_column_with_the_total_apart() -> None:
    params, macs = read_csv(TABLE)
    assert (params.what, macs.what) == ("params", "macs")
    assert cells(params) == [
        ("block1.conv", 11712), ("block1.relu", 0), ("block1.conv1x1_1", 9312),
    ]  # fmt: skip
    assert cells(macs) == [
        ("block1.conv", 33_872_256), ("block1.relu", 0), ("block1.conv1x1_1", 26_873_856),
    ]  # fmt: skip
    assert (params.total, macs.total) == (21_024, 60_746_112)
    assert params.cells[0] == Cell("block1.conv", "11712", Fraction(11712))


def test_only_the_quantity_asked_for_is_read() -> None:
    (macs,) = read_csv(TABLE.replace("11712", "no number"), "macs")
    assert macs.what == "macs"
    assert macs.total == 60_746_112


def test_columns_may_stand_in_any_order() -> None:
    params, flops = read_csv("flops,note,params,layer\n6,x,2,a\n8,y,4,b\n")
    assert (params.what, cells(params)) == ("params", [("a", 2), ("b", 4)])
    assert (flops.what, cells(flops)) == ("flops", [("a", 6), ("b", 8)])
    assert params.total is None


VALUES = [
    ("11712", 11712),
    ("96*(11*11+1)", 11712),  # a calculation
    ('"11,712"', 11712),  # as a spreadsheet shows it
    (" 12 ", 12),
    ("1.5e3", 1500),
    ("0.5", Fraction(1, 2)),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_a_cell_is_a_number_or_a_calculation(text: str, value: int | Fraction) -> None:
    (column,) = read_csv(f"layer,params\na,{text}\n")
    assert cells(column) == [("a", value)]


LAYERS = [
    ("fc", "fc"),
    (" fc ", "fc"),
    ('"a,b"', "a,b"),
    ("'=fc", "=fc"),  # how a profile's CSV keeps a spreadsheet from running a name
    ("'fc", "'fc"),
    ("", ""),
    ("subtotal", "subtotal"),
]


@pytest.mark.parametrize(("text", "name"), LAYERS)
def test_a_row_names_its_layer(text: str, name: str) -> None:
    (column,) = read_csv(f"layer,params\n{text},7\n")
    assert cells(column) == [(name, 7)]
    assert column.total is None


@pytest.mark.parametrize("name", ["total", "Total", " TOTAL ", "sum", "总计", "合计"])
def test_a_row_with_the_total_is_no_layer(name: str) -> None:
    (column,) = read_csv(f"layer,params\na,3\n{name},5\n")
    assert (cells(column), column.total) == ([("a", 3)], 5)


def test_empty_cells_short_rows_and_blank_lines_are_left_out() -> None:
    params, macs = read_csv("layer,params,macs\na,1,\n\nb\n , ,\nc,,4\n")
    assert cells(params) == [("a", 1)]
    assert cells(macs) == [("c", 4)]


def test_headings_in_capitals_with_spaces_and_a_byte_order_mark() -> None:
    (column,) = read_csv("\ufeffLayer , PARAMS\r\na,1\r\nb,2\r\n")
    assert cells(column) == [("a", 1), ("b", 2)]


BAD = [
    ("name,params\n1,1\n", None, "no column named layer"),
    ("layer,parms\na,1\n", "params", "did you mean 'parms'"),
    ("layer,type\na,b\n", None, "no column named params or macs or flops"),
    ("layer,params\na,1\n", "macs", "no column named macs"),
    ("layer,params\n", None, "a heading and no rows"),
    ("layer,params\n" + "a,1\n" * 2000, None, "2,001 rows: at most 2,000"),
    ("layer,params\na,1\nb,96*(\n", None, "row 3 (b), column params: "),
    ("layer,params\n,seven\n", None, "row 2 (no name), column params: "),
    ("layer,params\na,=5\n", None, "row 2 (a), column params: '=5' is not a number"),
    ("layer,params\n" + "a" * 100_000 + ",1\n", None, "at most 100,000"),
]


@pytest.mark.parametrize(("text", "what", "words"), BAD)
def test_a_table_that_cannot_be_read(text: str, what: str | None, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_csv(text, what)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_a_wrong_calculation_in_a_cell_has_its_caret() -> None:
    with pytest.raises(ExpressionError) as caught:
        read_csv("layer,params\nfc,3*%\n")
    shown, caret = caught.value.excerpt.splitlines()
    assert shown.strip() == "3*%"
    assert shown[caret.index("^")] == "%"


@pytest.mark.parametrize("format", ["json", "latex", "markdown", "csv"])
def test_what_nincost_writes_is_graded_as_its_csv(format: str) -> None:
    profile = nincost.profile("one-1x1")
    text = {
        "json": profile.to_json, "latex": profile.to_latex, "markdown": profile.to_markdown,
        "csv": profile.to_csv,
    }[format]()  # fmt: skip
    right = nincost.audit(text, "one-1x1")
    assert right.ok
    assert {"params", "macs"} <= {grade.what for grade in right.grades}
    swapped = nincost.audit(text.replace("885120", "885210").replace("885,120", "885,210"),
                            "one-1x1")  # fmt: skip
    assert swapped.grades[0].mistakes[0].key == "digits-swapped"
    if format != "markdown":  # a page with a paragraph for each layer
        explained = nincost.explain("one-1x1")
        text = getattr(explained, f"to_{format}")()
        assert nincost.audit(text, "one-1x1").ok


def test_a_students_latex_table() -> None:
    text = r"""
    \begin{tabular}{|l|r|} \hline
    layer & \textbf{params} \\ \hline  % by hand
    block1.conv & $11{,}712$ \\[2pt]
    block1.conv1x1\_1 & \num{9312} \\ \hline
    \end{tabular}
    """
    terms = nincost.audit(text).grades[0].terms
    assert [(term.layers, term.verdict) for term in terms] == [
        (("block1.conv",), "right"), (("block1.conv1x1_1",), "right"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"layers": [', "begins as a JSON document and is none"),
        ('{"layers": ' + "[" * 50_000, "begins as a JSON document and is none"),
        ('{"a": 1}', "has no layers"),
        ('{"layers": [{"layer": "a"}]}', "no column named params or macs or flops"),
    ],
    ids=range(4),
)
def test_a_document_that_is_none(text: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        nincost.audit(text)


KINDS_OF_TEXT = [
    (TABLE, True),
    ("layer,params\n", True),
    ('"layer","params"\n"a",1\n', True),
    ("\ufefflayer,macs", True),
    ("term,value\n1,2\n", True),  # names only, so that the error can say which are expected
    ("96*(11*11*1+1) + 3 = 11715", False),
    ("1,992,166", False),
    ("params: 1,992,166", False),
    ("block1.conv: 11,712\n", False),
    ("layer\na\n", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "table"), KINDS_OF_TEXT)
def test_a_table_is_known_by_its_heading(text: str, table: bool) -> None:
    assert is_csv(text) is table
