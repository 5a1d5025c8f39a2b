"""Sentences about amounts: whose number it is, of which batch, of how many, and what share."""

from __future__ import annotations

import pytest

import nincost


@pytest.mark.parametrize(
    "text",
    [
        "答：(1) 参数量。第一块11712个，两个1×1各9312个，合计30336个；第二块746240个；"
        "第三块1180800个；第四块34570个，加上两个110个，合计34790个。总共1992166个参数，约199万。",
        "Block 1 holds 1.5% of the 1,992,166 parameters but does 11.5% of the 762,297,352 MACs.",
        "The net has 1,992,166 parameters. Block 3 has 1,180,800 of them, block 2 has 746,240.",
        "参数约199.2万，其中第三块最多，118.1万，占了59%；第二块74.6万。",
        "参数共1992166个，其中第三块1180800个，第二块746240个。",
        "with batch size 128 each image needs 762,297,352 MACs",
        "762,297,352 MACs for one image, 97,574,061,056 for a batch of 128",
    ],
)
def test_what_is_true_is_right(text: str) -> None:
    audit = nincost.audit(text + "\n")
    assert audit.verdict == "right", str(audit)


@pytest.mark.parametrize(
    "text",
    [
        "For a minibatch of 128 images the forward pass costs 762,297,352 MACs.",
        "MACs for a batch of 128: 762,297,352",
        "Forward plus backward takes 2.29 GMACs for one training step with batch size 128.",
    ],
)
def test_the_work_of_one_input_is_not_that_of_a_batch(text: str) -> None:
    (grade,) = nincost.audit(text + "\n").grades
    assert [mistake.key for mistake in grade.mistakes] == ["batch-missing"]
    assert grade.expected == 97_574_061_056


def test_blocks_beside_the_total_must_be_true() -> None:
    text = "参数共1992166个，其中第三块1180800个，第二块746204个。\n"
    assert nincost.audit(text).verdict == "wrong"


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("The net has 1,992,166 parameters. Block 3 is the largest with 1,180,800 of them, i.e. "
         "69.3%, followed by block 2 with 746,240 (37.5%).", ["wrong", "right"]),
        ("762,297,352 MACs, block 2 does 66.1%", ["right"]),
        ("1,992,166 parameters, block 3 has about 60%", ["right"]),
        ("1,992,166 parameters; the first block uses 49% less memory", []),
    ],
)  # fmt: skip
def test_shares_are_graded_where_it_is_certain_what_they_are_of(
    text: str, verdicts: list[str]
) -> None:
    audit = nincost.audit(text + "\n")
    figures = [one for kind in audit.figures if kind.what == "shares" for one in kind.figures]
    assert [one.verdict for one in figures] == verdicts


def test_flops_may_count_the_additions_of_biases() -> None:
    text = (
        "FLOPs for one image, counting the addition of the biases too:\n"
        "2 * 762,297,352 + {} = {} FLOPs\n"
        "(one bias addition for each of the 1,525,614 convolution outputs)\n"
    )
    assert nincost.audit(text.format("1,525,614", "1,526,120,318")).ok
    assert not nincost.audit(text.format("1,525,641", "1,526,120,345")).ok


@pytest.mark.parametrize(("less", "verdict"), [("223,054", "right"), ("223,045", "not sure")])
def test_how_many_fewer_than_another_variant(less: str, verdict: str) -> None:
    text = (
        "Parameters\nblock 1: 21,024\nblock 2: 680,448\nblock 3: 1,032,960\nblock 4: 34,680\n"
        f"total: 1,769,112, that is {less} fewer than with two\n"
    )
    assert nincost.audit(text, "one-1x1").verdict == verdict
