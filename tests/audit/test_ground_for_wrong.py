"""A verdict `wrong` needs ground: each rule that gives it or takes it, with a right text and one
that is slightly wrong."""

from __future__ import annotations

import pytest

import nincost

BLOCKS_AS_FLOPS = """Computation. A multiply and an add are 2 FLOPs, as usual.
Block 1: 2*54*54*96*(121 + 96 + 96) = 175,239,936
Block 2: 2*26*26*256*(2400 + 256 + 256) = 1,007,878,144
Block 3: 2*12*12*384*(2304 + 384 + 384) = 339,738,624
Block 4: 2*5*5*10*(3456 + 10 + 10) = 1,738,000
All of it: 1,524,594,704 FLOPs"""

CHANNELS = """big conv, 1->96, stride 4: params 96*(121+1) = 11,712, MACs 54*54*96*121 = 33,872,256
5x5 conv, 96->256: params 256*(2400+1) = 614,656, MACs 26*26*256*2400 = 415,334,400
3x3 conv, 256->384: params 384*(2304+1) = 885,120, MACs 12*12*384*2304 = 127,401,984
3x3 conv, 384->10: params 10*(3456+1) = 34,570, MACs 5*5*10*3456 = 864,000
Together 1,546,058 params and 577,472,640 MACs (= 1,154,945,280 FLOPs)."""

WEIGHTS_THEN_BIASES = """2.3 Parameters of the net, weights first

conv 11x11  96*121 = 11,616
1x1, twice  2*96*96 = 18,432
conv 5x5  96*256*25 = 614,400
1x1, twice  2*256*256 = 131,072
conv 3x3  256*384*9 = 884,736
1x1, twice  2*384*384 = 294,912
conv 3x3  384*10*9 = 34,560
1x1, twice  2*10*10 = 200
all weights  1,989,928
biases: 3*(96 + 256 + 384 + 10) = 2,238
Total 1,989,928 + 2,238 = 1,992,166"""

FVCORE = """| module   | #parameters or shape   | #flops   |
|:---------|:-----------------------|:---------|
| model    | 1.992M                 | 0.762G   |
| 0        | 30.336K                | 87.62M   |
| 2        | 0.746M                 | 0.504G   |
| 4        | 1.181M                 | 0.17G    |
| 7        | 34.79K                 | 0.869M   |
"""

TORCHINFO = """Layer (type:depth-idx)      Output Shape        Param #      Mult-Adds
Sequential                  [1, 10]             --           --
├─Sequential: 1-1           [1, 96, 54, 54]     30,336       88,459,776
├─MaxPool2d: 1-2            [1, 96, 26, 26]     --           --
├─Sequential: 1-3           [1, 256, 26, 26]    746,240      504,458,240
├─MaxPool2d: 1-4            [1, 256, 12, 12]    --           --
├─Sequential: 1-5           [1, 384, 12, 12]    1,180,800    170,035,200
├─MaxPool2d: 1-6            [1, 384, 5, 5]      --           --
├─Sequential: 1-7           [1, 10, 5, 5]       34,790       869,750
Total params: 1,992,166
Total mult-adds (Units.MEGABYTES): 763.82
"""

EACH = """块\t主卷积参数\t1×1参数(每个)\t1×1个数\t块合计
NiN块1\t11712\t9312\t2\t30336
NiN块2\t614656\t65792\t2\t746240
NiN块3\t885120\t147840\t2\t1180800
NiN块4\t34570\t110\t2\t34790
总计\t1546058\t223054\t8\t1992166
"""

ROUNDED = """层\t参数量\t约
11×11卷积\t11712\t1.2万
5×5卷积\t614656\t61.5万
3×3卷积\t885120\t88.5万
3×3卷积(输出10)\t34570\t3.5万
合计\t1546058\t154.6万
"""

UNIT_ABOVE = """参数（单位：万）
 块一 1.1712 + 2×0.9312 = 3.0336
 块二 61.4656 + 2×6.5792 = 74.624
 块三 88.512 + 2×14.784 = 118.08
 块四 3.457 + 2×0.011 = 3.479
总计约199.2万"""

SECOND_BLOCK = """我负责第二个NiN块（其余由组员完成）
输入 96×26×26，输出 256×26×26
参数 96×5×5×256+256=614656
第一个1×1：参数 256×256+256=65792
第二个1×1：65792
本块参数 746240"""

CHAT = """A: I get 55x55 for the first conv's output
B: no, it is rounded down: (224-11)/4+1 = 54, so 54x54
A: right, and the net takes 762,297,352 MACs
B: same here"""

ACTIVATIONS_LISTED = """激活（每个卷积的输出）：
   块1 3×96×54×54 = 839808
   块2 3×256×26×26 = 519168
   块3 3×384×12×12 = 165888
   块4 3×10×5×5 = 750
   共 1525614 个，每张图 6102456 字节"""

THOP = """用thop验证：macs = 762297612，和手算的 762297352 只差 260。"""

SECOND_BLOCK_HAD = (
    "for the second block i first had 256*96*5 + 256 = 123,136 but no wait, it's 5x5, so "
    "256*96*25 + 256 = 614,656. plus two 1x1s at 65,792 each makes 746,240. with 30,336, "
    "1,180,800 and 34,790 that is 1,992,166 parameters in total."
)


@pytest.mark.parametrize(
    ("text", "right", "wrong", "model"),
    [
        pytest.param(BLOCKS_AS_FLOPS, "121 + 96 + 96", "121 + 96 + 69", "two-1x1", id="flops"),
        pytest.param(CHANNELS, "577,472,640", "577,427,640", "zero-1x1", id="channels"),
        pytest.param(WEIGHTS_THEN_BIASES, "= 294,912", "= 249,912", "two-1x1", id="weights"),
        pytest.param(FVCORE, "0.504G", "0.415G", "two-1x1", id="fvcore"),
        pytest.param(TORCHINFO, "746,240 ", "680,448 ", "two-1x1", id="torchinfo"),
        pytest.param(EACH, "147840\t2", "147456\t2", "two-1x1", id="each"),
        pytest.param(EACH, "1180800", "1032960", "two-1x1", id="whole"),
        pytest.param(ROUNDED, "88.5万", "88.7万", "zero-1x1", id="rounded"),
        pytest.param(UNIT_ABOVE, "= 74.624", "= 74.264", "two-1x1", id="unit"),
        pytest.param(SECOND_BLOCK, "输入 96×", "输入 64×", "two-1x1", id="input"),
        pytest.param(SECOND_BLOCK, "746240", "764240", "two-1x1", id="block"),
        pytest.param(CHAT, "so 54x54", "so 55x55", "two-1x1", id="chat"),
        pytest.param(ACTIVATIONS_LISTED, "= 165888", "= 168588", "two-1x1", id="values"),
        pytest.param(SECOND_BLOCK_HAD, "= 614,656", "= 641,656", "two-1x1", id="had"),
    ],
)
def test_a_right_text_and_a_slightly_wrong_one(
    text: str, right: str, wrong: str, model: str
) -> None:
    assert nincost.audit(text, model).verdict == "right"
    assert right in text
    assert nincost.audit(text.replace(right, wrong), model).verdict == "wrong"


def test_a_difference_of_a_tool_is_no_total() -> None:
    assert nincost.audit(THOP).verdict == "right"
    assert nincost.audit(THOP.replace("762297352", "762279352")).verdict != "right"


def test_one_layer_less_is_not_both() -> None:
    text = (
        "If we drop one of the two 1x1 convolutions of each block, the parameters fall from "
        "1,992,166 to {}."
    )
    assert nincost.audit(text.format("1,769,112")).verdict == "right"
    audit = nincost.audit(text.format("1,546,058"))
    assert audit.verdict == "wrong"
    assert [one.key for one in audit.grades[0].mistakes] == ["other-variant"]


def test_a_number_of_values_is_no_claim_on_what_a_layer_takes() -> None:
    text = "Every 1x1 layer adds as many outputs: conv outputs fall to 1,017,076 values per image."
    keys = [
        mistake.key
        for grade in nincost.audit(text).figures
        for figure in grade.figures
        for mistake in figure.mistakes
    ]
    assert "memory-claim" not in keys


@pytest.mark.parametrize("number", ["1'992'166", "1’992’166", "(1,992,166)"])
def test_ways_to_write_a_result(number: str) -> None:
    blocks = "30336 + 746240 + 1180800 + 34790"
    assert nincost.audit(params=f"{blocks} = {number}").verdict == "right"
    off = number.replace("166", "616")
    assert nincost.audit(params=f"{blocks} = {off}").verdict == "wrong"


def test_things_that_are_counted_are_no_amounts() -> None:
    tail = "\n\nDone with 2 friends on 4 pages.\n"
    assert nincost.audit(ACTIVATIONS_LISTED + tail).verdict == "right"
    assert nincost.audit("outputs: 54x54, 26x26, 12x12, 5x5" + tail).verdict == "right"


def test_a_sum_that_nobody_adds_up_so_is_not_understood() -> None:
    blocks = "30,336 + 746,240 + 1,180,800 + 34,790"
    assert nincost.audit(macs="87.6M + 503.9M + 169.9M + 0.9M = 763.8").verdict == "not sure"
    assert nincost.audit(params=f"{blocks} = 1,929,166").verdict == "wrong"
    assert nincost.audit(params=f"{blocks} = 19,921,660").verdict == "wrong"


def test_the_right_total_is_written_and_only_the_order_speaks_against_it() -> None:
    text = "first block 30,336, then 746,240 (so far 776,576), what remains 34,790: 1,992,166 {}"
    assert nincost.audit(params=text.format("params")).verdict != "wrong"
    assert nincost.audit(
        params=text.format("params").replace("1,992,166", "1,811,366")
    ).verdict == ("wrong")


def test_the_amount_of_a_share_is_that_of_the_sentence_before() -> None:
    text = (
        "Parameters: 30,336 + 746,240 + 1,180,800 + 34,790 = 1,992,166\n"
        "MACs: 762,297,352. Block 2 alone is {}% of it."
    )
    assert nincost.audit(text.format(66)).verdict == "right"
    assert nincost.audit(text.format(37)).verdict == "wrong"
