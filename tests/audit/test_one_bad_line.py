"""A line that cannot be read is listed, and all others are graded."""

from __future__ import annotations

import pytest

import nincost
from nincost.errors import ExpressionError

ABOVE = "Parameters: 1,992,166\n"
BAD = [
    "memory infer. 7.97 MB + two biggest = 2.24 MB",
    "inference memory ~ 8 MB + = small",
    "The receptive field is 11 + = 3 MB",
]
#: What these lines were refused for once; each can be read, and is right.
READ = [
    r"\textbf{(c) Training memory.} Weights and gradients: $2\times 7.97$ MB $= 15.9$ MB.",
    "inference ~ 8 MB params + 6.1 MB outputs",
    "预测一张图 权重8MB加激活6.1MB 14MB左右吧",
    "推理7.97MB参数加6.1MB激活",
]


@pytest.mark.parametrize("line", BAD)
def test_a_line_that_cannot_be_read_is_listed(line: str) -> None:
    audit = nincost.audit(f"{ABOVE}{line}\n")
    assert [grade.ok for grade in audit.grades] == [True]
    assert [one.text for one in audit.unread] == [line]


def test_alone_it_is_an_error_that_says_why() -> None:
    with pytest.raises(ExpressionError, match="too early"):
        nincost.audit(f"{BAD[0]}\n")


@pytest.mark.parametrize("line", READ)
def test_sizes_with_the_noun_behind_them(line: str) -> None:
    audit = nincost.audit(f"{ABOVE}{line}\n")
    assert not audit.unread
    assert audit.verdict == "right", str(audit)
    assert audit.figures


def test_a_csv_may_have_remarks_above_its_heading() -> None:
    rows = "layer,params\nblock1.conv,11712\n"
    audit = nincost.audit(f"# NiN hand count; A. Lindqvist; 2024-10-03\n{rows}")
    assert audit.to_dict()["answers"] == nincost.audit(rows).to_dict()["answers"]


@pytest.mark.parametrize("line", ["mem: 8mb weights, 8mb grad", "weights 7.97$ MB"])
def test_units_as_they_are_typed(line: str) -> None:
    audit = nincost.audit(f"{line}\n")
    assert audit.verdict == "right", str(audit)
