"""MACs of matrix products; linear layers, `@` and einsum come down to these."""

from __future__ import annotations

from nincost._profile.registry import macs
from nincost._trace.records import Signature, TensorMeta


def _product(left: TensorMeta, result_columns: int) -> int:
    """Each element of `left` ([..., m, k]) meets each of the result's columns once."""
    return left.elements * result_columns


@macs("aten.mm", "aten.bmm", "aten._int_mm", "aten._scaled_mm", "aten._grouped_mm")
def matrix_product(signature: Signature) -> int:
    """`mm([m, k], [k, n])`, `bmm([b, m, k], [b, k, n])`: b * m * k * n."""
    return _product(signature.args[0], int(signature.args[1].shape[-1]))


@macs("aten.addmm", "aten._addmm_activation", "aten.baddbmm", "aten.addbmm")
def add_matrix_product(signature: Signature) -> int:
    """`addmm(bias, [m, k], [k, n])`: m * k * n; the added bias is no MAC."""
    return _product(signature.args[1], int(signature.args[2].shape[-1]))


@macs("aten.mv", "aten.dot", "aten.vdot")
def vector_product(signature: Signature) -> int:
    """`mv([m, k], [k])`: m * k; `dot([k], [k])`: k."""
    return int(signature.args[0].elements)


@macs("aten.addmv")
def add_vector_product(signature: Signature) -> int:
    """`addmv(bias, [m, k], [k])`: m * k."""
    return int(signature.args[1].elements)


@macs("aten.linear", "aten.mkldnn_linear")
def linear(signature: Signature) -> int:
    """`linear([..., k], weight [n, k])`: elements of the input * n."""
    return _product(signature.args[0], int(signature.args[1].shape[0]))


@macs("aten._weight_int8pack_mm")
def packed_product(signature: Signature) -> int:
    """`_weight_int8pack_mm([m, k], weight [n, k], scales)`: m * k * n."""
    return _product(signature.args[0], int(signature.args[1].shape[0]))


@macs(
    "aten._weight_int4pack_mm",
    "aten._weight_int4pack_mm_for_cpu",
    "aten._weight_int4pack_mm_with_scales_and_zeros",
)
def packed_int4_product(signature: Signature) -> int:
    """The weight's own shape is a packing, so n is read off the result: m * k * n."""
    return _product(signature.args[0], int(signature.outputs[0].shape[-1]))


@macs("aten._trilinear")
def trilinear(signature: Signature) -> int:
    """`_trilinear(i1, i2, i3, expand1, expand2, expand3, sumdim)`, what `nn.Bilinear` runs.

    Sums i1*i2*i3 over `sumdim`: one MAC for each point of the common, expanded shape.
    """
    tensors, expands = signature.args[0:3], signature.args[3:6]
    shape: list[int] = []
    for tensor, expand in zip(tensors, expands, strict=True):
        sizes = list(tensor.shape)
        for dim in expand:
            sizes.insert(dim, 1)
        shape = [max(a, b) for a, b in zip(shape, sizes, strict=True)] if shape else sizes
    count = 1
    for size in shape:
        count *= size
    return count


@macs("aten.affine_grid_generator")
def affine_grid(signature: Signature) -> int:
    """`(theta [N, d, d + 1], size, ...)`: each point of the grid meets theta's d rows."""
    return signature.outputs[0].elements * int(signature.args[0].shape[-1])
