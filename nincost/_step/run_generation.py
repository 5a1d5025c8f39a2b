"""Drives a transformers model that generates: its own `generate`, a token at a time, observed."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from nincost._models.inputs import ModelInput
from nincost._step.step_observer import StepObserver
from nincost._step.step_options import Step
from nincost.errors import InputError, ModelError, one_line


class _EnoughTokensError(BaseException):
    """As many tokens are there as were asked for; what they are does not matter."""


def run_generation(
    step: Step,
    module: nn.Module,
    inputs: ModelInput,
    observer: StepObserver,
    *,
    tokens: int,
) -> None:
    """Let a model generate by its own `generate`, from the prompt to a number of tokens.

    Greedily, in eager mode: what a token is does not end it, and where the cache could be compiled,
    it is not. A phase `prefill` goes up to where the second token is begun, and each further one is
    a phase `decode`.

    Args:
        step: `step.generate` tokens are asked for, which is what a static cache is made for.
        module: a model with `generate`, on its device.
        inputs: the prompt.
        observer: who records or measures.
        tokens: how many of them to generate.
    """
    prepare: Any = module.prepare_inputs_for_generation
    begun = 0
    cache: list[Any] = []

    @functools.wraps(prepare)  # generate looks at its signature
    def begin_token(*args: Any, **kwargs: Any) -> Any:
        nonlocal begun
        cache[:] = [kwargs.get("cache", kwargs.get("past_key_values"))]
        observer.cache_held(_tensors_of(cache))
        if begun == tokens:
            _end(observer)
            raise _EnoughTokensError
        if begun:
            observer.phase_begins("decode", 1)
        begun += 1
        return prepare(*args, **kwargs)

    assert step.generate is not None
    observer.step_begins(1)
    observer.phase_begins("prefill", 1)
    module.__dict__["prepare_inputs_for_generation"] = begin_token
    options: dict[str, Any] = {
        "max_new_tokens": step.generate, "do_sample": False, "num_beams": 1,
        "cache_implementation": {"dynamic": None, "static": "static"}.get(step.cache, "quantized"),
        "disable_compile": True,
    }  # fmt: skip
    if options["cache_implementation"] == "quantized":
        _check_quantizer(step.cache, module)
        options["cache_config"] = {"backend": step.cache}
    generate: Any = module.generate
    try:
        with observer.operators(), _quiet(), contextlib.suppress(_EnoughTokensError):
            kept = generate(*inputs.args, **inputs.kwargs, **options)
            observer.cache_held(_tensors_of(cache))
            _end(observer)
            del kept
    finally:
        cache.clear()
        del module.__dict__["prepare_inputs_for_generation"]


#: What quantizes a cache in 4 bits, and the package that it is in.
_PACKAGES = {"quanto": ("optimum.quanto", "optimum-quanto"), "hqq": ("hqq", "hqq")}


def _check_quantizer(cache: str, module: nn.Module) -> None:
    """Say what is missing, before transformers does in its words.

    Raises:
        ModelError: the quantizer's package is not installed.
        InputError: the model's layers do not all see all tokens, or transformers has no such cache.
    """
    from transformers import cache_utils

    name, package = _PACKAGES.get(cache, ("transformers", "transformers"))
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise ModelError(
            f"cache {cache} is {package}'s, which cannot be imported ({one_line(error)}): pip "
            f"install {package}, or choose fp8"
        ) from error
    try:
        cache_utils.QuantizedCache(backend=cache, config=module.config)
    except (ValueError, NotImplementedError) as error:
        raise InputError(
            f"cache {cache} does not fit {type(module).__name__}: {one_line(error)}; choose dynamic"
        ) from error


def _end(observer: StepObserver) -> None:
    """What dies behind this, dies since nobody goes on."""
    observer.phase_begins("end", 1)
    observer.steps_ended()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' advice on a call of `generate`."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _tensors_of(cache: Any) -> list[Tensor]:
    """The tensors that a cache of any class holds."""
    found: list[Tensor] = []
    waiting, seen = [cache], set[int]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            found.append(value)
        elif value is not None and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, dict):
                waiting += value.values()
            elif isinstance(value, list | tuple):
                waiting += value
            elif type(value).__module__.startswith("transformers") and hasattr(value, "__dict__"):
                waiting += vars(value).values()
    return found
