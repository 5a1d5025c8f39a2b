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


TABLE = (
    "| 块 | 参数 | MACs |\n|---|---|---|\n"
    "| 块1 | 30336 | 87619968 |\n| 块2 | 746240 | 503939072 |\n"
    "| 块3 | 1180800 | 169869312 |\n| 块4 | 34790 | 869000 |\n| 合计 | 1992166 | 762297352 |\n\n"
)


def test_what_stands_beside_a_table_with_its_totals_is_graded() -> None:
    text = TABLE + "**训练内存** 用Adam：参数7.97MB，梯度7.97MB，一阶矩和二阶矩共{}，激活6.10MB。\n"
    assert nincost.audit(text.format("15.94MB")).verdict == "right"
    assert nincost.audit(text.format("7.97MB")).verdict == "wrong"


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("共1992166个参数，约199万，第三块1180800个", "right"),
        ("共1992616个参数", "wrong"),
        ("FLOPs: 1,524,594,704", "right"),
        ("FLOPs: 1,542,594,704", "wrong"),
    ],
)
def test_amounts_beside_a_table_too(line: str, verdict: str) -> None:
    assert nincost.audit(f"{TABLE}{line}\n").verdict == verdict
