"""An answer that was more likely misread than wrong gets no verdict, and is told why."""

from __future__ import annotations

import pytest

import nincost
from nincost.errors import ExpressionError

STRANGE = "Of the 1,992,166 weights, 61,234 or so are in what I call the stem"


def test_a_number_beside_the_right_total_is_not_understood() -> None:
    audit = nincost.audit(params=STRANGE)
    assert (audit.ok, audit.verdict) == (False, "not sure")
    assert audit.grades[0].not_understood == ("61,234",)
    assert audit.to_dict()["answers"][0]["verdict"] == "not sure"
    assert "Not understood  61,234" in str(audit)


def test_it_says_what_would_be_understood_in_chinese() -> None:
    text = str(nincost.audit(params=STRANGE, lang="zh"))
    assert "无法判断：有 1 个数没读懂" in text
    assert "能读懂的写法" in text


@pytest.mark.parametrize("text", [
    "30336 + 746240 + 1180800 + 34791 = 1992166",  # a sum is read as it stands
    "block 1: 30336\nblock 2: 30336\ntotal 1992166",  # a line's label is understood
    "2.1M parameters",
])  # fmt: skip
def test_what_is_understood_and_wrong_is_wrong(text: str) -> None:
    assert nincost.audit(params=text).verdict == "wrong"


def test_small_numbers_beside_a_figure_are_no_amount() -> None:
    """`128 pictures` was graded as a number of parameters."""
    text = "with 128 pictures the activations need 128 * 6.1 MB = 781 MB"
    assert nincost.audit(text, batch_size=128).ok


def test_nothing_that_can_be_graded_is_an_error_still() -> None:
    with pytest.raises(ExpressionError):
        nincost.audit("I do not know")


@pytest.mark.parametrize("text", [
    "1 MAC = 2 FLOPs, so 762,297,352 MACs are 1,524,594,704 FLOPs",
    "一次乘加算两次浮点运算，所以一共1.52G次浮点运算",
    "a training step on one image is roughly 3 x 762M = 2.29G multiply-adds",
])  # fmt: skip
def test_definitions_and_training_steps_are_read(text: str) -> None:
    assert nincost.audit(text).ok


def test_lines_with_two_amounts_are_two_lists() -> None:
    rows = [("block 1", 30336, 87.6), ("block 2", 746240, 503.9), ("block 3", 1180800, 169.9),
            ("block 4", 34790, 0.87)]  # fmt: skip
    text = "\n".join(f"{name}: {params} params, {macs}M MACs" for name, params, macs in rows)
    assert nincost.audit(text).ok
    swapped = text.replace("746240", "764240")
    assert nincost.audit(swapped).verdict == "wrong"


def test_one_stride_left_out_of_a_receptive_field() -> None:
    audit = nincost.audit("第二块感受野：19+(5-1)*4=35")
    assert [one.key for figure in audit.figures[0].figures for one in figure.mistakes] == [
        "stride-forgotten"
    ]
    assert "pool1" in audit.figures[0].figures[0].mistakes[0].detail


def test_a_list_of_receptive_fields_goes_on_from_layer_to_layer() -> None:
    text = "RF: 11, pool: 19, 5x5: 51, pool: 67, 3x3: 99, pool: 131, last 3x3: {}"
    assert nincost.audit(text.format(195)).ok
    assert not nincost.audit(text.format(193)).ok


@pytest.mark.parametrize(("text", "right"), [
    ("with float16 the parameters take 3.98 MB", True),
    ("the parameters take 3.98 MB", False),
    ("the parameters take 1992166 * 4 / 1024 / 1024 = 7.6 MB", True),
    ("training with momentum needs parameters and velocity: 2*7.97=15.9 MB", False),
    ("parameters and momentum take 15.9 MB", True),
])  # fmt: skip
def test_memory_as_it_is_said(text: str, right: bool) -> None:
    assert nincost.audit(text).ok is right


@pytest.mark.parametrize("text", [
    "感受野从11（第一块）到51（第二块）、99（第三块）、195（第四块）",
    "第一层卷积后54，池化后26，第二块还是26，池化后12，第三块还是12，池化后5",
    "conv 11x11: 11712 + 1x1: 2*9312 + 1961830 = 1992166 params",
    "print(sum([30336, 746240, 1180800, 34790])) -> 1992166",
    "用Adam的话优化器状态是参数的两倍，约15.9MB",
])  # fmt: skip
def test_names_behind_numbers_within_sums_and_after_layers(text: str) -> None:
    assert nincost.audit(text).ok


def test_a_receptive_field_of_no_layer_is_not_understood() -> None:
    audit = nincost.audit("感受野：第一块11，另外还有77")
    assert audit.verdict == "not sure"
    assert "which layer is meant" in str(audit)


def test_true_numbers_are_not_called_wrong_for_how_they_were_put_together() -> None:
    text = (
        "the third block has 1,180,800, the second 746,240, 885,120 of the third in its 3x3 conv, "
        "614,656 of the second in the 5x5"
    )
    audit = nincost.audit(params=text)
    assert audit.grades[0].not_understood == ("885,120", "614,656")
    false = nincost.audit(params=text.replace("746,240", "764,240"))
    assert false.verdict == "wrong"


@pytest.mark.parametrize("text", [
    "RF_block2 = RF_pool1 + (5-1)*8 = 19 + 32 = 51",
    "{'block1': 87619968, 'block2': 503939072, 'block3': 169869312, 'block4': 869000}  # MACs",
    "每个1×1卷积是9312个参数，两层共18624个，加上11×11卷积的11712个，再加上1961830，一共1992166个参数",
])  # fmt: skip
def test_symbols_dicts_and_kernels_after_plus(text: str) -> None:
    assert nincost.audit(text).ok


def test_a_sum_of_weights_gradients_and_activations_is_of_training() -> None:
    text = (
        "SGD without momentum: 7.97 MB weights + 7.97 MB gradients + 781 MB activations + "
        "25.7 MB images = 823 MB"
    )
    assert nincost.audit(text, batch_size=128).ok
    assert not nincost.audit(text.replace("823", "923"), batch_size=128).ok


def test_hundreds_of_ten_thousands() -> None:
    """百万 is a million: `7.62百万次` is a hundred times too small."""
    assert nincost.audit("乘加总数：7.62百万次").grades[0].mistakes[0].key == "unit"
    assert nincost.audit("参数共1.99百万个").ok
