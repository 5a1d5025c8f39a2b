"""Layouts made from memory equal those of the meta kernels, and of a real run on the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nincost._models.inputs import make_input
from nincost._models.sources import resolve
from nincost._trace.recorder import Recorder


def record(module: nn.Module, inputs: Any, *, on_meta: bool = True, remember: bool = True) -> Any:
    recorder = Recorder(on_meta=on_meta, remember=remember)
    with torch.no_grad(), recorder:
        result = module(*inputs.args, **inputs.kwargs)
    return recorder.ops, result


def written(ops: Any, *, strides: bool = True) -> list[Any]:
    return [
        (
            op.signature.name,
            [(tuple(o.shape), o.stride if strides else (), o.dtype) for o in op.signature.outputs],
            op.signature.fresh,
        )
        for op in ops
    ]


MODELS = [
    "two-1x1", "fc-head", "torchvision:resnet18", "torchvision:densenet121", "torchvision:swin_t",
    "torchvision:vit_b_32", "torchvision:shufflenet_v2_x0_5", "torchvision:mobilenet_v3_small",
    "torchvision:r3d_18", "timm:pit_ti_224", "timm:cait_xxs24_224", "timm:mixer_s32_224",
]  # fmt: skip


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("model", MODELS)
def test_remembered_layouts_are_the_kernels_own(model: str, mode: str) -> None:
    found = resolve(model)
    inputs = make_input(found.default_input, 2, torch.float32)
    module = found.module.train(mode == "train")
    with torch.no_grad():
        module(*inputs.args)  # lazy modules get their shapes
    fast, fast_result = record(module, inputs)
    slow, slow_result = record(module, inputs, remember=False)
    assert written(fast) == written(slow)
    assert sum(op.signature.replay for op in fast) > len(fast) // 4  # it does remember
    assert not any(op.signature.replay for op in slow)
    first = getattr(fast_result, "logits", fast_result)
    second = getattr(slow_result, "logits", slow_result)
    assert (first.shape, first.stride()) == (second.shape, second.stride())


class Strides(nn.Module):
    """Operators whose results differ by strides, scalars and types that look alike."""

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        last = x.to(memory_format=torch.channels_last)
        out: list[torch.Tensor] = []
        for y in (x, last, x.transpose(2, 3), x[:, :, ::2]):
            out += [y + 1, y + 1.0, y > 0, (y > 0) + True, (y > 0) + 1, (y > 0) * 1.0]
            out += [y.clone(), y.contiguous(), torch.relu(y), y.mean(1), y.sum((2, 3), True)]
            out += [*y.chunk(2, 1), torch.cat([y, y], 1), torch.empty_like(y), y.half(), y.long()]
            out += [y.max(1).values, y.topk(1, 1).indices, y.softmax(1), y.flatten(2)]
        return out


def test_arguments_that_look_alike_are_told_apart() -> None:
    inputs = make_input(torch.zeros(2, 4, 6, 6), 1, torch.float32)
    fast, fast_out = record(Strides(), inputs)
    slow, slow_out = record(Strides(), inputs, remember=False)
    assert written(fast) == written(slow)
    real = Strides()(torch.zeros(2, 4, 6, 6))
    for made, kernel, true in zip(fast_out, slow_out, real, strict=True):
        assert (made.shape, made.stride(), made.dtype) == (true.shape, true.stride(), true.dtype)
        assert kernel.dtype == true.dtype


SMALL: dict[str, tuple[Any, tuple[int, ...]]] = {
    "nin": (lambda: resolve("cifar10").rebuild(), (2, 3, 32, 32)),  # type: ignore[misc]
    "conv and norm": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(True), nn.MaxPool2d(2)
        ),
        (2, 3, 9, 9),
    ),
    "lstm": (lambda: nn.LSTM(3, 4, 2, bidirectional=True), (5, 2, 3)),
    "encoder": (lambda: nn.TransformerEncoderLayer(8, 2, 16), (5, 2, 8)),
    "channels last": (
        lambda: nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last), (2, 3, 8, 8),
    ),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 3, stride=2), (2, 3, 8, 8)),
    "norms": (lambda: nn.Sequential(nn.GroupNorm(1, 4), nn.LayerNorm(5), nn.GELU()), (2, 4, 5)),
    "upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (1, 2, 3, 3)),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("name", SMALL)
def test_shapes_are_those_of_a_real_run(name: str, mode: str) -> None:
    from nincost._trace.trace import trace

    build, shape = SMALL[name]
    module = build().train(mode == "train")
    calls: list[tuple[str, list[tuple[int, ...]]]] = []

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) else output
            calls.append((path, tuple(first.shape)))  # type: ignore[arg-type]

        return hook

    traced = trace(resolve(module), torch.zeros(shape), mode=mode)  # type: ignore[arg-type]
    for path, child in module.named_modules():
        child.register_forward_hook(keep(path or type(module).__name__))
    with torch.no_grad():
        module(torch.rand(shape))
    found = [
        (traced.modules[call.module].path, tuple(call.outputs[0].shape)) for call in traced.calls
    ]
    assert sorted(found) == sorted(calls)


def test_composites_come_apart_and_questions_leave_no_trace() -> None:
    recorder = Recorder(on_meta=True)
    with recorder:
        x = torch.empty(2, 3, device="meta")
        torch.nn.functional.linear(x, torch.empty(4, 3, device="meta"))
        assert x.device.type == "meta"
    names = [op.signature.name for op in recorder.ops]
    assert "aten.linear" not in names
    assert not [name for name in names if name.startswith("prim.")]


def test_a_small_cpu_tensor_beside_meta_ones_is_taken_along() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ torch.tensor([[1.0, 2.0], [3.0, 4.0]]) + torch.arange(2)

    import nincost

    result = nincost.profile(Net(), input="2")
    assert (result.totals.macs, result.device) == (4, "meta")


def test_the_elements_of_a_storage_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """`set_` is given one; its words list all elements, of cuDNN's weights a hundred million."""
    monkeypatch.setattr(torch.UntypedStorage, "__repr__", lambda _: pytest.fail("looked at"))
    recorder = Recorder(on_meta=False)
    with recorder:
        torch.empty(0).set_(torch.UntypedStorage(64))
    assert recorder.ops[-1].signature.name.startswith("aten.set_")
