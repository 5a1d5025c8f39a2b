"""Whose memory a size is: of which batch, and of the thing that is named behind it."""

from __future__ import annotations

import pytest

import nincost
from nincost._audit.figures.results import GradedFigure

#: With the batch in another sentence, and `bs 128`.
BATCHES = [
    "训练：激活每张图6.10MB，128张图781MB。\n推理：参数7.97MB，激活6.10MB，合计14.07MB。",
    "训练时激活 一张图 6.10MB，批量128 是 781MB。\n预测时 激活最大的一层 1.12MB。",
    "激活（含ReLU输出和池化输出）每张图约12.06MiB，批量大小为128时大约1544MiB，这才是大头。\n\n"
    "预测时不需要梯度，参数约7.6MiB，再加上一两层的激活，最大的一层约1.07MiB。",
    "Re: sizing NiN job (bs=128, fp32, SGD no momentum)\n\n"
    "Model has 1.992 M params = 7.60 MiB.\n"
    "Training memory: weights 7.60 MiB + grads 7.60 MiB + activations 1544 MiB "
    "(conv + relu + pool outputs all kept). Input batch is 24.5 MiB.\n"
    "Inference memory at bs 128: 7.60 MiB weights + two 136.7 MiB buffers (block1 1x1 in and out) "
    "= 281 MiB.",
    "Feature maps: 1,525,614 numbers per image if you keep one per convolution, i.e. 6.1 MB, "
    "times 128 images = 781 MB.",
    "activations @128: 781 MB",
]
THINGS = [
    "Memory needed during training: 8.0 MB for parameters, 8.0 MB for gradients, 6.1 MB for "
    "activations, per image.",
    "training memory: 7.97 MB of weights, 7.97 MB of gradients, and 6.10 MB of activations per "
    "picture\ninference: 7.97 MB of weights plus 6.10 MB activations",
    "Training one image takes 7.97 MB for parameters, 7.97 MB for gradients, 6.10 MB for "
    "activations.\nPredicting takes 7.97 MB for parameters and 6.10 MB for activations.",
    "training: 7.97 MB params, 7.97 MB gradients, 6.10 MB conv outputs",
    "mem train bs 1: 8mb weights 8mb grad 6.1mb acts",
    "mem train?\n   - w 7.97MB, g 7.97MB\n   - acts 6.10MB (x batch)\n"
    "mem infer?\n   - w 7.97MB + biggest act 1.12MB",
    "(3) How much memory to train?\n params 7.97 MB + grads 7.97 MB, activations 6.10 MB per image",
    "3) training, one image, sgd without momentum: weights 7.97 MB + gradients 7.97 MB + outputs "
    "of the convs 6.10 MB = 22.0 MB",
    "For inference you can throw maps away so the 8.0 MB of weights plus roughly 2.2 MB for the "
    "two maps alive at one time.",
    "训练内存参数7.97MB梯度7.97MB激活一张图6.1MB",
    "Memory needed during prediction: 8.0 MB parameters + 6.1 MB activations = 14.1 MB at most.",
]


def figures(text: str) -> list[GradedFigure]:
    return [one for kind in nincost.audit(text + "\n").figures for one in kind.figures]


@pytest.mark.parametrize("text", [*BATCHES, *THINGS])
def test_what_is_right_is_called_right(text: str) -> None:
    found = figures(text)
    assert found
    assert [(one.text, one.mistakes) for one in found if one.verdict != "right"] == []


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("Training, batch 128: weights 7.97 MB, activations 6.10 MB at batch 128", "batch-missing"),
        ("activations at bs 128: 6.10 MB", "batch-missing"),
        ("训练：激活128张图781MB。\n推理：参数7.97MB，激活7.32MB。", "unexplained"),
        ("training: 7.97 MB params, 15.94 MB gradients", "bytes-per-value"),
        ("训练时的显存=参数+梯度=7.97MB+7.97MB=15.9MB", "activations-missing"),
    ],
)
def test_what_is_wrong_stays_wrong(text: str, mistake: str) -> None:
    wrong = [one for one in figures(text) if one.verdict == "wrong"]
    assert [one.mistakes[0].key for one in wrong] == [mistake]
