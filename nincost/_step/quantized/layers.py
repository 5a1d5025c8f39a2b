"""Linear layers with quantized weights, as transformers puts them into a model."""

from __future__ import annotations

import importlib
from math import prod
from typing import Any

import torch
from torch import nn

from nincost._step.option_text.quantize import TORCHAO, Quantization
from nincost._step.quantized import torchao_weights
from nincost.errors import InputError, ModelError, nearest

#: From this release on bitsandbytes' kernels are operators that PyTorch knows.
_OLDEST = (0, 50)


def quantize(module: nn.Module, wanted: Quantization, name: str) -> None:
    """Have the weights of linear layers quantized when they are moved to the device, in place.

    As transformers' `BitsAndBytesConfig` and `TorchAoConfig` do: all layers of the class
    `nn.Linear` but those whose weight another layer shares, and the output embeddings. They and
    their biases are not trained. bitsandbytes' `Linear4bit` or `Linear8bitLt` is put in their
    place; torchao changes the weight alone.

    Args:
        module: a model of ours, in its type, on the CPU or on meta.
        name: how errors call the model.

    Raises:
        InputError: a name to leave out that no layer has, or no linear layer at all; a
            configuration that torchao has not, or an argument that it does not take.
        ModelError: the library is not installed, or too old; PEFT is not, where it is to prepare.
    """
    peft = _import_peft() if wanted.prepare else None
    linear = {key: one for key, one in module.named_modules() if type(one) is nn.Linear}
    chosen = _chosen(module, linear, wanted, name)
    if not chosen:
        raise InputError(
            f"quantize finds no linear layer in {name} (of the class nn.Linear, with a weight of "
            "its own): leave quantize out"
        )
    if wanted.kind == TORCHAO:
        torchao_weights.mark(chosen.values(), wanted)
        return
    layers = import_bitsandbytes().nn
    for key, one in chosen.items():
        parent, _, own = key.rpartition(".")
        holder = module.get_submodule(parent)
        setattr(holder, own, _quantized(layers, one, wanted))
    # Where PEFT looks for which adapters to take.
    module.is_loaded_in_8bit = wanted.kind == "int8"  # type: ignore[assignment]
    module.is_loaded_in_4bit = wanted.kind != "int8"  # type: ignore[assignment]
    if peft is not None:
        peft.prepare_model_for_kbit_training(module, use_gradient_checkpointing=False)


def import_bitsandbytes() -> Any:
    """bitsandbytes.

    Raises:
        ModelError: it is not installed, or too old.
    """
    try:
        found = importlib.import_module("bitsandbytes")
    except ImportError as error:
        raise ModelError(
            "quantize uses bitsandbytes' own layers, and bitsandbytes is not installed: "
            "pip install bitsandbytes"
        ) from error
    release = tuple(int(part) for part in found.__version__.split(".")[:2])
    if release < _OLDEST:
        raise ModelError(
            f"quantize needs bitsandbytes {'.'.join(map(str, _OLDEST))} or newer, and "
            f"{found.__version__} is installed: pip install -U bitsandbytes"
        )
    return found


def _chosen(
    module: nn.Module, linear: dict[str, nn.Linear], wanted: Quantization, name: str
) -> dict[str, nn.Linear]:
    if wanted.skip is None:
        output = getattr(module, "get_output_embeddings", lambda: None)()
        skipped = {key for key, one in linear.items() if one is output}
    else:
        skipped = set()
        for part in wanted.skip:
            found = {key for key in linear if part in (key, key.rpartition(".")[2])}
            if not found:
                names = dict.fromkeys([*(key.rpartition(".")[2] for key in linear), *linear])
                close = nearest(part, names)
                raise InputError(
                    f"no linear layer of {name} is called {part!r}, which quantize is to skip: "
                    f"it has {', '.join((close or list(linear))[:8]) or 'none'}"
                )
            skipped |= found
    uses: dict[int, int] = {}
    for one in module.modules():
        for parameter in one.parameters(recurse=False):
            uses[id(parameter)] = uses.get(id(parameter), 0) + 1
    return {
        key: one
        for key, one in linear.items()
        if key and key not in skipped and uses[id(one.weight)] == 1
    }


def _quantized(layers: Any, linear: nn.Linear, wanted: Quantization) -> nn.Module:
    """A layer of bitsandbytes' with the weight and bias of `linear`, not quantized yet."""
    shape = (linear.in_features, linear.out_features, linear.bias is not None)
    weight = linear.weight.data
    made: nn.Module
    if wanted.kind == "int8":
        # The threshold above which an input's column is an outlier: transformers' default.
        made = layers.Linear8bitLt(*shape, has_fp16_weights=False, threshold=6.0, device="meta")
        made.weight = layers.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    else:
        compute = getattr(torch, wanted.compute) if wanted.compute else weight.dtype
        made = layers.Linear4bit(
            *shape, compute_dtype=compute, compress_statistics=wanted.double,
            quant_type=wanted.kind, device="meta",
        )  # fmt: skip
        made.weight = layers.Params4bit(
            weight, requires_grad=False, compress_statistics=wanted.double,
            quant_type=wanted.kind, module=made,
        )  # fmt: skip
    made.bias = linear.bias
    made.train(linear.training)
    return made.requires_grad_(False)


def _import_peft() -> Any:
    try:
        return importlib.import_module("peft")
    except ImportError as error:
        raise ModelError(
            "quantize with prepare calls PEFT's prepare_model_for_kbit_training, and peft is not "
            "installed: pip install peft"
        ) from error


def elements(parameter: nn.Parameter) -> int:
    """How many weights a parameter has; of one in 4 bits as many as before it was packed."""
    state: Any = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else prod(state.shape)
