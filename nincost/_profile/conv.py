"""MACs of convolutions: plain, grouped, dilated and transposed, in one to three dimensions."""

from __future__ import annotations

from nincost._profile.registry import macs
from nincost._trace.records import Signature, TensorMeta


@macs(
    "aten.convolution",
    "aten._convolution",
    "aten.convolution_overrideable",
)
def convolution(signature: Signature) -> int:
    """`convolution(input, weight, bias, stride, padding, dilation, transposed, ...)`.

    A plain convolution makes each output element from the `C_in/groups * k * ...` values under
    the kernel: output elements * elements of weight[0]. A transposed one spreads each input
    element over `C_out/groups * k * ...` outputs: input elements * elements of weight[0]. Its
    weight has the input channels first, so weight[0] is right in both.
    """
    given, weight, transposed = signature.args[0], signature.args[1], signature.args[6]
    moving = given if transposed else signature.outputs[0]
    return int(moving.elements) * _one_filter(weight)


@macs(
    "aten.cudnn_convolution",
    "aten.cudnn_convolution_relu",
    "aten.cudnn_convolution_add_relu",
    "aten.mkldnn_convolution",
    "aten._slow_conv2d_forward",
    "aten.slow_conv3d_forward",
    "aten.slow_conv_dilated2d",
    "aten.slow_conv_dilated3d",
    "aten._conv_depthwise2d",
    "aten.conv_depthwise3d",
    "aten._nnpack_spatial_convolution",
    "torchvision.deform_conv2d",
)
def library_convolution(signature: Signature) -> int:
    """A library's own convolution `(input, weight, ...)`: output elements * one filter's size."""
    return signature.outputs[0].elements * _one_filter(signature.args[1])


@macs(
    "aten.cudnn_convolution_transpose",
    "aten.slow_conv_transpose2d",
    "aten.slow_conv_transpose3d",
)
def library_transposed(signature: Signature) -> int:
    """A library's own transposed convolution: input elements * one filter's size."""
    return int(signature.args[0].elements) * _one_filter(signature.args[1])


@macs("aten.convolution_backward")
def backward(signature: Signature) -> int:
    """`convolution_backward(grad_output, input, weight, ..., transposed [7], ..., mask [10])`.

    The gradients of the input and of the weight pair the same values as the forward pass does, so
    each that the mask asks for costs what forward cost. The bias's is a sum, and no MAC.
    """
    grad, given, weight, transposed = (*signature.args[0:3], signature.args[7])
    moving = given if transposed else grad
    asked = sum(map(bool, signature.args[10][:2]))
    return asked * int(moving.elements) * _one_filter(weight)


@macs("aten.conv_tbc")
def conv_tbc(signature: Signature) -> int:
    """`conv_tbc(input [T, B, C_in], weight [k, C_in, C_out])`."""
    kernel, channels, _ = signature.args[1].shape
    return signature.outputs[0].elements * int(kernel) * int(channels)


def _one_filter(weight: TensorMeta) -> int:
    return weight.elements // weight.shape[0] if weight.shape[0] else 0
