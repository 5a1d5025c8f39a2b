"""`--arg key=value`."""

from __future__ import annotations

import pytest

from nincost._models.arguments import parse_arguments
from nincost.errors import InputError


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("a=10", 10), ("a=0.5", 0.5), ("a=True", True), ("a=true", True), ("a=none", None),
        ("a=[1, 2]", [1, 2]), ("a='x'", "x"), ("a=gelu", "gelu"), ("a=", ""), ("a=b=c", "b=c"),
        ("a=-3", -3), ("a=" + "(" * 5000, "(" * 5000),
    ],
)  # fmt: skip
def test_a_value_is_a_literal_or_else_a_string(pair: str, value: object) -> None:
    assert parse_arguments((pair,)) == {"a": value}


@pytest.mark.parametrize("pair", ["", "a", "=3", "1a=3", "a b=3", "a-b=3"])
def test_what_is_not_key_value_is_refused(pair: str) -> None:
    with pytest.raises(InputError, match="--arg num_classes=10"):
        parse_arguments((pair,))


def test_code_is_not_run() -> None:
    text = "__import__('os').getcwd()"
    assert parse_arguments((f"a={text}",)) == {"a": text}
