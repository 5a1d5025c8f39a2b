"""Hand formulas of convolutions, against the book's first one, written out."""

from __future__ import annotations

from torch import nn

from nincost._closed_form.formulas import conv


def test_the_books_first_convolution_as_text() -> None:
    layer = nn.Conv2d(1, 96, 11, 4)
    working = conv.convolution(layer, ((1, 1, 224, 224),))
    assert [(t.symbols, t.numbers) for t in working.params] == [
        ("k_h*k_w*C_in*C_out", "11*11*1*96"), ("C_out", "96"),
    ]  # fmt: skip
    (macs,) = working.macs
    assert macs.symbols == "N*k_h*k_w*C_in*C_out*out_h*out_w"
    assert macs.numbers == "1*11*11*1*96*54*54"
    assert macs.value == 33_872_256  # 54*54*96*11*11
