"""Hand formulas of embeddings and bilinear layers, whose inputs are not images."""

from __future__ import annotations

from torch import nn

from nincost._closed_form.formulas import linear


def test_an_embedding_by_hand() -> None:
    working = linear.embedding(nn.Embedding(9, 4), ((2, 3),))
    assert working.output_shape == (2, 3, 4)
    assert (working.param_count, working.mac_count) == (9 * 4, 0)


def test_a_bilinear_layer_by_hand() -> None:
    layer = nn.Bilinear(3, 4, 5)
    working = linear.bilinear(layer, ((2, 3), (2, 4)))
    assert working.param_count == sum(p.numel() for p in layer.parameters())
    assert working.mac_count == 2 * 5 * 3 * 4
    assert working.output_shape == (2, 5)
