"""Texts of a given length for transformers models; prompts, as a tokenizer gives them."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from nincost._models.build import Model
from nincost._models.configured_inputs import default_input, positions
from nincost._models.inputs import float_dtype, make_input
from nincost.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

#: Specs of texts.
_IDS = re.compile(r"(input_ids|decoder_input_ids)=\d+:int64")


def text_input(model: Model, seq: int) -> tuple[str, ...]:
    """The input specs of a transformers model that takes texts, each of `seq` tokens.

    Raises:
        InputError: it takes none, or has no place for that many tokens.
    """
    config = getattr(model.module, "config", None)
    specs = model.default_input
    texts = [spec.partition("=")[0] for spec in specs if _IDS.fullmatch(spec)]
    if not texts:
        raise InputError(
            f"{model.name} takes no text that is known, so seq does not fit: give its input, such "
            "as --input input_ids=128:int64"
        )
    most = positions(config)
    if most is not None and seq > most:
        raise InputError(
            f"{model.name} has {most:,} positions, and seq is {seq:,}: give a smaller one, or more "
            "positions with --arg, such as --arg max_position_embeddings=8192"
        )
    return tuple(_IDS.sub(rf"\1={seq}:int64", spec) for spec in specs)


def prompt_input(model: Model, given: Any, prompt: int | None, generate: int) -> Any:
    """The input of a model that generates: as given, else the specs of a prompt.

    Args:
        model: what is to generate.
        given: the user's input specs or example tensors.
        prompt: the number of its tokens; what the model takes by itself where None.
        generate: how many tokens are to follow.

    Raises:
        InputError: the model cannot generate, it has no place for that many tokens, or its prompt
            is given twice.
    """
    module: Any = model.module
    if not callable(getattr(module, "generate", None)) or not _can_generate(module):
        raise InputError(
            f"{model.name} has no generate: expected a transformers model with a head for it, such "
            "as LlamaForCausalLM (the architectures of its config.json say which it is)"
        )
    if given is not None and prompt is not None:
        raise InputError(
            "prompt and input both say how long the prompt is: leave one of the two out"
        )
    specs = given if given is not None else _specs(model, prompt)
    inputs = make_input(specs, 1, float_dtype(module))
    ids: Tensor | None
    if getattr(module.config, "is_encoder_decoder", False):
        ids = inputs.kwargs.get("decoder_input_ids")
    else:
        ids = inputs.kwargs.get("input_ids", next(iter(inputs.args), None))
    length = 1 if ids is None else ids.shape[-1]
    most = positions(module.config)
    if most is not None and length + generate > most:
        raise InputError(
            f"{model.name} has {most:,} positions: {length:,} of the prompt and {generate:,} to "
            f"generate are {length + generate:,}; generate {max(most - length, 1):,} at most, or "
            "give a shorter prompt"
        )
    return specs


def _can_generate(module: Any) -> bool:
    can = getattr(module, "can_generate", None)
    return bool(can()) if callable(can) else False


def _specs(model: Model, prompt: int | None) -> tuple[str, ...]:
    module: Any = model.module
    specs = []
    for spec in default_input(module, module.config):
        name = spec.partition("=")[0]
        if name == "decoder_input_ids":  # it begins with one of its own
            continue
        if name == "input_ids":
            length = prompt or int(spec.partition("=")[2].partition(":")[0])
            specs.append(f"input_ids={length}:int64")
            if "attention_mask" in inspect.signature(module.forward).parameters:
                specs.append(f"attention_mask={length}:int64")
        else:
            specs.append(spec if "=" in spec else f"{module.main_input_name}={spec}")
    if not specs or (prompt is not None and not specs[0].startswith("input_ids=")):
        what = f"takes {', '.join(specs)}" if specs else "does not say what it takes"
        raise InputError(
            f"{model.name} {what}: give what it generates from with --input, such as "
            "input_ids=512:int64"
        )
    return tuple(specs)
