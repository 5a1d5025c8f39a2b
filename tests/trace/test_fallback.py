"""torch's errors on meta tensors, each provoked; and a model's own that look like them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import nincost
from nincost._trace.fallback import META_ERRORS, VALUE_ERRORS, fallback_reason
from nincost._trace.recorder import Recorder


def sparse() -> Tensor:
    indices = torch.zeros(1, 3, dtype=torch.int64, device="meta")
    return torch.sparse_coo_tensor(indices, torch.zeros(3, device="meta"), (5,))


def meta(*shape: int) -> Tensor:
    return torch.zeros(*shape, device="meta")


def numbers(*shape: int) -> Tensor:
    return torch.zeros(*shape, dtype=torch.int64, device="meta")


def quantized_sum() -> Any:
    one = torch.quantize_per_tensor(meta(3), 0.1, 0, torch.qint8)
    return torch.ops.quantized.add(one, one, 1.0, 0)


def layout_that_knows_less() -> Any:
    """A layout that stands for a meta kernel that torch lacks, for other arguments."""
    from nincost._devices.substitutes import _kernel_of

    return _kernel_of(lambda *_: None, "aten.unknown")(meta(3))


def flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention(*[meta(1, 1, 128, 16) for _ in range(3)])


def nms() -> Any:
    ops = pytest.importorskip("torchvision").ops
    return ops.nms(meta(3, 4), meta(3), 0.5)


def cuda() -> Any:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    return torch.zeros(3).cuda()


#: For each of META_ERRORS by its words: what raises it, with no recorder around.
PROVOKED: dict[str, Callable[[], Any]] = {
    r"Could not run 'aten::.*' .* the 'Sparse\w*Meta'": lambda: sparse().to_dense(),
    r"Cannot access storage of Sparse\w*TensorImpl": lambda: sparse().untyped_storage(),
    r"attempted to run this operator with Meta tensors": lambda: torch.equal(meta(3), meta(3)),
    r"could not find the fake impl for this operator": quantized_sum,
    r"has no meta kernel for these arguments$": layout_that_knows_less,
    r"^FlexAttention is only supported .* tensors on meta device": flex,
    r"^Tensor\.item\(\) cannot be called on meta tensors": lambda: meta(1).item(),
    r"^Cannot copy out of meta tensor; no data": lambda: meta(3).tolist(),
    r"^Not available for 'meta' device type": lambda: meta(3).untyped_storage().tolist(),
    r"register_meta function for torch\.nonzero\(\)": lambda: meta(3)[meta(3) > 0],
    r"^cannot repeat_interleave a meta tensor": lambda: meta(3).repeat_interleave(numbers(3), 0),
    r"trying to run this operator with meta Tensors": nms,
    r"^'lengths' argument should be a 1D CPU .* 1D meta": lambda: nn.utils.rnn.pack_padded_sequence(
        meta(3, 2, 4), numbers(2)
    ),
    r"^can't convert meta device type tensor to numpy": lambda: meta(3).numpy(),
    r"^unsupported format string passed to Tensor\.__format__": lambda: f"{meta(1)[0]:.2f}",
    r"^Cannot pack tensors on meta": lambda: torch.utils.dlpack.to_dlpack(meta(3)),
    r"^(Found no NVIDIA driver|Torch not compiled with CUDA)": cuda,
    r"^Tensor on device \w+ is not on the expected device": lambda: meta(3) + torch.zeros(3),
    r"tensors are not at the same device, found .* meta": lambda: nn.LSTM(3, 4)(meta(2, 1, 3)),
    r"^Expected query, key, and value .*\.device: meta": lambda: F.scaled_dot_product_attention(
        meta(1, 1, 4, 8), torch.zeros(1, 1, 4, 8), meta(1, 1, 4, 8)
    ),
    r"^Attempting to copy from device meta to device": lambda: torch.add(
        meta(3), meta(3), out=torch.zeros(3)
    ),
    r'^Attempted to set the storage .* device "meta"': lambda: meta(3).set_(torch.zeros(3)),
}


@pytest.mark.parametrize("known", META_ERRORS, ids=lambda known: known.words)
def test_torch_raises_each_known_error(known: Any) -> None:
    with torch.no_grad(), pytest.raises(known.kind, match=known.words) as found:
        PROVOKED[known.words]()
    assert fallback_reason(found.value) == known.reason
    first = next(one for one in META_ERRORS if re.search(one.words, str(found.value)))
    assert first is known  # no earlier entry takes it


@pytest.mark.parametrize("known", META_ERRORS, ids=lambda known: known.words)
def test_a_recorder_around_changes_nothing_of_the_reason(known: Any) -> None:
    """Some mixtures of devices run under a recorder, which takes small CPU tensors along."""
    try:
        with torch.no_grad(), Recorder(on_meta=True):
            PROVOKED[known.words]()
    except Exception as error:
        assert fallback_reason(error) == known.reason
    else:
        assert known.reason == "devices"


def fake(ask: Callable[[Tensor], Any], *, symbolic: bool) -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    with FakeTensorMode(shape_env=ShapeEnv() if symbolic else None):
        return ask(torch.zeros(3))


@pytest.mark.parametrize(
    ("ask", "symbolic", "name"),
    [
        (lambda x: x.nonzero(), False, "DynamicOutputShapeException"),
        (lambda x: x.sum().item(), False, "DataDependentOutputException"),
        (lambda x: bool(x.sum() > 0), True, "GuardOnDataDependentSymNode"),
    ],
)
def test_exceptions_of_torchs_fake_tensors(
    ask: Callable[[Tensor], Any], symbolic: bool, name: str
) -> None:
    with pytest.raises(Exception, match=r".") as found:
        fake(ask, symbolic=symbolic)
    assert type(found.value).__name__ == name
    assert name in VALUE_ERRORS
    assert fallback_reason(found.value) == "values"


class DataDependentOutputException(Exception):
    """A model's own, of the name that torch gives one of its."""


def changed_in_place() -> None:
    x = torch.zeros(3, device="meta", requires_grad=True).exp()
    y = x.exp()
    y.exp_()
    y.sum().backward()


#: Errors of a model's own. That torch names meta in some of them says nothing of values.
OWN_MISTAKES: list[Callable[[], Any]] = [
    lambda: raised(RuntimeError("metadata is missing")),
    lambda: raised(RuntimeError("a meta-learner wants data-dependent features")),
    lambda: raised(RuntimeError("there is no data")),
    lambda: raised(NotImplementedError("subclasses say what forward does")),
    lambda: raised(DataDependentOutputException("mine")),
    lambda: raised(ValueError("Tensor.item() cannot be called on meta tensors")),
    lambda: raised(TypeError("unsupported format string passed to Config.__format__")),
    lambda: nn.Module()(meta(3)),  # it has no forward
    lambda: meta(2, 3) @ meta(2, 3),
    lambda: nn.Linear(3, 4, device="meta")(meta(2, 5)),
    lambda: meta(4).view(3),
    changed_in_place,
]


def raised(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("number", range(len(OWN_MISTAKES)))
def test_a_mistake_of_the_models_own_is_no_reason(number: int) -> None:
    with pytest.raises(Exception, match=r".") as found:
        OWN_MISTAKES[number]()
    assert fallback_reason(found.value) is None


def test_a_models_own_error_about_metadata_is_not_retried_on_the_cpu() -> None:
    """Any error that had "meta" in it was taken for a need of values."""

    class Net(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            if x.is_meta:
                raise RuntimeError("metadata is missing")
            return super().forward(x)

    with pytest.raises(nincost.NincostError, match="metadata is missing"):
        nincost.memory(Net(4, 4), input="4", measure=False)


def test_a_fallback_is_a_field() -> None:
    class Net(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * int(x.detach().numpy().size > 0)

    from nincost._devices.target import Target
    from nincost._memory.record import record
    from nincost._models.sources import resolve
    from nincost._step.step_options import Step
    from nincost._trace.trace import trace

    model = resolve(Net(4, 4))
    for run in (
        lambda: trace(model, "4"),
        lambda: record(Step(model, input="4"), Target()),
    ):
        with pytest.raises(nincost.NincostError, match=r"looks at values .*numpy.*--on-cpu"):
            run()
    traced = trace(model, "4", on_cpu=True)
    recording = record(Step(model, input="4", on_cpu=True), Target())
    for fallback in (traced.fallback, recording.fallback):
        assert fallback is not None
        assert fallback.reason == "values"
        assert "numpy" in fallback.error
    assert "since it looks at values" in traced.notes[0]
    assert trace(resolve(nn.Linear(4, 4)), "4").fallback is None
