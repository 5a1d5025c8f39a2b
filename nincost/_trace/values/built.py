"""What the buffers of a model hold that nincost built on meta: known by building it once more.

So are its tensors that are plain attributes: these are on the CPU, where a constructor makes them,
and stay there when a model is moved.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nincost._torch.modules import BATCH_NORMS, INSTANCE_NORMS
from nincost._trace.recorder import Recorder
from nincost._trace.values.contents import UnknownError
from nincost._trace.values.follow import Values
from nincost._trace.values.literals import literals_followed

#: Layers whose buffers nobody looks at.
_STATISTICS = (*BATCH_NORMS, nn.SyncBatchNorm, *INSTANCE_NORMS)


def follow_built(values: Values, module: nn.Module, rebuild: Callable[[], nn.Module]) -> None:
    """Keep how to compute the buffers of `module`: where one is looked at, it is built again.

    Args:
        values: gets the contents.
        module: on meta; its constructor's values are lost.
        rebuild: runs the constructor on meta, as before.
    """

    @functools.cache
    def followed() -> tuple[Values, nn.Module]:
        inner = Values()
        recorder = Recorder(on_meta=True)
        recorder.values = inner
        with literals_followed(inner), recorder:
            return inner, rebuild()

    def content(path: str) -> Tensor:
        inner, built = followed()
        buffer = dict(built.named_buffers(remove_duplicate=False)).get(path)
        if buffer is None:
            raise UnknownError
        return inner.look(buffer)

    for path, child in module.named_modules():
        for name, value in vars(child).items():
            if type(value) is Tensor and value.is_meta and not value.requires_grad:
                setattr(child, name, _on_host(followed, path, name, value))
        if not child._buffers or isinstance(child, _STATISTICS):
            continue
        for name, buffer in child._buffers.items():
            if type(buffer) is Tensor and buffer.is_meta and not is_lazy(buffer):
                full = f"{path}.{name}" if path else name
                values.set(buffer, functools.partial(content, full))


def _on_host(
    followed: Callable[[], tuple[Values, nn.Module]], path: str, name: str, value: Tensor
) -> Tensor:
    """A plain attribute on the CPU: as its constructor makes it, or zeros where that is unknown."""
    inner, built = followed()
    with contextlib.suppress(UnknownError, AttributeError):
        made = getattr(built.get_submodule(path), name)
        if made.shape == value.shape and made.dtype is value.dtype:
            return inner.look(made).clone()
    return torch.zeros(value.shape, dtype=value.dtype, device="cpu")
