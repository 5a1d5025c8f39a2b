"""Lets `torch.autocast` act on meta tensors: the casts, and the cache of cast weights.

Meta tensors carry no autocast key, and without a CUDA device torch switches that autocast off. Here
the key of the private-use device stands in for CUDA's: it is included by hand while an autocast for
CUDA is entered, and its kernels do what CUDA's do (ATen/autocast_mode.h of torch 2.14, which has
the lists of operators; aten/src/ATen/autocast_mode.cpp cached_cast).

It holds for `--amp` and for an autocast that a model's own forward enters. Kernels are registered
when the first such autocast is entered, and taken away with the recording.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.amp.autocast_mode import autocast

from nincost._step.autocast_rnn import cast_recurrent
from nincost._torch.autograd import is_view
from nincost._torch.checkpointing import checkpointing_as_on
from nincost._torch.operators import (
    argument_names,
    autocast_guards,
    destroy,
    set_autocast_enabled,
)
from nincost._torch.trees import tree_leaves


def _names(text: str) -> list[str]:
    return text.split()


#: Run in the lower precision (AT_FORALL_LOWER_PRECISION_FP).
_LOWER = _names(
    """
    _convolution.deprecated _convolution conv1d conv2d conv3d conv_tbc conv_transpose1d
    conv_transpose2d.input conv_transpose3d.input convolution prelu addmm addmv addr matmul einsum
    mm mv linalg_vecdot linear addbmm baddbmm bmm chain_matmul linalg_multi_dot
    _thnn_fused_lstm_cell _thnn_fused_gru_cell lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell
    _scaled_dot_product_flash_attention scaled_dot_product_attention
"""
)

#: Run in float32 (AT_FORALL_FP32).
_FLOAT = _names(
    """
    acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan
    pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar softplus layer_norm native_layer_norm rms_norm
    group_norm frobenius_norm.dim nuclear_norm nuclear_norm.dim cosine_similarity poisson_nll_loss
    cosine_embedding_loss nll_loss nll_loss2d hinge_embedding_loss kl_div l1_loss smooth_l1_loss
    huber_loss mse_loss margin_ranking_loss multilabel_margin_loss soft_margin_loss
    triplet_margin_loss multi_margin_loss binary_cross_entropy_with_logits dist pdist cdist renorm
    logsumexp upsample_nearest1d _upsample_nearest_exact1d upsample_nearest2d
    _upsample_nearest_exact2d upsample_nearest3d _upsample_nearest_exact3d upsample_linear1d
    upsample_bilinear2d _upsample_bilinear2d_aa upsample_trilinear3d upsample_bicubic2d
    _upsample_bicubic2d_aa
"""
)

#: Give float32 unless a type is given (AT_FORALL_FP32_SET_OPT_DTYPE).
_FLOAT_RESULT = _names(
    """
    prod prod.dim_int softmax.int log_softmax.int cumprod cumsum linalg_vector_norm
    linalg_matrix_norm linalg_matrix_norm.str_ord sum sum.dim_IntList
"""
)

#: Run in the widest type among the arguments (AT_FORALL_PROMOTE).
_WIDEST = _names(
    """
    addcdiv addcmul atan2 bilinear cross dot vdot grid_sampler index_put tensordot scatter_add
"""
)


@contextlib.contextmanager
def autocast_on_meta(device: str) -> Iterator[None]:
    """Let autocasts for `device` that this thread enters act on meta tensors.

    Other threads' autocasts stay as they are. Use it inside `substituted`, which lets one recording
    go at a time.
    """
    casts = _Casts(device)
    try:
        with _patched(casts), checkpointing_as_on(device):
            yield
    finally:
        casts.close()


@contextlib.contextmanager
def _patched(casts: _Casts) -> Iterator[None]:
    names = ("__init__", "__enter__", "__exit__")
    made, entered, left = originals = tuple(getattr(autocast, name) for name in names)
    mine = casts.is_mine

    def make(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        if device_type == "meta" and mine():  # `x.device.type`
            device_type = casts.device
        if device_type != casts.device or not mine():
            made(self, device_type, *args, **kwargs)
            return
        enabled = args[1] if len(args) > 1 else kwargs.get("enabled", True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that CUDA is not available
            kwargs["enabled"] = False
            made(self, device_type, *args[:1], *args[2:], **kwargs)
        set_autocast_enabled(self, enabled)

    def enter(self: Any) -> Any:
        result = entered(self)
        if self.device == casts.device and mine():
            casts.enter()
        return result

    def leave(self: Any, *error: Any) -> Any:
        if self.device == casts.device and mine():
            casts.leave()
        return left(self, *error)

    for name, function in zip(names, (make, enter, leave), strict=True):
        setattr(autocast, name, function)
    try:
        yield
    finally:
        for name, function in zip(names, originals, strict=True):
            setattr(autocast, name, function)


class _Casts:
    """The casting kernels, the autocasts that are entered, and the weights that are cast."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._included, self._excluded = autocast_guards()
        self._thread = threading.get_ident()
        self._libraries: list[Any] = []
        self._guards: list[tuple[Any, bool]] = []
        self._cached: dict[int, tuple[Tensor, Tensor]] = {}

    def is_mine(self) -> bool:
        """Whether this is the recording's thread."""
        return threading.get_ident() == self._thread

    def enter(self) -> None:
        if not self._libraries:
            self._register()
        guard = self._included()
        guard.__enter__()
        self._guards.append((guard, torch.is_autocast_enabled("privateuseone")))
        torch.set_autocast_enabled("privateuseone", True)

    def leave(self) -> None:
        guard, before = self._guards.pop()
        torch.set_autocast_enabled("privateuseone", before)
        guard.__exit__(None, None, None)
        if not self._guards:
            self._cached.clear()

    def close(self) -> None:
        while self._guards:
            self.leave()
        for library in self._libraries:
            destroy(library)
        self._libraries.clear()

    def _register(self) -> None:
        make: Any = torch.library.Library
        rest = make("_", "IMPL")
        self._libraries.append(rest)
        rest.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
        library = make("aten", "IMPL")
        self._libraries.append(library)
        for names, prepare in (
            (_LOWER, self._lower),
            (_FLOAT, self._float),
            (_FLOAT_RESULT, self._float_result),
            (_WIDEST, self._widest),
            (["_cudnn_rnn"], self._recurrent),
        ):
            for name in names:
                library.impl(name, self._kernel(name, prepare), "AutocastPrivateUse1")

    def _kernel(self, name: str, prepare: Callable[..., Any]) -> Callable[..., Any]:
        packet, _, overload = name.partition(".")
        operator = getattr(getattr(torch.ops.aten, packet), overload or "default")
        excluded = self._excluded

        def run(*args: Any, **kwargs: Any) -> Any:
            with excluded():
                if torch.is_autocast_enabled(self.device):
                    args, kwargs = prepare(operator, args, kwargs)
                return operator(*args, **kwargs)

        return run

    def _lower(self, _operator: Any, args: Any, kwargs: Any) -> Any:
        return self._cast_all((args, kwargs), torch.get_autocast_dtype(self.device))

    def _float(self, _operator: Any, args: Any, kwargs: Any) -> Any:
        return self._cast_all((args, kwargs), torch.float32)

    def _float_result(self, operator: Any, args: Any, kwargs: Any) -> Any:
        if not _is_castable(args[0]):
            return args, kwargs
        position = argument_names(operator).index("dtype")
        if position < len(args):
            if args[position] is None:
                args = (*args[:position], torch.float32, *args[position + 1 :])
        elif kwargs.get("dtype") is None:
            kwargs = {**kwargs, "dtype": torch.float32}
        return args, kwargs

    def _widest(self, _operator: Any, args: Any, kwargs: Any) -> Any:
        floats = [t for t in tree_leaves((args, kwargs)) if _is_castable(t)]
        wide = any(t.dtype is torch.float32 for t in floats)
        return self._cast_all(
            (args, kwargs), torch.float32 if wide else torch.get_autocast_dtype(self.device)
        )

    def _recurrent(self, _operator: Any, args: Any, kwargs: Any) -> Any:
        return cast_recurrent(self._cast_one, args), kwargs

    def _cast_one(self, value: Any, dtype: torch.dtype) -> Any:
        return self._cast(value, dtype) if _is_castable(value) else value

    def _cast_all(self, value: Any, dtype: torch.dtype) -> Any:
        kind = type(value)
        if kind is tuple or kind is list:
            # The last first, as the compiler evaluates arguments (WrapFunction_::call).
            return kind([self._cast_all(item, dtype) for item in reversed(value)][::-1])
        if kind is dict:
            cast = [(key, self._cast_all(value[key], dtype)) for key in reversed(value)]
            return dict(reversed(cast))
        return self._cast_one(value, dtype)

    def _cast(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        """A cast; that of a float32 parameter to the lower type is kept until autocast ends."""
        if tensor.dtype is dtype:
            return tensor
        if not (
            dtype is torch.get_autocast_dtype(self.device)
            and tensor.dtype is torch.float32
            and tensor.requires_grad
            and tensor.is_leaf
            and not is_view(tensor)
            and torch.is_autocast_cache_enabled()
        ):
            return tensor.to(dtype)
        if id(tensor) not in self._cached:
            self._cached[id(tensor)] = tensor, tensor.to(dtype)
        return self._cached[id(tensor)][1]


def _is_castable(value: Any) -> bool:
    """Whether autocast looks at it: a floating-point tensor on the device, but no double."""
    return (
        isinstance(value, Tensor)
        and value.is_meta
        and value.is_floating_point()
        and value.dtype is not torch.float64
    )
