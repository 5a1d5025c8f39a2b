"""Statements about memory as people type them: units, values, layers, headings, and sums."""

from __future__ import annotations

import pytest

import nincost
from nincost._audit.figures.results import GradedFigure

RIGHT = [
    "parameters: 1,992,166 floats = 7.97 MB",
    "The biggest feature map is 96x54x54 = 279,936 floats = 1.12 MB so it is small",
    "激活值：一张图所有卷积层的输出共 839808+519168+165888+750 = 1525614 个数，乘以4字节约 6.10 MB",
    "activations of block 1: 839,808 values, 3.36 MB",
    "激活值\n- 块1：3×96×54×54 = 839,808 个，3.36 MB\n- 池化1：96×26×26 = 64,896 个，0.26 MB",
    "activations with all pools but the global one: 1,636,974 values, 6.24 MiB",
    "**Memory for inference (batch 1, fp32)**\n\n"
    "* only two activations need to be alive at the same time (input and output of one layer), "
    "so at most 2 × 1,119,744 B = 2,239,488 B\n"
    "* total: 7,968,664 + 2,239,488 = 10,208,152 B, about 10.2 MB",
    "训练batch 128的话激活要780MB左右",
    "Training with Adam: the weights (7.97 MB), their gradients (7.97 MB), both moments (15.94 "
    "MB), 31.87 MB in all. The activations come on top.",
    "batch_size=64 时的激活显存：\n每张图卷积输出 1525614 个 float32，即 6102456 字节\n"
    "×64 = 390557184 字节 ≈ 372.5 MiB",
    "Q: How much memory does inference need?\nA: The weights, 7.97 MB, plus the input and output "
    "of the layer. The worst case is a 1x1 convolution in the first block with 1.12 MB in and "
    "1.12 MB out. So about 10.2 MB.\n"
    "Q: And during training?\nA: The outputs: 6.1 MB per image. Weights and gradients are 15.9 MB. "
    "About 22 MB for one image.",
    "激活值（单张图片，float32，1 MB = 10^6 字节）\n- 块1：839,808 个，3.36 MB",
]  # fmt: skip


def figures(text: str) -> list[GradedFigure]:
    return [one for kind in nincost.audit(text + "\n").figures for one in kind.figures]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_is_called_right(text: str) -> None:
    found = figures(text)
    assert found
    assert [(one.text, one.mistakes) for one in found if one.verdict != "right"] == []


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("Weights take 7.97 MB and the gradients the same. Adam's state takes another 7.97 MB. "
         "Altogether 23.9 MB.", ["optimizer-state", "follows"]),
        ("批量大小取128：\n参数：7.97MB\n梯度：7.97MB\n激活值：1525614×4字节=6.10MB\n"
         "所以训练一共需要（不算输入）22.04MB", ["batch-missing", "follows"]),
        ("训练需要多少内存？\n模型一共1992166个参数，用float32存，占 1.99MB。\n"
         "反向传播要存每个参数的梯度，也是 1.99MB。\n两项加起来 3.98MB。",
         ["bytes-forgotten", "bytes-forgotten", "follows"]),
        ("Weights: 1,992,166 parameters x 4 bytes = 7,968,664 bytes = 7.97 MiB", ["unit"]),
        ("激活值\n- 池化1：96×27×27 = 69,984 个，0.28 MB", ["rounded-up", "rounded-up"]),
    ],
)  # fmt: skip
def test_the_mistake_is_named_and_what_follows_from_it(text: str, mistakes: list[str]) -> None:
    wrong = [one for one in figures(text) if one.verdict == "wrong"]
    assert [one.mistakes[0].key for one in wrong] == mistakes


def test_a_rounded_figure_is_right_beside_a_slip_in_the_last_digits() -> None:
    found = figures("weights 7,968,646 B  7.60 MiB")
    assert [one.verdict for one in found] == ["wrong", "right"]


def test_what_follows_has_the_right_sum_beside_it() -> None:
    *_, last = figures("参数：占 1.99MB\n梯度：1.99MB\n两项加起来 3.98MB")
    assert "15.94 MB" in last.expected


def test_a_declared_megabyte_is_the_only_one() -> None:
    said = "激活值（1 MB = {}字节）：6.24 MB"
    assert figures(said.format("2^20 "))[0].verdict == "right"
    assert figures(said.format("10^6 "))[0].verdict != "right"


def test_values_are_not_shown_as_bytes() -> None:
    (one,) = figures("activations of block 1: 839,808 values")
    assert (one.subject, one.written) == ("block1 activations", "839,808 values")
