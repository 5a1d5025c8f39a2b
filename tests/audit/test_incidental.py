"""Dates, pages, numbers of exercises, lists and sizes: what they are, and no terms."""

from __future__ import annotations

import pytest

import nincost

BLOCKS = (
    "block 1: 30,336\nblock 2: 746,240\nblock 3: 1,180,800\nblock 4: 34,790\n"
    "total: 1,992,166 parameters\n"
)
NO_TERMS = [
    "Marta K. -- ML course, week 9, 14 Nov. Homework p. 264, ex. 7.3.5 no. 3",
    "《动手学深度学习》7.3节 练习3   姓名：李思远   学号尾号 0417   11月20日",
    "NiN 习题3      赵 启明     10／27",
    "练习3 解答（冯宇，小组7）",
    "please find below my solution to the third exercise on page 251.",
    "**Sofia R. / Group B / Ex. 3 of 7.3**",
    "Discussion 7.3 - resources (posted 3 years ago, edited)",
    "NiN四问 —— 知乎回答整理 2022-08-15",
    "姓名：周雨桐\\quad 日期：2023年12月1日",
    "> 3. Calculate the resource usage for NiN.\n>    1. What is the number of parameters?",
    "Sizing note, K. Brandt 2024-06-01",
]
RIGHT = [
    "（2）计算量（乘加次数）\n第一块 输出54×54：54×54×96×121 = 33872256，1×1：26873856×2=53747712\n"
    "第二块 输出26×26：415334400，1×1：44302336×2=88604672\n"
    "第三块 输出12×12：127401984，1×1：21233664×2=42467328\n"
    "第四块 输出5×5：864000，1×1：2500×2=5000\n总计 762297352 次乘加，约7.62亿",
    "2) MACs, outputs 54, 26, 12, 5 (squared)\n b1 33,872,256 + 2 x 26,873,856\n"
    " b2 415,334,400 + 2 x 44,302,336\n b3 127,401,984 + 2 x 21,233,664\n"
    " b4 864,000 + 2 x 2,500\n sum 762,297,352",
    "params\n b1  11*11*1*96+96 = 11712, two 1x1: 2*(96*96+96) = 18624   -> 30336\n"
    " b2  614656, two 1x1: 2*(256*256+256) = 131584 -> 746240\n"
    " b3  885120, 2*(384*384+384) = 295680  -> 1180800\n"
    " b4  3*3*384*10+10 = 34570, 2*(10*10+10)=220  -> 34790\n sum 1992166, ok approx 2M",
    "params 1.99M (30.3k + 746.2k + 1180.8k + 34.8k)",
    "一、参数：1992166个（30336、746240、1180800、34790）。",
    "\\subsection{计算量}\n特征图边长依次为 $54,\\,26,\\,12,\\,5$。\n"
    "\\[ C_1=54^2\\times(11616+18432)=87619968 \\]\n"
    "\\[ C_2=26^2\\times(614400+131072)=503939072 \\]\n"
    "\\[ C_3=12^2\\times(884736+294912)=169869312 \\]\n"
    "\\[ C_4=5^2\\times(34560+200)=869000 \\]\n合计 $7.62\\times10^{8}$ 次乘加",
    "block 2 is the expensive one with 503.9 million multiply-adds, then block 3 with 169.9 "
    "million, block 1 with 87.6 million, and block 4 hardly counts (0.87 million). Together 762.3 "
    "million per image. If you count a multiply and an add as two then it's 1.525 GFLOPs.",
    "Forward at bs 128 is 97.57 GMACs (762.3 MMACs/image x 128), or 195.1 GFLOPs. Training step = "
    "3x forward = 585.4 GFLOPs.",
    "inference: weights 7.97 MB, and the two biggest neighbours 1.12 + 1.12 MB, makes 10.2 MB",
]


@pytest.mark.parametrize("line", NO_TERMS)
def test_numbers_around_an_answer_are_none_of_its_terms(line: str) -> None:
    audit = nincost.audit(f"{line}\n\nParameters\n{BLOCKS}")
    assert audit.verdict == "right", str(audit)
    assert not audit.unread


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_is_called_right(text: str) -> None:
    audit = nincost.audit(f"{text}\n")
    assert audit.verdict == "right", str(audit)
    assert not audit.unread


def test_a_list_with_slashes_is_no_division() -> None:
    text = "params\n- convs: 11712 / 614656 / 885120 / 34570\n- 1x1s: 9312, 65792, 147840, 110 ... "
    audit = nincost.audit(f"{text}each twice\n- => 1992166\n")
    assert audit.verdict == "right", str(audit)


@pytest.mark.parametrize(
    "text",
    [
        "(2) MACs\n第一块 输出55×55：55×55×96×121=35138400",
        "Parameters on page 251\nblock 1: 30,363\n" + BLOCKS.partition("\n")[2],
        "batch 64\nactivations: 6.10 MB\nparameters: 7.97 MB",
    ],
)
def test_what_is_wrong_stays_wrong(text: str) -> None:
    assert nincost.audit(f"{text}\n").verdict == "wrong"
