"""The working of each number, and that every sentence is there in English and in Chinese."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
import torch
from torch import nn

import nincost
from nincost._explain.output_size import size_working
from nincost._explain.phrases import PHRASES


def test_the_first_convolution() -> None:
    (layer,) = nincost.explain("two-1x1", layer="block1.conv").layers
    assert (layer.params.letters, layer.params.numbers) == ("C_out*(k*k*C_in+1)", "96*(11*11*1+1)")
    assert (layer.params.value, layer.weights, layer.biases) == (11_712, 11_616, 96)
    assert layer.macs.letters == "H_out*W_out*C_out*k*k*C_in"
    assert layer.macs.numbers == "54*54*96*11*11*1"
    assert layer.macs.value == 33_872_256
    assert (layer.activation_elements, layer.activation_bytes) == (279_936, 4 * 279_936)
    size = layer.sizes[0]
    assert (size.formula, size.exact_text, size.out) == ("(224 + 2*0 - 11)/4 + 1", "54.25", 54)
    assert size.unread == 1
    assert size.same_paddings == (1,)
    assert size.full_paddings == tuple(range(2, 11))


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_what_is_never_read_is_what_has_no_gradient(
    kernel: int, stride: int, padding: int, dilation: int
) -> None:
    conv = nn.Conv1d(1, 1, kernel, stride, padding, dilation)
    nn.init.ones_(conv.weight)
    line = torch.zeros(1, 1, 17, requires_grad=True)
    output = conv(line)
    output.sum().backward()
    assert line.grad is not None
    working = size_working(17, kernel, stride, padding, dilation, output.shape[-1])
    assert working.unread == int((line.grad == 0).sum())
    assert int(working.exact) == output.shape[-1]


@pytest.mark.parametrize("variant", ["two-1x1", "cifar10", "fc-head", "torchvision:resnet18"])
def test_the_whole_network_adds_up(variant: str) -> None:
    explained = nincost.explain(variant)
    profile = nincost.profile(variant)
    assert explained.totals["params"] == profile.totals.params
    assert explained.totals["macs"] == profile.totals.macs
    assert explained.totals["activation_elements"] == profile.totals.activation_elements
    for layer in explained.layers:
        for formula in (layer.params, layer.macs):
            if formula.numbers:
                assert nincost.audit(formula.numbers, "two-1x1").grades[0].written == formula.value


def test_a_1x1_convolution_is_a_linear_layer_at_each_pixel() -> None:
    conv, linear = nn.Conv2d(2, 2, 1, bias=False), nn.Linear(2, 2, bias=False)
    weights = torch.tensor([[3.0, 4.0], [5.0, 6.0]])
    conv.weight.data = weights[..., None, None]
    linear.weight.data = weights
    pixel = torch.tensor([1.0, 2.0])
    assert linear(pixel).tolist() == [11, 17]
    assert conv(pixel[None, :, None, None]).flatten().tolist() == [11, 17]
    note = PHRASES["note_1x1"]
    assert all("(11, 17)" in note[lang] and "[[3, 4], [5, 6]]" in note[lang] for lang in note)


def test_one_step_against_two() -> None:
    one = nn.Sequential(nn.Conv2d(384, 10, 3, padding=1))
    two = nn.Sequential(nn.Conv2d(384, 64, 3, padding=1), nn.Conv2d(64, 10, 1))
    text = str(nincost.explain(one, input="384x5x5"))
    for model in (one, two):
        totals = nincost.profile(model, input="384x5x5").totals
        assert f"{totals.params:,}" in text
        assert f"{totals.macs:,}" in text


def test_why_a_size_is_rounded_down() -> None:
    """Windows begin at 0, 4, ..., 212; one at 216 would end at 226, and 223 is the last row."""
    text = " ".join(str(nincost.explain("two-1x1", layer="block1.conv", lang="en")).split())
    assert "places 216 to 226, 3 beyond the last, 223: rounding up to 55" in text


def test_a_block_and_an_unknown_layer() -> None:
    assert len(nincost.explain("two-1x1", layer="block2").layers) == 6
    with pytest.raises(nincost.InputError, match=r"did you mean 'block1\.conv'"):
        nincost.explain("two-1x1", layer="block1.conb")
    with pytest.raises(nincost.InputError, match="en or zh"):
        nincost.explain("two-1x1", lang="de")  # type: ignore[call-overload]


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", PHRASES)
def test_every_sentence_is_there_in_both_languages(key: str) -> None:
    assert set(PHRASES[key]) == {"en", "zh"}
    english, chinese = PHRASES[key]["en"], PHRASES[key]["zh"]
    assert fields_of(english) == fields_of(chinese)
    assert not re.search("[一-鿿，。；：]", english)
    if re.search("[a-z]{3}", re.sub(r"\{\w+\}", "", english)) and key not in ("macs",):
        assert re.search("[一-鿿]", chinese), "not translated"


def test_every_sentence_is_used() -> None:
    package = Path(nincost.__file__).parent
    folders = ("_explain", "_explain/topics", "_render/explain", "_render/explain_topic")
    files = [file for folder in folders for file in (package / folder).glob("*.py")]
    code = "".join(file.read_text("utf-8") for file in files if file.name != "phrases.py")
    sides = {f"side_{axis}" for axis in "dhwl"}  # whose keys are put together
    assert {key for key in PHRASES if f'"{key}"' not in code} == sides


#: English words that stay as they are in Chinese text: names of code and units.
NAMES = re.compile(
    r"\b(softmax|nn\.\w+|dropout|ceil_mode|MACs|FLOPs|KiB|MiB|GiB|in|[A-Z]\w*|[\w.]*\d[\w.]*|"
    r"[kspdgBN]|[CHW]_\w+|pool\d*|block\w*|global_pool|flatten|classifier|[a-z]+\d+)\b"
)


@pytest.mark.parametrize("format_", ["table", "markdown"])
@pytest.mark.parametrize("variant", ["two-1x1", "fc-head", "cifar10"])
def test_chinese_has_no_english_left(format_: str, variant: str) -> None:
    explained = nincost.explain(variant, lang="zh")
    text = str(explained) if format_ == "table" else explained.to_markdown()
    names = {layer.layer for layer in explained.layers} | {variant}
    for line in text.splitlines():
        for name in sorted(names, key=len, reverse=True):
            line = line.replace(name, "").replace(name.replace("_", "\\_"), "")
        left = [
            word for word in re.findall(r"[A-Za-z][\w.]*", NAMES.sub(" ", line)) if len(word) > 1
        ]
        left = [
            word for word in left if word not in ("out", "in", "nin", "relu", "gt", "ceil", "mode")
        ]
        assert not left, (line, left)


def test_formats() -> None:
    explained = nincost.explain("two-1x1", layer="block1")
    document = explained.to_dict()
    assert document["command"] == "explain"
    assert document["layers"][0]["size"][0]["formula"] == "(224 + 2*0 - 11)/4 + 1"
    assert document["layers"][0]["receptive_field"][0]["center"] == 5.0
    assert explained.to_markdown().startswith("# two-1x1")
    assert "54.25" in str(explained)
    assert "向下取整" in str(nincost.explain("two-1x1", layer="block1.conv", lang="zh"))
