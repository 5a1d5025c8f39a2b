"""Receptive fields against brute force: the gradient of one output pixel at the input."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

import nincost
from nincost._explain.receptive_field import ReceptiveField


class Branches(nn.Module):
    """Two ways of different reach that meet in a sum and in a concatenation."""

    def __init__(self, *, cat: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.long = nn.Sequential(
            nn.Conv2d(4, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)
        )
        self.short = nn.Conv2d(4, 4, 1)
        self.cat = cat
        self.last = nn.Conv2d(8 if cat else 4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        ways = self.long(x), self.short(x)
        return self.last(torch.cat(ways, 1) if self.cat else ways[0] + ways[1])


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


MODELS = {
    "one": chain(nn.Conv2d(1, 2, 3)),
    "strides": chain(nn.Conv2d(1, 2, 5, stride=2, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 3, 3)),
    "dilated": chain(nn.Conv2d(1, 2, 3, dilation=2, padding=2), nn.Conv2d(2, 2, 3, stride=2)),
    "pools": chain(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2),
                   nn.Conv2d(2, 1, (3, 1))),
    "norms": chain(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU6(), nn.Dropout(),
                   nn.Conv2d(2, 2, 2)),
    "grouped": chain(nn.Conv2d(1, 4, 3, bias=False), nn.Conv2d(4, 4, 3, groups=4),
                     nn.Conv2d(4, 1, 1)),
    "ceil": chain(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(1, 1, 2)),
    "same": chain(nn.Conv2d(1, 1, 3, padding="same"), nn.Conv2d(1, 1, 5, padding="same")),
    "sum": Branches(cat=False),
    "cat": Branches(cat=True),
}  # fmt: skip


def positive(model: nn.Module) -> nn.Module:
    """The model with weights above 0, so that nothing cancels, and means for maxima."""
    model = copy.deepcopy(model).eval()
    for name, child in list(model.named_modules()):
        if isinstance(child, nn.MaxPool2d):
            mean = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
            model.set_submodule(name, mean)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)
    return model


def seen(model: nn.Module, size: int, place: tuple[int, int]) -> tuple[range, range]:
    """The rows and columns of the input that the output pixel depends on."""
    image = torch.rand(1, 1, size, size, requires_grad=True)
    output = positive(model)(image)
    output[0, :, place[0], place[1]].sum().backward()
    assert image.grad is not None
    rows = image.grad[0, 0].abs().sum(1).nonzero().flatten()
    columns = image.grad[0, 0].abs().sum(0).nonzero().flatten()
    return tuple(range(int(r.min()), int(r.max()) + 1) for r in (rows, columns))  # type: ignore[return-value]


@pytest.mark.parametrize("name", MODELS)
def test_the_field_is_where_the_gradient_is(name: str) -> None:
    size = 37
    model = MODELS[name]
    last = nincost.explain(model, input=f"1x{size}x{size}").layers[-1]
    assert last.field
    height, width = last.output_shape[-2:]
    for place in {(0, 0), (height // 2, width // 2), (height - 1, width - 1), (1, 2)}:
        if place[0] >= height or place[1] >= width:
            continue
        for field, index, found in zip(last.field, place, seen(model, size, place), strict=True):
            first = field.first + index * field.stride
            assert found == range(max(first, 0), min(first + field.size, size))


def test_the_fields_of_the_textbook_network() -> None:
    layers = {one.layer: one.field for one in nincost.explain("two-1x1").layers}
    assert layers["block1.conv"] == (ReceptiveField(11, 4, 0),) * 2
    assert layers["pool1"] == (ReceptiveField(19, 8, 0),) * 2
    assert layers["block2.conv"] == (ReceptiveField(51, 8, -16),) * 2
    assert layers["block4.conv1x1_2"] == (ReceptiveField(195, 32, -64),) * 2
    assert layers["global_pool"] is None
    assert [field.center for field in layers["block4.conv"] or ()] == [33, 33]


def test_resnet18_has_its_published_field() -> None:
    # 435 pixels at the last block: Araujo, Norris, Sim, "Computing Receptive Fields", Distill 2019
    layers = {one.layer: one.field for one in nincost.explain("torchvision:resnet18").layers}
    field = layers["layer4.1.conv2"]
    assert field is not None
    assert (field[0].size, field[0].stride) == (435, 32)


def test_what_has_no_pixels_has_no_field() -> None:
    text = nincost.explain(nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 2)), input="7:int64")
    assert text.layers[-1].field == ()
    mixed = nincost.explain(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), input="1x4x4")
    assert mixed.layers[-1].field is None


def test_no_compiler_is_imported_for_them() -> None:
    """torch's own meta kernel of relu imports its compiler: seconds for a list of numbers."""
    code = (
        "import sys, nincost\n"
        "assert nincost.audit('block2 receptive field: 51').ok\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
