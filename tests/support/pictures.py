"""For the tests of pictures: an SVG's words, bars as numbers, names to be careful of."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import torch
from torch import nn

SVG = "{http://www.w3.org/2000/svg}"

#: Each name as a model may have it, and as a picture shows it.
NAMES = {
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "q\"uo'te": "q\"uo'te",
    "🙂 emoji": "🙂 emoji",
    "中文层": "中文层",
    "$x_1$": "$x_1$",
    r"\frac{a}{b}": r"\frac{a}{b}",
    "a&b --> ]]>": "a&b --> ]]>",
    "new\nline": r"new\nline",
    "nul\x00\x1b[31m": r"nul\x00\x1b[31m",
    "turned\u202eround": r"turned\u202eround",
    "lone\ud800": r"lone\ud800",
    "100% {x}": "100% {x}",
}


def words(svg: bytes | str) -> list[str]:
    """The text of each `<text>` of an SVG, which must be well-formed and harmless XML."""
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert not [e.tag for e in root.iter() if e.tag.endswith(("script", "image"))]
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def bars(axes: Any) -> list[float]:
    """The lengths of the bars in a panel, as drawn from top to bottom."""
    return [bar.get_width() for bar in sorted(axes.patches, key=lambda bar: bar.get_y())]


def names(picture: Any) -> list[str]:
    """The names beside the first panel's rows."""
    left = picture.axes[0]
    return [text.get_text() for text in left.texts if text.get_ha() == "right"]


def named_model() -> nn.Module:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in NAMES:
                self.add_module(name, nn.Linear(4, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for child in self.children():
                x = child(x)
            return x

    return Net()
