"""Answers as people write them: prose, scans, chats, notebooks, tables of variants, sheets."""

from __future__ import annotations

import pytest

import nincost

_PROSE = """There are 96 filters, so each output needs 121 products and the first convolution costs
33.9 million multiply-adds; a 1x1 is 26.9 million and the whole first block 87.6 million.
The 5x5 costs 415 million, so block two costs 503.9 million, block three 169.9 million for
all of it. The fourth one is nothing, less than a million (0.87). Sum: 762 million multiply-adds."""
_SCAN = """ocr, page 1
# params
b1   96 x (121 + 1) = 11712     96 x 97 = 9312 (x2)
b2   256 x (2400 + 1) = 6l4656     256 x 257 = 65792 (x2)
b3   384 x (2304 + 1) = 885l20     384 x 385 = 14784O (x2)
b4   1O x (3456 + 1) = 34570     10 x 11 = llO (x2)
sum  l 992 166
"""
_CHAT = """[9:01] block 1: 11,616... no wait, biases. 11,712 and twice 9,312 = 30,336
[9:03] block 2: 614,656 plus twice 65,792 = 746,240
[9:04] block 3: 1,180,800
[9:05] block 4: 34,790
[9:06] everything: 1,929,166
[9:06] typo
[9:06] 1,992,166
[9:09] for compute I get 0.76 G multiply-adds. or is it 1.52? 1.52 G if you count mults and adds \
separately, 0.76 as MACs
"""
_TUPLES = """>>> macs, params
(762297612.0, 1992166.0)
>>> clever_format((macs, params), "%.3f")
('762.298M', '1.992M')
thop also counts the global pooling. Without it: 762297352.
"""
_LETTERS = r"""With $P_i$ for the parameters of block $i$,
\begin{align*}
P_1 &= 96\,(11^2\cdot 1 + 1) + 2\cdot 96\,(96+1) = 30\,336\\
P_2 &= 256\,(5^2\cdot 96 + 1) + 2\cdot 256\,(256+1) = 746\,240\\
P_3 &= 384\,(3^2\cdot 256 + 1) + 2\cdot 384\,(384+1) = 1\,180\,800\\
P_4 &= 10\,(3^2\cdot 384 + 1) + 2\cdot 10\,(10+1) = 34\,790\\
P &= \sum_{i=1}^{4} P_i = 1\,992\,166
\end{align*}
The feature maps are $54^2$, $26^2$, $12^2$ and $5^2$, hence
\begin{align*}
M_1 &= 54^2\cdot 96\cdot(121 + 2\cdot 96) = 8.76\times 10^{7}\\
M_2 &= 26^2\cdot 256\cdot(2400 + 2\cdot 256) = 5.04\times 10^{8}\\
M_3 &= 12^2\cdot 384\cdot(2304 + 2\cdot 384) = 1.70\times 10^{8}\\
M_4 &= 5^2\cdot 10\cdot(3456 + 2\cdot 10) = 8.69\times 10^{5}\\
M &= 7.623\times 10^{8}~\text{MACs},\qquad 2M = 1.525\times 10^{9}~\text{FLOPs}.
\end{align*}
"""
_BULLETS = """只看 1×1 卷积：

- 96 通道的两个：每个 9312 个参数，54×54 的图上每个 2687 万次乘加
- 256 通道的两个：每个 65792，26×26 上每个 4430 万次
- 384 通道的两个：每个 147840，12×12 上每个 2123 万次

占全网 1992166 和 7.62 亿次乘加的一部分
"""
_NETWORKS = """- AlexNet(1000类)：6110 万参数，约 7.1 亿次乘加。
- NiN：199 万参数，约 7.6 亿次乘加。
"""
_PRINTED = """def macs(side, k, cin, cout):
    return side ** 2 * cout * (k ** 2 * cin + 2 * cout)

b1 = macs(54, 11, 1, 96)
b2 = macs(26, 5, 96, 256)
print("total", b1 + b2)

# prints:
#   block 1: 30336 params, 87619968 macs, 839808 values
#   block 2: 746240 params, 503939072 macs, 519168 values
#   block 3: 1180800 params, 169869312 macs, 165888 values
#   block 4: 34790 params, 869000 macs, 750 values
#   macs   762297352  flops 1524594704
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (_PROSE, "87.6 million", "88.6 million"),
        (_PROSE, "762 million", "792 million"),
        (_SCAN, "6l4656", "6l5656"),
        (_SCAN, "l 992 166", "l 992 266"),
        (_CHAT, "9:06] 1,992,166", "9:06] 1,922,166"),
        (_CHAT, "746,240", "746,250"),
        (_TUPLES, "762297612.0", "762297912.0"),
        (_LETTERS, "1.70", "1.80"),
        (_LETTERS, r"1\,180\,800", r"1\,180\,900"),
        (_BULLETS, "147840", "147850"),
        (_BULLETS, "4430 万", "4530 万"),
        (_NETWORKS, "199 万", "299 万"),
        (_PRINTED, "503939072", "503939172"),
        ("2.0M 参数 / 0.76G 次乘加", "0.76G", "0.86G"),
        ("1. 参数:1992166\n2. 计算量\n (1) 54²×96×(121+96+96)=87619968", "87619968", "87619978"),
        ("学号:20230819\n参数 1992166", "1992166", "1992266"),
        ("Parameters 30,336 / 746,240 / 1,180,800 / 34,790 = 1.99 M.", "746,240", "756,240"),
    ],
)
def test_a_way_of_writing(text: str, right: str, wrong: str) -> None:
    whole = nincost.audit(f"{text}\n")
    assert all(grade.ok for grade in whole.grades) or "(1)" in text, str(whole)
    assert not any(one.reason for one in whole.unread), whole.unread
    assert right in text
    changed = nincost.audit(f"{text.replace(right, wrong, 1)}\n")
    assert not all(grade.ok for grade in changed.grades), str(changed)


def test_a_batch_that_is_named_above_is_that_of_the_work() -> None:
    text = (
        "Training, batch of 128.\nWork: the forward pass of one such batch is 97.6 GMACs. "
        "Backward is twice the forward, so a step is about {} GMACs.\n"
    )
    assert nincost.audit(text.format(293)).grades[0].ok
    assert not nincost.audit(text.format(253)).grades[0].ok


@pytest.mark.parametrize("last", ["746,240", "746,250"])
def test_one_block_alone(last: str) -> None:
    text = f"""just the 2nd block, since we split the exercise:
the 5x5: 5*5*96*256 weights = 614,400, biases 256
1x1, twice: 256*256 = 65,536 and 256 biases
so {last} params in the block -> 2.98 MB
"""
    grade = nincost.audit(text).grades[0]
    assert grade.expected == 746_240
    assert grade.ok == (last == "746,240")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("单张是1.99M参数\nbatch=128就都乘128:参数255M,计算量97.6 GMACs", "batch-counted"),
        (
            "Weights and biases make 1,992,166 and the outputs 1,525,614, so the network has "
            "3,517,780 parameters to learn.",
            "activation",
        ),
        (
            "第一块30336。第二块的5×5是614656，加两个65792得746240。第三块3×3是885120，1×1是147840，"
            "于是第三块 1032960。最后一块34790。四块加起来1844326",
            "missing",
        ),
        (
            "Removing one of the two 1x1 in every block takes 184.8 million of the 762.3 million "
            "MACs, so 577.5 million are left.",
            "other-variant",
        ),
    ],
)
def test_a_number_that_its_own_words_contradict(text: str, key: str) -> None:
    found = [
        mistake.key for grade in nincost.audit(f"{text}\n").grades for mistake in grade.mistakes
    ]
    assert found[:1] == [key]


@pytest.mark.parametrize(("result", "ok"), [("1.55M", True), ("1.54M", False)])
def test_what_is_said_to_be_rounded_is_not_cut_off(result: str, ok: bool) -> None:
    text = (
        f"11712 + 614656 + 885120 + 34570 = 1546058,四舍五入到小数点后两位是 {result}\n"
        "计算量 577472640 次乘加\n"
    )
    audit = nincost.audit(text, "zero-1x1")
    assert audit.ok is ok
    assert [grade.what for grade in audit.grades] == ["params", "macs"]


def test_a_result_in_a_wrong_unit_is_the_only_mistake() -> None:
    audit = nincost.audit(
        "参数1992166\n乘加 2×(26873856+44302336+21233664+2500)=184824712,即18.5亿,"
        "占总乘加762297352的一部分\n"
    )
    grade = audit.grades[-1]
    assert not grade.ok
    assert not grade.mistakes
    assert len(grade.arithmetic_errors) == 1


_SHEET = """no,what,map side,weights,biases,both,mult-adds (millions),ok?
1,conv 11x11/4,54,11616,96,11712,33.872,y
2,mlpconv a,54,9216,96,9312,26.874,y
3,mlpconv b,54,9216,96,9312,26.874,y
4,max pool,26,,,,,y
5,conv 5x5,26,614400,256,614656,415.334,y
6,mlpconv a,26,65536,256,65792,44.302,y
7,mlpconv b,26,65536,256,65792,44.302,y
9,conv 3x3,12,884736,384,885120,127.402,y
10,mlpconv a,12,147456,384,147840,21.234,y
11,mlpconv b,12,147456,384,147840,21.234,y
13,conv 3x3,5,34560,10,34570,0.864,y
14,mlpconv a,5,100,10,110,0.003,y
15,mlpconv b,5,100,10,110,0.003,y
,TOTAL,,1989928,2238,1992166,762.297,
,checked by J.,,,,see below,,
"""


def test_a_spreadsheet_with_columns_of_any_names() -> None:
    audit = nincost.audit(_SHEET)
    assert [(grade.what, grade.ok) for grade in audit.grades] == [("params", True), ("macs", True)]
    assert [one.text for one in audit.unread] == ["checked by J., see below"]


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [("614400,256", "614500,256", 0), ("1992166,", "1982166,", 0), ("127.402", "137.402", 1)],
)
def test_a_wrong_cell_of_a_spreadsheet(right: str, wrong: str, what: int) -> None:
    grade = nincost.audit(_SHEET.replace(right, wrong)).grades[what]
    assert not grade.ok


_VARIANTS = """| 每块的1×1个数 | 参数 | 权重/MB | 乘加/百万 |
| --- | ---: | ---: | ---: |
| 2（书上） | 1 992 166 | 7.97 | 762.3 |
| 1 | 1 769 112 | 7.08 | 669.9 |
| 0 | 1 546 058 | 6.18 | 577.5 |

每去掉一个，参数减少 223 054，乘加减少 92.4 百万。
"""


def test_a_table_of_the_variants() -> None:
    audit = nincost.audit(_VARIANTS)
    assert [(grade.what, grade.ok) for grade in audit.grades] == [("params", True), ("macs", True)]
    assert [term.expected for term in audit.grades[0].terms] == [1_992_166, 1_769_112, 1_546_058]


def test_a_table_with_a_column_for_each_variant() -> None:
    rows = "| | two-1x1 | one-1x1 | zero-1x1 |\n|---|---|---|---|\n| params | {} | {} | 1546058 |\n"
    assert nincost.audit(rows.format(1_992_166, 1_769_112)).ok
    assert not nincost.audit(rows.format(1_769_112, 1_992_166)).ok


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("1 769 112", "1 546 058"), ("577.5", "587.5"), ("1 992 166", "1 992 266"),
     ("223 054", "323 054")],
)  # fmt: skip
def test_a_wrong_row_of_the_variants(right: str, wrong: str) -> None:
    assert nincost.audit(_VARIANTS.replace(right, wrong)).verdict == "wrong"


def test_an_array_in_a_formula() -> None:
    text = r"""For the multiply-adds:
\[
\begin{array}{lrr}
\text{layer} & \text{spatial conv} & \text{each } 1\times1\\\hline
\text{1st block} & 54^2\cdot 96\cdot 11^2 = 33{,}872{,}256 & 26{,}873{,}856\\
\text{2nd block} & 26^2\cdot 256\cdot 5\cdot 96 = 83{,}066{,}880 & 44{,}302{,}336\\
\text{3rd block} & 12^2\cdot 384\cdot 3^2\cdot 256 = 127{,}401{,}984 & 21{,}233{,}664\\
\text{4th block} & 5^2\cdot 10\cdot 3^2\cdot 384 = 864{,}000 & 2{,}500
\end{array}
\]
With two $1\times1$ convolutions a block this adds up to $430{,}029{,}832$.
"""
    (grade,) = nincost.audit(text).grades
    assert [mistake.key for mistake in grade.mistakes] == ["kernel-not-squared"]
