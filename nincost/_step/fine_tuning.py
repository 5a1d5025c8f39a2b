"""What is trained of a model: weights that stay as they are, and adapters as PEFT puts them in."""

from __future__ import annotations

import fnmatch
import logging
import warnings
from pathlib import Path
from typing import Any

from torch import nn

from nincost._isolation import logging_from
from nincost._step.lightning import call_training_step
from nincost._step.option_text.lora import parse_lora
from nincost._step.option_text.quantize import parse_quantize
from nincost._step.quantized.layers import elements, quantize
from nincost._step.step_options import Step
from nincost._torch.updates import import_compiler
from nincost.errors import InputError, ModelError, nearest, one_line

#: Methods that a model has of its own for activation checkpointing: transformers', diffusers',
#: timm's.
_OWN_CHECKPOINTING = ("gradient_checkpointing_enable", "enable_gradient_checkpointing",
                      "set_grad_checkpointing")  # fmt: skip


def change_what_is_trained(step: Step, module: nn.Module) -> None:
    """Do to a model of ours, in its type, what the step's options say of its training.

    Raises:
        InputError: as the functions below.
    """
    if step.quantize:
        quantize(module, parse_quantize("quantize", step.quantize), step.model.name)
    if step.activation_checkpointing == "own":
        checkpoint_as_it_does(module, step.model.name)
    if step.lora:
        add_adapters(module, step.lora, step.model.name)
    if step.freeze:
        freeze(module, step.freeze, step.model.name)
    if step.model.training_step and not step.inference:
        call_training_step(module)


def checkpoint_as_it_does(module: nn.Module, name: str) -> None:
    """Turn the model's own activation checkpointing on.

    Raises:
        InputError: it has none.
    """
    method = next(
        (getattr(module, one) for one in _OWN_CHECKPOINTING if hasattr(module, one)), None
    )
    if method is None:
        raise InputError(
            f"{name} has no activation checkpointing of its own "
            f"({', '.join(f'{one}()' for one in _OWN_CHECKPOINTING)}): choose blocks for "
            "activation_checkpointing"
        )
    # As in `checkpoint_blocks`.
    import_compiler()
    method()


def freeze(module: nn.Module, patterns: str, name: str) -> None:
    """Have no gradients for parameters whose dotted names match.

    Args:
        module: a model of ours.
        patterns: shell patterns joined with commas, such as `features.*,classifier.0.*`; one that
            begins with `!` freezes all parameters that it does not match.
        name: how an error calls the model.

    Raises:
        InputError: a pattern matches no parameter; the message has the nearest names.
    """
    parameters = dict(module.named_parameters())
    for pattern in filter(None, (part.strip() for part in patterns.split(","))):
        wanted = pattern.removeprefix("!")
        matched = {one for one in parameters if _matches(one, wanted)}
        if not matched:
            names = [*parameters, *{one.rpartition(".")[0] for one in parameters}]
            close = nearest(wanted, names)
            hint = f"the nearest are {', '.join(close)}" if close else "give a dotted name"
            raise InputError(
                f"no parameter of {name} matches freeze {wanted!r}: {hint}, with * for any text, "
                "such as 'features.*'"
            )
        for one, parameter in parameters.items():
            if (one in matched) != pattern.startswith("!"):
                parameter.requires_grad_(False)


def _matches(name: str, pattern: str) -> bool:
    """Whether a parameter is named, or lies in a module that is."""
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"{pattern}.*")


def add_adapters(module: nn.Module, lora: str, name: str) -> None:
    """Put adapters into a model of ours, in place, by PEFT's own `get_peft_model`.

    As a script gets them: the model's weights stay as they are, the adapters' are trained, in
    float32 where the model is in half precision.

    Args:
        module: a model of ours, in its type.
        lora: `r=16,target=q_proj,v_proj`, or the folder of an `adapter_config.json` of any method.
        name: how errors call the model.

    Raises:
        InputError: it cannot be read, or PEFT finds no module to put an adapter into.
        ModelError: PEFT is not installed, or fails.
    """
    try:
        with logging_from(logging.ERROR, "bitsandbytes"):  # which speaks of this machine's CPU
            import peft
    except ImportError as error:
        raise ModelError(
            "lora uses PEFT's own modules, and peft is not installed: pip install peft"
        ) from error
    config = _config(peft, lora)
    if config.is_prompt_learning:
        raise InputError(
            f"lora {lora!r} is {config.peft_type.value}, which changes the model's input: expected "
            "an adapter of weights, such as LORA"
        )
    try:
        with warnings.catch_warnings(), next(module.parameters()).device:
            warnings.simplefilter("ignore")
            peft.get_peft_model(module, config)
    except (ValueError, KeyError, NotImplementedError) as error:
        linear = [key for key, one in module.named_modules() if isinstance(one, nn.Linear)]
        ends = list(dict.fromkeys(key.rpartition(".")[2] for key in linear))
        asked = config.target_modules if isinstance(config.target_modules, set | list) else ()
        close = list(dict.fromkeys(one for want in asked for one in nearest(want, ends)))
        raise InputError(
            f"lora {lora!r} does not fit {name}: {one_line(error)}; give target, the last names of "
            f"its linear layers ({', '.join((close or ends)[:8]) or 'it has none'}) or all-linear"
        ) from error


def _config(peft: Any, lora: str) -> Any:
    if Path(lora).is_dir() or lora.endswith(".json"):
        folder = Path(lora).parent if lora.endswith(".json") else Path(lora)
        if not (folder / "adapter_config.json").is_file():
            raise InputError(
                f"lora {lora!r} holds no adapter_config.json: expected PEFT's config, or "
                "r=16,target=q_proj,v_proj"
            )
        try:
            return peft.PeftConfig.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:
            raise InputError(
                f"lora {lora!r}: its adapter_config.json is none that PEFT reads: {one_line(error)}"
            ) from error
    return peft.LoraConfig(**parse_lora("lora", lora))


def trained_words(module: nn.Module) -> str:
    """`41,943,040 of 8,072,204,288 parameters are trained`; empty where all are."""
    counts = [(elements(p), p.requires_grad) for p in module.parameters()]
    whole = sum(size for size, _ in counts)
    trained = sum(size for size, wanted in counts if wanted)
    return "" if trained == whole else f"{trained:,} of {whole:,} parameters are trained"
