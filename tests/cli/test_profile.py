"""`nincost profile`: every figure alike in table, CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEADER = (
    "layer,type,depth,calls,input_shape,output_shape,params,trainable_params,macs,flops,"
    "activation_elements,activation_bytes"
)
COUNTS = HEADER.split(",")[6:]
TOTALS = [
    "params", "trainable_params", "frozen_params", "buffers", "macs", "flops",
    "activation_elements", "activation_bytes",
]  # fmt: skip

ONE = ["--variant", "two-1x1", "--input", "1x224x224"]
SHAPES = ["1x96x54x54", "1x96x26x26", "1x256x26x26", "1x256x12x12", "1x384x12x12", "1x384x5x5",
          "1x10x5x5"]  # fmt: skip


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("variant", "params", "macs"),
    [("two-1x1", 1_992_166, 762_297_352), ("one-1x1", 1_769_112, 0)],
)
def test_published_figures_in_every_format(
    nincost_cli: Callable[..., Any], variant: str, params: int, macs: int
) -> None:
    if variant == "one-1x1":  # 762,297,352 less one 1x1 convolution in each block
        macs = 762_297_352 - (54**2 * 96**2 + 26**2 * 256**2 + 12**2 * 384**2 + 5**2 * 10**2)
    arguments = ["profile", "--variant", variant, "--input", "1x224x224"]
    table = nincost_cli(*arguments, "--exact")
    assert (table.status, table.err) == (0, "")
    assert f"{params:,} (all trainable)" in table.out
    assert f"{macs:,} MACs = {2 * macs:,} FLOPs for one input" in table.out
    assert all(shape in table.out for shape in SHAPES)

    found = rows(nincost_cli(*arguments, "--format", "csv").out)
    assert sum(int(row["params"]) for row in found) == params
    assert sum(int(row["macs"]) for row in found) == macs
    assert set(SHAPES) <= {row["output_shape"] for row in found}

    document = json.loads(nincost_cli(*arguments, "--format", "json").out)
    assert (document["totals"]["params"], document["totals"]["macs"]) == (params, macs)
    assert set(SHAPES) <= {row["output_shape"] for row in document["layers"]}

    markdown = nincost_cli(*arguments, "--format", "markdown").out
    assert f"{params:,}" in markdown
    assert f"{macs:,}" in markdown
    assert all(shape in markdown for shape in SHAPES)


def test_csv_is_as_promised(nincost_cli: Callable[..., Any]) -> None:
    text = nincost_cli("profile", *ONE, "--format", "csv", "--total").out
    assert text.splitlines()[0] == HEADER
    assert "\r" not in text
    *layers, total = rows(text)
    assert total["layer"] == "total"
    document = json.loads(nincost_cli("profile", *ONE, "--format", "json").out)
    for name in COUNTS:
        assert all(row[name].isdecimal() for row in layers)
        assert sum(int(row[name]) for row in layers) == int(total[name])
        assert int(total[name]) == document["totals"][name]
    without = nincost_cli("profile", *ONE, "--format", "csv").out
    assert text.startswith(without)
    assert layers[0] == {
        "layer": "block1.conv", "type": "Conv2d", "depth": "2", "calls": "1",
        "input_shape": "1x1x224x224", "output_shape": "1x96x54x54", "params": "11712",
        "trainable_params": "11712", "macs": "33872256", "flops": "67744512",
        "activation_elements": "279936", "activation_bytes": "1119744",
    }  # fmt: skip


def test_json_is_as_promised(nincost_cli: Callable[..., Any]) -> None:
    document = json.loads(nincost_cli("profile", *ONE, "--format", "json").out)
    assert {
        "schema",
        "command",
        "model",
        "input",
        "environment",
        "totals",
        "layers",
        "uncounted",
    } <= (set(document))
    assert (document["schema"], document["command"], document["model"]) == (1, "profile", "two-1x1")
    assert {"nincost", "torch"} <= set(document["environment"])
    assert set(TOTALS) <= set(document["totals"])
    assert all(type(document["totals"][name]) is int for name in document["totals"])
    assert set(HEADER.split(",")) <= set(document["layers"][0])
    assert document["uncounted"] == []


MYSTERY = """
import torch
from torch import nn

@torch.library.custom_op("nincost_cli_tests::mystery", mutates_args=())
def mystery(x: torch.Tensor) -> torch.Tensor:
    return x * 2

@mystery.register_fake
def _(x):
    return torch.empty_like(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
    def forward(self, x):
        print("printed by the model")
        return torch.linalg.inv(mystery(self.fc(x)))
"""


def test_what_is_not_counted_is_named_in_every_format(
    nincost_cli: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_text(MYSTERY)
    arguments = ["profile", f"{file}:Net", "--input", "4x4"]
    names = ["nincost_cli_tests.mystery", "aten.linalg_inv_ex"]
    first = nincost_cli(*arguments, "--format", "csv")
    found = {row["layer"]: row["type"] for row in rows(first.out)}
    assert {f"Net [{name}]": "uncounted" for name in names}.items() <= found.items()
    assert "printed by the model" in first.err
    for name in names:
        assert f"uncounted: {name}" in first.err
    for kind in ("table", "json", "markdown"):
        done = nincost_cli(*arguments, "--format", kind, columns=200)
        assert done.status == 0
        plain = done.out.replace("\\", "")
        assert all(name in plain for name in names), kind
    document = json.loads(nincost_cli(*arguments, "--format", "json").out)
    assert [item["operator"] for item in document["uncounted"]] == names
    strict = nincost_cli(*arguments, "--strict")
    assert (strict.status, strict.out) == (1, "")
    assert strict.err.splitlines()[-1].startswith("nincost: error: ")
    quiet = nincost_cli(*arguments, "--quiet")
    assert "uncounted" not in quiet.err


@pytest.mark.parametrize("model", ["two-1x1", "torchvision:resnet50", "torchvision:vit_b_16"])
@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(
    nincost_cli: Callable[..., Any], model: str, columns: int
) -> None:
    for options in ([], ["--exact"], ["--sort", "macs", "--top", "5"]):
        if options == ["--exact"] and columns < 120:
            continue
        done = nincost_cli("profile", model, *options, columns=columns)
        assert max(map(len, done.out.splitlines())) <= columns


def test_depth_sort_top_and_columns(nincost_cli: Callable[..., Any]) -> None:
    top = nincost_cli("profile", "--sort", "macs", "--top", "2", "--columns", "layer,macs",
                      "--format", "csv").out  # fmt: skip
    # 26*26*96*256*25 for block 2's 5x5; 12*12*256*384*9 for block 3's 3x3
    assert top.splitlines() == ["layer,macs", "block2.conv,415334400", "block3.conv,127401984"]
    depth = rows(nincost_cli("profile", "--depth", "1", "--format", "csv").out)
    assert [row["layer"] for row in depth][:2] == ["block1", "pool1"]
    assert sum(int(row["macs"]) for row in depth) == 762_297_352
    assert sum(int(row["params"]) for row in depth) == 1_992_166
    by_name = rows(nincost_cli("profile", "--sort", "layer", "--format", "csv").out)
    names = [row["layer"] for row in by_name]
    assert names == sorted(names)
    extra = nincost_cli("profile", "--elementwise", "--format", "csv").out
    assert extra.splitlines()[0] == HEADER + ",elementwise_flops"


def test_batch_size_goes_in_front(nincost_cli: Callable[..., Any]) -> None:
    document = json.loads(nincost_cli("profile", "--batch-size", "128", "--format", "json").out)
    assert document["batch_size"] == 128
    assert document["totals"]["macs"] == 128 * 762_297_352
    assert document["layers"][0]["input_shape"] == "128x1x224x224"


def test_arg_and_verbose(nincost_cli: Callable[..., Any], tmp_path: Path) -> None:
    done = nincost_cli("profile", "--arg", "num_classes=7", "--arg", "in_channels=3", "--format",
                       "json")  # fmt: skip
    assert json.loads(done.out)["input"] == ["1x3x224x224"]
    assert json.loads(done.out)["layers"][-1]["output_shape"] == "1x7"
    file = tmp_path / "net.py"
    file.write_text(
        "import torch\nfrom torch import nn\n"
        "def net():\n    return nn.Linear(int(torch.ones(4).sum()), 2)\n"
    )
    arguments = ["profile", f"{file}:net", "--input", "4"]
    assert nincost_cli(*arguments).err == ""
    assert "built on the CPU" in nincost_cli(*arguments, "--verbose").err
