"""Which rows and columns of a comparison its tables show, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nincost._compare.results import AMOUNTS, LAYER_COLUMNS, MODEL_COLUMNS, Comparison, Difference
from nincost._result import Tabular
from nincost.errors import InputError, did_you_mean

#: Names that stand for several columns of the layers' table.
_SHORT = {
    "output_shape": ("left_output_shape", "right_output_shape"),
    **{name: (f"left_{name}", f"right_{name}", f"{name}_change") for name in AMOUNTS},
}
_NAMES = tuple(dict.fromkeys((*MODEL_COLUMNS, *LAYER_COLUMNS, *_SHORT)))


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """What to show of a comparison, in a table, as CSV, Markdown or LaTeX.

    Attributes:
        columns: which columns, named as in the CSV; empty for the format's own choice. Where two
            models are compared layer by layer, `macs` stands for `left_macs`, `right_macs` and
            `macs_change`; with `model` or a total among them, there is a row for each model.
        sort: a column to order the rows by, largest first (a change by its size); None keeps the
            order of the models or of execution.
        exact: print whole numbers in the table instead of 762.3 M.

    Raises:
        InputError: no comparison has such a column.
    """

    columns: tuple[str, ...] = ()
    sort: str | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        for name in (*self.columns, *([self.sort] if self.sort else [])):
            if name not in _NAMES:
                raise InputError(
                    f"unknown column {name!r}: choose from {', '.join(_NAMES)}"
                    f"{did_you_mean(name, _NAMES)}"
                )

    def by_model(self, comparison: Comparison) -> bool:
        """Whether there is a row for each model, rather than for each pair of layers."""
        only_of_models = set(MODEL_COLUMNS) - set(LAYER_COLUMNS) - set(_SHORT)
        return not comparison.layers or not only_of_models.isdisjoint(self.columns)


def rows(comparison: Comparison, view: ComparisonView, *, all_rows: bool = True) -> Tabular:
    """The rows and columns that a view picks, as plain values.

    Raises:
        InputError: this comparison has no such column.
    """
    if view.by_model(comparison):
        table = comparison.by_model()
        order = model_order(comparison, view)
    else:
        records = [row.to_dict() for row in layers(comparison, view, all_rows=all_rows)]
        table = Tabular.of(LAYER_COLUMNS, records)
        order = range(len(records))
    wanted = [full for name in view.columns for full in _in_full(name, table.columns)]
    places = [table.columns.index(name) for name in wanted or table.columns]
    return Tabular(
        tuple(table.columns[place] for place in places),
        tuple(tuple(table.rows[row][place] for place in places) for row in order),
    )


def layers(comparison: Comparison, view: ComparisonView, *, all_rows: bool) -> list[Difference]:
    """Pairs of layers in the view's order; those that differ alone, unless `all_rows`."""
    pairs = list(comparison.layers if all_rows else comparison.changed)
    if view.sort is None or view.by_model(comparison):
        return pairs
    *_, name = _in_full(view.sort, LAYER_COLUMNS)
    values = [pair.to_dict()[name] for pair in pairs]
    return [pairs[place] for place in _ordered(values)]


def model_order(comparison: Comparison, view: ComparisonView) -> Sequence[int]:
    """The places of the models in the view's order."""
    if view.sort is None:
        return range(len(comparison.names))
    table = comparison.by_model()
    (name,) = _in_full(view.sort, table.columns)
    column = table.columns.index(name)
    return _ordered([row[column] for row in table.rows])


def _in_full(name: str, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that a name stands for in a table."""
    if name in columns:
        return (name,)
    short = _SHORT.get(name, ())
    if short and short[0] in columns:
        return short
    raise InputError(
        f"this comparison has no column {name!r}: choose from {', '.join(columns)}"
        f"{did_you_mean(name, columns)}"
    )


def _ordered(values: Sequence[Any]) -> list[int]:
    """Places of the values, the largest first; text from A; what is not known last."""
    known = [place for place, value in enumerate(values) if value is not None]
    if any(isinstance(values[place], str) for place in known):
        known.sort(key=lambda place: values[place])
    else:
        known.sort(key=lambda place: -abs(values[place]))
    return known + [place for place, value in enumerate(values) if value is None]
