"""MACs of recurrent layers that a library runs whole. Elsewhere they come down to products."""

from __future__ import annotations

from nincost._profile.registry import macs
from nincost._trace.records import Signature, TensorMeta


@macs("aten._cudnn_rnn")
def cudnn_rnn(signature: Signature) -> int:
    """`(input, weights, weight_stride0, ...)`: each matrix meets each step of its layer.

    The input is [T, B, I], or [steps, I] of packed sequences. One MAC for each element of each
    two-dimensional weight, for each of the T * B steps.
    """
    return _steps(signature.args[0]) * _matrices(signature.args[1])


@macs("aten.mkldnn_rnn_layer")
def mkldnn_rnn_layer(signature: Signature) -> int:
    """`(input [T, B, I], weight_ih, weight_hh, ...)`: one layer in one direction."""
    return _steps(signature.args[0]) * _matrices(signature.args[1:3])


def _steps(given: TensorMeta) -> int:
    return given.elements // max(1, int(given.shape[-1]))


def _matrices(weights: tuple[TensorMeta, ...]) -> int:
    return sum(weight.elements for weight in weights if len(weight.shape) == 2)
