"""What is true of the model and what is not, where an answer states the right total beside it."""

from __future__ import annotations

import pytest

from nincost._audit.audit import grade_text
from nincost._audit.subject import Subject
from nincost._models.sources import resolve

WRONG = [  # each number is true of something, but not of what it is said of
    "The first conv has 9,312 parameters, the whole net 1,992,166.",
    "The 11x11 conv has 614,656 parameters; in total 1,992,166.",
    "两个1×1卷积各11712个参数，总共1992166个。",
    "第一个卷积层有614656个参数，总参数1992166",
    "weights: 1,992,166, biases: 2,238, so 1,994,404 parameters",
    "block 1 has 746,240 parameters, and the net 1,992,166",
    "The first block has 30,336 parameters, the second 1,180,800, the total is 1,992,166.",
    "conv1: 11,712, conv2: 885,120, altogether 1,992,166 parameters",
    "MACs: the 5x5 conv does 127,401,984, all together 762,297,352",
    "The 1x1 layers have 11,712 parameters each; the total is 1,992,166.",
    "NiN has 1,992,166 parameters, 885,120 of them in the first layer",
    "Params 1,992,166, of which the fourth block has 30,336",
    "参数共1992166，其中1×1卷积占1546058",
    "The parameters are 11,616 in the first conv and 1,992,166 overall",
    "parameters: 96 filters of 11x11 = 11,616, in total 1,992,166",
    "30336 + 746240 + 1180800 + 34790 = 1992166, so block 3 has 746240",
    "MACs 762,297,352; one training step is 1,524,594,704",
    "VGG has 1,992,166 parameters and NiN 138 million",
    "I get 1,990,674 and not 1,992,166 parameters.",
    "输出24×24而不是26×26，第二块",
]
RIGHT = [
    "The first conv has 11,712 parameters, the whole net 1,992,166.",
    "The 11x11 conv has 11,712 parameters; in total 1,992,166.",
    "1,989,928 weights and 2,238 biases make 1,992,166 parameters",
    "NiN has 1,992,166 parameters, 885,120 of them in the 3x3 conv of block 3",
    "参数共1992166，其中1×1卷积占446108",
    "I get 1,992,166 and not 1,990,674 parameters.",
    "MACs: the 5x5 conv does 415,334,400, all together 762,297,352",
    "MACs 762,297,352; one training step is 2.287G",
    "VGG has 138 million parameters and NiN 1,992,166",
]


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(resolve("two-1x1"))


@pytest.mark.parametrize("text", WRONG)
def test_a_number_is_true_of_what_it_is_said_of(text: str, subject: Subject) -> None:
    assert not grade_text(text, subject).ok


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_true_beside_the_right_total_is_right(text: str, subject: Subject) -> None:
    audit = grade_text(text, subject)
    assert audit.ok, str(audit)
