"""Matrix products: cuBLAS's workspaces, and copies of operands that it cannot read."""

from __future__ import annotations

from math import prod

import torch

from nincost._devices.declare import rule
from nincost._devices.libraries.cublas import UNIFIED_FROM, blas_workspaces
from nincost._devices.memory_format import is_row_major
from nincost._devices.rules import Action, Call, alloc, free, library_workspace, out
from nincost._trace.records import TensorMeta


def workspace(call: Call) -> Action:
    """The workspace of this thread's cuBLAS handle."""
    return _workspaces(call, lt=False)[0]


def _workspaces(call: Call, *, lt: bool) -> list[Action]:
    """Those of the thread's handles: autograd runs backward in a thread of its own."""
    settings = call.target.settings
    known = blas_workspaces(
        call.target.capability,
        settings.variables,
        unified=settings.torch_release >= UNIFIED_FROM,
    )
    thread = "backward" if call.phase == "backward" else "forward"
    return [
        library_workspace(f"{library} {thread}", size)
        for library, size in known.first_call(lt=lt).items()
    ]


def operand_copy(matrix: TensorMeta) -> int:
    """Bytes of a matrix's copy where neither dimension is dense (an expanded gradient).

    aten/src/ATen/native/cuda/Blas.cpp prepare_matrix_for_cublas, prepare_batch_matrix_for_cublas.
    """
    rows, columns = matrix.shape[-2:]
    first, second = matrix.stride[-2:]
    by_rows = second == 1 and first >= max(1, columns)
    by_columns = first == 1 and second >= max(1, rows)
    return 0 if by_rows or by_columns or is_row_major(matrix) else matrix.bytes


@rule(
    "aten.mv",
    "aten.addmv",
    "aten.dot",
    "aten.vdot",
    source="aten/src/ATen/native/Blas.cpp addmv_out_cuda; cuda/CUDABlas.cpp gemv, dot",
)
def vector_product(call: Call) -> list[Action]:
    """The output, a copy of an expanded vector, and the handle's workspace at the first call."""
    vector = call.args[-1] if isinstance(call.args[-1], TensorMeta) else call.args[0]
    expanded = vector.stride == (0,) and vector.elements > 1
    return [out(0), alloc("copy", vector.bytes if expanded else 0), workspace(call)]


#: Bytes of scratch for each multiprocessor, by the major compute capability, of the kernels that
#: CUTLASS makes for groups: what torch 2.14's ask for.
_GROUPED = {9: 512, 10: 5888}


@rule(
    "aten._grouped_mm",
    source="aten/src/ATen/native/cuda/GroupMM.cu bf16bf16_grouped_gemm_impl_sm90_sm100; "
    "aten/src/ATen/native/GroupedMMUtils.h _grouped_mm_fallback",
    kind="modelled",
)
def grouped_product(call: Call) -> list[Action]:
    """One kernel for all groups in bfloat16 on Hopper and Blackwell, else a product a group."""
    left, right = call.args[:2]
    each = _GROUPED.get(call.target.capability[0])
    if each is None or left.dtype is not torch.bfloat16:
        return [out(0), workspace(call)]
    offs = call.arg(2)
    groups = offs.elements if isinstance(offs, TensorMeta) else right.shape[0]
    arguments = 3 * 8 * (groups + groups % 2) + 12 * groups + 3 * 8 * groups
    return [
        out(0), alloc("arguments", arguments), alloc("maps", each * call.target.multiprocessors),
    ]  # fmt: skip


@rule(
    "aten._trilinear",
    source="aten/src/ATen/native/Linear.cpp _trilinear, sumproduct_pair",
)
def trilinear(call: Call) -> list[Action]:
    """`nn.Bilinear` and its gradients: the output, and for each slice of it two products.

    Each product is over all dimensions of its operands, those at 1 that are summed in it.
    """
    expanded = [set(call.arg(position)) for position in (3, 4, 5)]
    summed, unrolled = set(call.arg(6)), call.arg(7, 1)
    total = len(call.args[0].shape) + len(expanded[0])
    sizes = []
    for tensor, added in zip(call.args[:3], expanded, strict=True):
        own = iter(tensor.shape)
        sizes.append([1 if dim in added else next(own) for dim in range(total)])
    whole = [max(size) for size in zip(*sizes, strict=True)]
    early = summed & expanded[2] - {unrolled}  # of one element there is nothing to multiply
    late = summed - expanded[2] - {unrolled}
    item = call.args[0].dtype.itemsize
    first = prod(
        1 if dim in early or dim == unrolled else max(sizes[0][dim], sizes[1][dim])
        for dim in range(total)
    )
    second = prod(1 if dim in summed or dim == unrolled else whole[dim] for dim in range(total))
    actions: list[Action] = [out(0)]
    for slice_ in range(whole[unrolled]):
        names = f"first {slice_}", f"second {slice_}"
        actions += [alloc(names[0], first * item)]
        actions += [workspace(call)] if early else []
        actions += [alloc(names[1], second * item)]
        actions += [workspace(call)] if late else []
        actions += map(free, names)
    return actions


@rule(
    "aten.mm",
    "aten.bmm",
    "aten.addmm",
    "aten.baddbmm",
    source="aten/src/ATen/native/cuda/Blas.cpp addmm_out_cuda_impl, bmm_out_cuda_impl; "
    "aten/src/ATen/cuda/CublasHandlePool.cpp getCurrentCUDABlasHandle",
)
def product(call: Call) -> list[Action]:
    """The output, copies of operands where needed, the handle's workspace at the first call.

    A bias of one dimension is added in the product's epilogue, any other is copied into the output.
    Of a row-major output cuBLAS makes the transpose, from the right operand, which is copied first,
    and the left one; of a batch of columns the output as it is.
    """
    first = 1 if call.signature.name in ("aten.addmm", "aten.baddbmm") else 0
    left, right = call.args[first : first + 2]
    copies = [alloc("right copy", operand_copy(right)), alloc("left copy", operand_copy(left))]
    columns = len(right.shape) == 3 and right.shape[2] == 1
    return [
        out(0),
        *(reversed(copies) if columns else copies),
        *_workspaces(call, lt=call.signature.name == "aten.addmm" and len(call.args[0].shape) == 1),
    ]
