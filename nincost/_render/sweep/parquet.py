"""A sweep as a Parquet file: the CSV's columns with their types."""

from __future__ import annotations

import importlib.util
import io

from nincost._plan.sweep_results import Sweep
from nincost.errors import OutputError


def check() -> None:
    """Refuse early what could not be written.

    Raises:
        OutputError: pyarrow is not there.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise OutputError("Parquet needs pyarrow: pip install pyarrow, or write FILE.csv")


def render(result: Sweep) -> bytes:
    """The rows; pandas writes them by pyarrow."""
    check()
    frame = result.to_dataframe().convert_dtypes()
    mixed = [name for name in frame.columns if frame[name].dtype == object]
    frame[mixed] = frame[mixed].map(lambda value: value if value is None else str(value))
    content = io.BytesIO()
    frame.to_parquet(content, engine="pyarrow", index=False)
    return content.getvalue()
