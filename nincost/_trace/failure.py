"""Says why a model's forward failed: at which layer, what came in, and what it needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from nincost._torch.modules import (
    BATCH_NORMS,
    CONVOLUTIONS,
    INSTANCE_NORMS,
    TRANSPOSED_CONVOLUTIONS,
)
from nincost._trace.image_sizes import image_needs, without_channels
from nincost._trace.records import ModuleCall, ModuleInfo, Shape
from nincost.errors import (
    STOPS,
    InputError,
    Interruption,
    ModelError,
    NincostError,
    described,
    one_line,
    place_of,
    printable,
)


def explain_failure(
    error: BaseException,
    model: str,
    info: ModuleInfo | None,
    call: ModuleCall | None,
    specs: tuple[str, ...],
    usual: tuple[str, ...] = (),
) -> NincostError:
    """The error to raise for `error`, which came out of the module call `call`.

    `specs` are the model's input with its batch, `usual` what its source says of it, without: empty
    where the input was given as example tensors, or where the source says nothing.
    """
    if info is None or call is None:
        return ModelError(f"{model} failed: {described(error)}{place_of(error)}")
    given = ", ".join(str(Shape(meta.shape)) for meta in call.inputs) or "no tensor"
    where = f"layer {info.path!r} ({_short(info.module)})"
    if isinstance(error, SystemExit):
        return ModelError(
            f"{where} ended the program{place_of(error)}: take the sys.exit out of the model"
        )
    if isinstance(error, RecursionError):
        return ModelError(
            f"{where} calls itself without end{place_of(error)}: see what its forward calls"
        )
    if call.parent < 0 and isinstance(error, TypeError):
        return InputError(
            f"{model} does not take the input {' '.join(specs)}: {one_line(error)}; "
            "give each argument with --input, named ones as NAME=SHAPE"
        )
    needed = lacks(info, call, specs)
    if needed:
        return _misfit(info, given, needed)
    kind = InputError if isinstance(error, RuntimeError) else ModelError
    expected = f", and its usual one is --input {' --input '.join(usual)}" if usual else ""
    return kind(
        f"{where} failed on {given}: {described(error)}{place_of(error)}; "
        f"the model's input was {' '.join(specs)}{expected}"
    )


def refuse_without_channels(
    modules: Sequence[ModuleInfo], calls: Sequence[ModuleCall], specs: Sequence[str]
) -> None:
    """Refuse an input spec of an image without its channels, which torch may have run as it is.

    Raises:
        InputError: the message has the spec to write.
    """
    found = without_channels(modules, calls, specs)
    if found is not None:
        raise _misfit(found[0], specs[0], found[1])


def _misfit(info: ModuleInfo, given: str, needed: str) -> InputError:
    return InputError(
        f"layer {info.path!r} ({_short(info.module)}) got {given}, and needs {needed}"
    )


def lacks(
    info: ModuleInfo | None, call: ModuleCall | None, specs: Sequence[str] = ()
) -> str | None:
    """What the failed layer needs of its input and did not get, where that is known.

    `specs` are the model's own input, where it was given so.
    """
    return _needed(info.module, call, specs) if info and call and call.inputs else None


@contextlib.contextmanager
def model_errors(model: str) -> Iterator[None]:
    """Raise what a model's own `parameters`, `train`, `__setattr__` ... raise as a `ModelError`.

    For copying and tracking a module, where no layer is running yet.
    """
    try:
        yield
    except (NincostError, *STOPS):
        raise
    except RecursionError as error:
        raise ModelError(
            f"{model} is nested without end: {described(error)}{place_of(error)}; a module must "
            "not hold itself, nor its parent"
        ) from error
    except BaseException as error:
        raise ModelError(
            f"{model} cannot be copied and tracked: {described(error)}{place_of(error)}; see which "
            "of nn.Module's own methods it overrides"
        ) from error


def add_layer(stop: Interruption, info: ModuleInfo | None) -> None:
    """Add to an interruption the layer that was running."""
    if info is not None and not stop.where:
        stop.where = f"layer {info.path!r} ({_short(info.module)})"


def _short(module: nn.Module) -> str:
    name = printable(type(module).__name__)
    try:
        text = printable(" ".join(repr(module).split())) if not module._modules else name
    except STOPS:
        raise
    except BaseException:  # its class may have a __repr__ of its own
        return name
    return text if len(text) <= 80 else name


def _needed(module: nn.Module, call: ModuleCall, specs: Sequence[str]) -> str | None:
    """What a layer of a known type needs of its input, where the input does not have it."""
    shape = tuple(call.inputs[0].shape)
    if isinstance(module, nn.Linear) and shape and shape[-1] != module.in_features:
        return (
            f"{module.in_features} features in the last dimension, not {shape[-1]}: "
            "try another --input size"
        )
    if isinstance(module, CONVOLUTIONS):
        dims = len(module.kernel_size)
        if needed := image_needs(module, shape, specs):
            return needed
        if not isinstance(module, TRANSPOSED_CONVOLUTIONS):
            too_small = _at_least(
                shape[-dims:], module.kernel_size, module.padding, module.dilation
            )
            if too_small:
                return too_small
    elif isinstance(module, (*BATCH_NORMS, nn.SyncBatchNorm, *INSTANCE_NORMS)):
        if len(shape) > 1 and shape[1] != module.num_features:
            return f"{module.num_features} channels, not {shape[1]}"
        if module.training and len(call.inputs[0].shape) > 1 and _values_per_channel(shape) == 1:
            return "more than one value per channel to train on: try a larger --batch-size"
    elif type(module).__name__.startswith(("MaxPool", "AvgPool", "LPPool")):
        kernel: Any = getattr(module, "kernel_size", None)
        dims = int(type(module).__name__[-2])
        if len(shape) not in (dims + 1, dims + 2):
            return f"a batch of {dims}-dimensional images (channels first), {dims + 2} sizes in all"
        return _at_least(
            shape[-dims:], kernel, getattr(module, "padding", 0), getattr(module, "dilation", 1)
        )
    elif isinstance(module, nn.Embedding) and call.inputs[0].dtype.is_floating_point:
        return "whole numbers: give the input a type, as in input_ids=128:int64"
    if (
        isinstance(module, (nn.Linear, *CONVOLUTIONS))
        and call.inputs[0].dtype != module.weight.dtype
    ):
        has, given = (
            str(tensor.dtype).removeprefix("torch.") for tensor in (module.weight, call.inputs[0])
        )
        return (
            f"values of its weights' type, {has}, not {given}: end --input in :{has}, "
            "or cast the model"
        )
    return None


def _values_per_channel(shape: tuple[int, ...]) -> int:
    count = shape[0]
    for size in shape[2:]:
        count *= size
    return count


def _at_least(sizes: tuple[int, ...], kernel: Any, padding: Any, dilation: Any) -> str | None:
    """`at least 3x3` where a window of `kernel` does not fit into `sizes`."""
    if isinstance(padding, str):  # 'same' always fits; 'valid' pads nothing
        if padding == "same":
            return None
        padding = 0
    kernel, padding, dilation = (
        (value,) * len(sizes) if isinstance(value, int) else tuple(value)
        for value in (kernel, padding, dilation)
    )
    smallest = [
        max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, padding, dilation, strict=True)
    ]
    if all(size >= least for size, least in zip(sizes, smallest, strict=True)):
        return None
    return (
        f"at least {'x'.join(map(str, smallest))}, not {'x'.join(map(str, sizes))}: "
        "try a larger --input"
    )
