"""FLOPs outside contractions: norms, softmax, pools, resampling, transforms; and pure movement.

One addition, multiplication, comparison or elementary function is one FLOP. Pointwise operators
and reductions need no entry: torch tags them, and the registry counts one FLOP for each output
(pointwise) or input (reduction) element.
"""

from __future__ import annotations

from typing import Any

from nincost._profile.registry import elementwise, movement
from nincost._trace.records import Signature, TensorMeta


@elementwise(
    "aten.native_batch_norm",
    "aten.cudnn_batch_norm",
    "aten._native_batch_norm_legit",
    "aten._native_batch_norm_legit_functional",
    "aten._batch_norm_with_update",
    "aten._batch_norm_with_update_functional",
)
def batch_norm(signature: Signature) -> int:
    """`(input, weight, bias, mean, var, training, ...)`: see `_norm`.

    With running statistics, 2 for each element, 4 with weight and bias.
    """
    given, weight = signature.args[0:2]
    flags = [value for value in signature.args if isinstance(value, bool)]
    training = flags[0] if flags else True
    return _norm(given, weight is not None, statistics=training)


@elementwise("aten._native_batch_norm_legit_no_training", "aten._batch_norm_no_update")
def batch_norm_eval(signature: Signature) -> int:
    """A batch norm by its running statistics."""
    return _norm(signature.args[0], signature.args[1] is not None, statistics=False)


@elementwise("aten.native_layer_norm")
def layer_norm(signature: Signature) -> int:
    """`(input, normalized_shape, weight, bias, eps)`."""
    return _norm(signature.args[0], signature.args[2] is not None)


@elementwise("aten.native_group_norm")
def group_norm(signature: Signature) -> int:
    """`(input, weight, bias, N, C, HxW, groups, eps)`."""
    return _norm(signature.args[0], signature.args[1] is not None)


@elementwise("aten._fused_rms_norm")
def rms_norm(signature: Signature) -> int:
    """Square, sum, scale for each element, and the weight's multiplication."""
    return int(signature.args[0].elements) * (3 + (signature.args[2] is not None))


def _norm(given: TensorMeta, affine: bool, *, statistics: bool = True) -> int:
    """FLOPs of a normalization.

    For each element: the mean's sum, the difference's square and its sum (3, where statistics are
    computed), subtract and scale (2), and weight and bias (2, where there are any).
    """
    return given.elements * (3 * statistics + 2 + 2 * affine)


@elementwise("aten._softmax", "aten._log_softmax", "aten._safe_softmax", "aten._masked_softmax")
def softmax(signature: Signature) -> int:
    """Largest, subtract, exponential, sum, divide: 5 for each element."""
    return 5 * signature.outputs[0].elements


@elementwise(
    "aten.max_pool2d_with_indices", "aten.max_pool3d_with_indices", "aten.mkldnn_max_pool2d",
    "aten.avg_pool2d", "aten.avg_pool3d", "aten.fractional_max_pool2d",
    "aten.fractional_max_pool3d",
)  # fmt: skip
def window_pool(signature: Signature) -> int:
    """`(input, kernel_size, ...)`: one comparison or addition for each value in each window."""
    spatial = 3 if "pool3d" in signature.name else 2
    window = signature.args[1]
    sizes = tuple(window) if isinstance(window, tuple) else (window,)
    if len(sizes) == 1:
        sizes *= spatial
    count = signature.outputs[0].elements
    for size in sizes:
        count *= int(size)
    return count


@elementwise(
    "aten._adaptive_avg_pool2d", "aten._adaptive_avg_pool3d", "aten.adaptive_max_pool2d",
    "aten.adaptive_max_pool3d", "aten.cumsum", "aten.cumprod", "aten.cummax", "aten.cummin",
    "aten.logcumsumexp", "aten.trace", "aten.mkldnn_adaptive_avg_pool2d", "aten._aminmax",
    "aten._is_all_true", "aten._is_any_true", "aten.native_norm", "aten.max_unpool2d",
    "aten.max_unpool3d", "aten.renorm",
)  # fmt: skip
def each_input(signature: Signature) -> int:
    """One FLOP for each input element."""
    return int(signature.args[0].elements)


@elementwise(
    # Before torch 2.14 these, or their forms in place, are not tagged.
    "aten.leaky_relu", "aten.elu", "aten.celu", "aten.selu", "aten.hardsigmoid", "aten.hardtanh",
    "aten.hardswish", "aten.glu", "aten.log_sigmoid_forward", "aten._prelu_kernel",
    "aten.native_dropout", "aten.mse_loss", "aten.smooth_l1_loss", "aten.huber_loss",
    "aten.soft_margin_loss", "aten.binary_cross_entropy", "aten.binary_cross_entropy_with_logits",
    "aten.nll_loss_forward", "aten.nll_loss2d_forward", "aten.addr", "aten.dist",
    "aten.linalg_cross", "aten.scatter_add", "aten.index_add", "aten.scatter_reduce",
    "aten.index_reduce", "aten._masked_scale", "aten.complex", "aten.polar",
    "aten.floor_divide", "aten.rrelu_with_noise", "aten._add_relu",
    "aten._transform_bias_rescale_qkv", "aten.linspace", "aten.logspace",
    "aten._weight_norm_interface", "aten.segment_reduce",
)  # fmt: skip
def each_element(signature: Signature) -> int:
    """One FLOP for each element of the largest of inputs and outputs."""
    metas = [arg for arg in signature.args if isinstance(arg, TensorMeta)]
    return max(meta.elements for meta in (*metas, *signature.outputs))


@elementwise("aten._cdist_forward", "aten._euclidean_dist", "aten._pdist_forward")
def distances(signature: Signature) -> int:
    """Subtract, power and sum for each coordinate of each pair."""
    return 3 * signature.outputs[0].elements * int(signature.args[0].shape[-1])


@elementwise("aten._fft_c2c", "aten._fft_r2c", "aten._fft_c2r")
def fourier(signature: Signature) -> int:
    """`(input, dims, ...)`: 5 N log2 N for each transform of length N, half for real ones.

    FFTW's convention for comparing transforms (fftw.org, "FFT benchmark methodology").
    """
    given = signature.args[0]
    largest = max(given, signature.outputs[0], key=lambda meta: meta.elements)
    length = 1
    for dim in signature.args[1]:
        length *= int(largest.shape[dim])
    flops = 5 * largest.elements * _log2(length)
    return int(flops if signature.name.endswith("c2c") else flops // 2)


def _log2(value: int) -> int:
    """The logarithm rounded up, so that the count stays a whole number."""
    return max(value - 1, 0).bit_length()


def _resampling(taps: int) -> Any:
    def formula(signature: Signature) -> int:
        return 2 * taps * signature.outputs[0].elements

    formula.__doc__ = f"Weighted sum of {taps} neighbours: 2 FLOPs each."
    return formula


elementwise("aten.upsample_linear1d")(_resampling(2))
elementwise("aten.upsample_bilinear2d", "aten._upsample_bilinear2d_aa", "aten.grid_sampler_2d")(
    _resampling(4)
)
elementwise("aten.upsample_trilinear3d", "aten.grid_sampler_3d")(_resampling(8))
elementwise("aten.upsample_bicubic2d", "aten._upsample_bicubic2d_aa")(_resampling(16))


@elementwise("aten._embedding_bag", "aten._embedding_bag_forward_only")
def embedding_bag(signature: Signature) -> int:
    """`(weight [V, E], indices, ...)`: one addition for each value looked up."""
    return int(signature.args[1].elements * signature.args[0].shape[-1])


@elementwise("aten.col2im")
def col2im(signature: Signature) -> int:
    """One addition for each value put back."""
    return int(signature.args[0].elements)


# Pointwise by torch's tags, though they compute nothing.
movement("aten.clone", "aten.where", "aten.masked_fill", "aten.positive", "aten.lift")

# Creation.
movement(
    "aten.arange", "aten.empty", "aten.empty_like", "aten.empty_permuted", "aten.empty_strided",
    "aten.eye", "aten.full", "aten.full_like", "aten.new_empty", "aten.new_empty_strided",
    "aten.new_full", "aten.new_ones", "aten.new_zeros", "aten.ones", "aten.ones_like",
    "aten.zeros", "aten.zeros_like", "aten.scalar_tensor", "aten.tril_indices",
    "aten.triu_indices", "aten.randperm", "aten.rand", "aten.rand_like", "aten.randn",
    "aten.randn_like", "aten.randint", "aten.randint_like", "aten.bernoulli", "aten.uniform",
    "aten.normal", "aten.exponential", "aten.multinomial", "aten.fill", "aten.zero", "aten.range",
    "aten.random", "aten._efficientzerotensor", "aten.log_normal", "aten.geometric",
    "aten.cauchy", "aten.poisson", "aten.normal_functional", "aten.hann_window",
    "aten.hamming_window", "aten.blackman_window", "aten.bartlett_window",
)  # fmt: skip

# Copies, indexing and rearrangement.
movement(
    "aten.cat", "aten.stack", "aten._chunk_cat", "aten._stack", "aten.copy", "aten._to_copy",
    "aten._unsafe_view", "aten.constant_pad_nd", "aten.reflection_pad1d", "aten.reflection_pad2d",
    "aten.reflection_pad3d", "aten.replication_pad1d", "aten.replication_pad2d",
    "aten.replication_pad3d", "aten.embedding", "aten.gather", "aten.index", "aten._unsafe_index",
    "aten._unsafe_masked_index", "aten.index_select", "aten.index_copy", "aten.index_fill",
    "aten.index_put", "aten._unsafe_index_put", "aten.masked_scatter", "aten.masked_select",
    "aten.scatter", "aten.slice_scatter", "aten.select_scatter", "aten.diagonal_scatter",
    "aten.as_strided_scatter", "aten.take", "aten.put", "aten.flip", "aten.roll", "aten.rot90",
    "aten.repeat", "aten.repeat_interleave", "aten.tril", "aten.triu", "aten.diag_embed",
    "aten.im2col", "aten.pixel_shuffle", "aten.pixel_unshuffle", "aten.channel_shuffle",
    "aten.upsample_nearest1d", "aten.upsample_nearest2d", "aten.upsample_nearest3d",
    "aten._upsample_nearest_exact1d", "aten._upsample_nearest_exact2d",
    "aten._upsample_nearest_exact3d", "aten.nonzero", "aten.nonzero_static", "aten.sort",
    "aten.topk", "aten.kthvalue", "aten.median", "aten.mode", "aten.searchsorted",
    "aten.bucketize", "aten.bincount", "aten.histc", "aten._unique2", "aten.unique_dim",
    "aten.unique_consecutive", "aten.isin", "aten.split_with_sizes_copy", "aten.block_diag",
    "aten.as_strided", "aten._pack_padded_sequence", "aten.resize", "aten.set", "aten._pin_memory",
    "aten._local_scalar_dense", "aten.unsafe_split", "aten._reshape_copy",
    "aten._cudnn_rnn_flatten_weight", "aten._resize_output", "aten._functional_assert_async",
)  # fmt: skip
