"""Memory whose subject is said further away: right by what it is, wrong by its own words."""

from __future__ import annotations

import pytest

import nincost
from nincost._audit.figures.results import GradedFigure

RIGHT = [
    "Memory. Weights 7.97 MB. Each weight has a gradient as well, so 15.94 MB before any picture. "
    "Then I keep the output of every convolution and every ReLU, 3,051,228 numbers or 12.2 MB.",
    "4. 推理内存\n 参数 7.97 MB + 最大的一层输入输出 2×279936×4=2.24 MB, 约 10.2 MB",
    "训练内存(带动量的SGD)\n 参数 7.97 MB, 梯度 7.97 MB, 动量 7.97 MB, 三项共 23.9 MB",
    "training, batch of 128 with Adam\n  weights 7.97 MB\n  gradients 7.97 MB\n"
    "  the images ... 25.7 MB   (1x224x224 each)",
    "just the 2nd block: 746,240 params in it -> 2.98 MB or 2.85 MiB",
    "memory: the outputs of its three convs are 519,168 floats in block 2 -> 2.08 MB / 1.98 MiB",
    "激活显存：所有层(包括 ReLU、池化、dropout、flatten)输出共 3172208 个数。前向的话是 12.10 MiB",
    "显存：\n  激活(12个卷积的输出，ReLU 就地计算)  1525614 个数，6.10 MB\n"
    "  三个最大池化的输出  111360 个数，0.45 MB",
    "去掉每块里的一个1×1卷积，训练时要保存的卷积和ReLU输出，原来每张图12.2MB，现在8.14MB。"
    "batch取128的话能省约521MB。",
    "激活：批量大小 $B=128$，每张图 $3051228$ 个，\n"
    "$3051228\\times 4\\times 128 = 1562.2$\\,MB（$1489.9$\\,MiB）。",
    "SGD, batch 64: 406.5 MB (conv outputs only, relu in place)\nweights file 7.97 MB",
    "显存\n\n| 项目 | 个数 | MB |\n|---|---|---|\n| 参数 | 1992166 | 7.97 |\n"
    "| 梯度 | 1992166 | 7.97 |\n| 激活（卷积 + ReLU） | 3051228 | 12.20 |",
    "Activation memory: the twelve convolutions write 1,525,614 floats for one image: 839,808 in "
    "the first block, 519,168 in the second and 165,888 in the third.",
]  # fmt: skip


def figures(text: str) -> list[GradedFigure]:
    found = nincost.audit(text + "\n").figures
    return [one for kind in found if kind.what == "memory" for one in kind.figures]


@pytest.mark.parametrize("text", RIGHT)
def test_a_usual_amount_is_right_where_its_own_clause_allows_it(text: str) -> None:
    found = figures(text)
    assert found
    assert [(one.text, one.mistakes) for one in found if one.verdict != "right"] == []


@pytest.mark.parametrize(
    ("right", "wrong", "text"),
    [
        ("15.94 MB", "18.94 MB", RIGHT[0]),
        ("12.2 MB", "13.9 MB", RIGHT[0]),
        ("参数 7.97", "参数 15.94", RIGHT[1]),
        ("约 10.2", "约 13.2", RIGHT[1]),
        ("23.9", "27.9", RIGHT[2]),
        ("25.7 MB", "29.1 MB", RIGHT[3]),
        ("2.98 MB", "3.98 MB", RIGHT[4]),
        ("2.08 MB", "3.08 MB", RIGHT[5]),
        ("3172208", "3272208", RIGHT[6]),
        ("0.45", "0.58", RIGHT[7]),
        ("8.14", "9.14", RIGHT[8]),
        ("521MB", "621MB", RIGHT[8]),
        ("406.5", "436.5", RIGHT[10]),
        ("12.20", "13.90", RIGHT[11]),
        ("519,168", "529,168", RIGHT[12]),
    ],
)
def test_another_amount_in_its_place_is_not_right(right: str, wrong: str, text: str) -> None:
    assert right in text
    assert any(one.verdict != "right" for one in figures(text.replace(right, wrong)))


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("memory: weights 7.97 MB. gradients: same as the parameters, 15.94 MB", "bytes-per-value"),
        ("activations: 1,525,614 numbers or 12.2 MB", "arithmetic"),
        ("推断显存只需要参数：7.97MB", "activations-missing"),
        ("训练内存(Adam)：参数7.97MB。Adam要存一阶矩m和二阶矩v,共7.97MB。", "optimizer-state"),
        ("Params size 7.97 MB. The computation takes up 763.82 MB", "operations-for-memory"),
        ("训练内存：参数 7.97 MB、梯度 7.97 MB、动量 7.97 MB、激活 12.20 MB，四项合计 28.14 MB",
         "arithmetic"),
    ],
)  # fmt: skip
def test_what_its_own_clause_names_counts(text: str, mistake: str) -> None:
    wrong = [one for one in figures(text) if one.verdict == "wrong"]
    assert [one.mistakes[0].key for one in wrong] == [mistake]


def test_what_it_is_of_is_said() -> None:
    _, one = figures("Memory. Weights 7.97 MB. Each weight has a gradient too, so 15.94 MB.")
    assert (one.subject, one.verdict) == ("parameters, gradients", "right")
    assert "参数、梯度" in str(
        nincost.audit("Memory. Weights 7.97 MB. Each has a gradient, so 15.94 MB.\n", lang="zh")
    )


@pytest.mark.parametrize(
    "text",
    [
        "My run on the GTX 1650 took 11 minutes",
        "it fits on the lab's 4 GB cards",
        "after 10 epochs with lr 0.1",
        "A window of 11 pixels moves over it",
        "(其中 2^20 字节是 1 MiB)",
        "AlexNet 的参数占 244 MB",
    ],
)
def test_what_is_no_claim_is_left_out(text: str) -> None:
    assert len(figures(f"Memory: the weights take 7.97 MB.\n{text}.")) == 1
