"""What a training step takes: the backward pass is two forward passes, and the step is three."""

from __future__ import annotations

import pytest

import nincost
from nincost._chinese.translate import speaking

ONCE = [
    "MACs: 762,297,352\nThe backward pass costs the same as the forward pass, so one training step "
    "is 1,524,594,704 MACs.",
    "MACs 762,297,352\n反向和前向一样多，所以训练一步是2×7.62亿=15.24亿次乘加",
    "乘加7.62亿\n训练一步前向加反向，反向和前向一样多，所以一步是2×7.62亿=15.24亿次乘加",
]
RIGHT = [
    "MACs: 762,297,352\nA training step takes 3x that, 2,286,892,056 MACs.",
    "MACs: 762,297,352\nA training step: forward 762,297,352, backward 1,524,594,704 MACs.",
    "compute 762M macs\n=> 1.52 gflop fwd, 3x that for a train step so ~4.57 gflop",
    "乘加7.62亿\n训练一步是3×7.62亿=22.87亿次乘加",
]


@pytest.mark.parametrize("text", ONCE)
def test_a_step_of_two_forward_passes_is_wrong(text: str) -> None:
    (grade,) = nincost.audit(f"{text}\n").grades
    assert [mistake.key for mistake in grade.mistakes] == ["backward-once"]
    assert grade.expected == 2_286_892_056


@pytest.mark.parametrize("text", RIGHT)
def test_a_step_of_three_is_right(text: str) -> None:
    assert nincost.audit(f"{text}\n").verdict == "right"


def test_it_is_said_in_chinese_too() -> None:
    with speaking("zh"):
        assert "训练一步相当于三次前向" in str(nincost.audit(f"{ONCE[1]}\n", lang="zh"))
