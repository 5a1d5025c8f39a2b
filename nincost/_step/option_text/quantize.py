"""How quantization is written: `nf4,double,prepare`, `torchao:int8_weight_only`."""

from __future__ import annotations

from dataclasses import dataclass

from nincost._canonical_names import canonical_name
from nincost._step.option_checks import check_dtype
from nincost.errors import InputError, did_you_mean

#: What weights of linear layers become, by bitsandbytes.
KINDS = ("nf4", "fp4", "int8")
#: In front of the name of one of torchao's configurations.
TORCHAO = "torchao"
_FLAGS = ("double", "prepare")
_KEYS = (*_FLAGS, "skip", "compute")
_CHECK_COMPUTE = check_dtype("float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Quantization:
    """What `quantize` says.

    Attributes:
        kind: one of `KINDS`, or `TORCHAO`.
        double: whether the scales of 4-bit blocks are quantized, too.
        prepare: whether PEFT's `prepare_model_for_kbit_training` is called, which freezes all
            weights and makes those that are left in half precision float32.
        skip: names of layers that stay as they are; None for the model's output embeddings.
        compute: what 4-bit weights become to be multiplied; the weights' type before where empty.
        method: the name of a configuration of torchao's, such as `int8_weight_only`.
        arguments: those of that configuration, as texts by name.
    """

    kind: str
    double: bool = False
    prepare: bool = False
    skip: tuple[str, ...] | None = None
    compute: str = ""
    method: str = ""
    arguments: tuple[tuple[str, str], ...] = ()


def is_by_torchao(text: str) -> bool:
    """Whether a text that was checked names one of torchao's configurations."""
    return text.partition(":")[0].strip().lower() == TORCHAO


def parse_quantize(name: str, text: str) -> Quantization:
    """Read `nf4,double,prepare,skip=lm_head,head` or `torchao:int8_weight_only,group_size=64`.

    A part without `=` behind `skip` goes on with its list; `skip=none` leaves nothing out.

    >>> parse_quantize("quantize", "nf4,skip=lm_head,score").skip
    ('lm_head', 'score')
    >>> parse_quantize("quantize", "torchao:int8_weight_only").method
    'int8_weight_only'

    Raises:
        InputError: a kind or a part that is not known.
    """
    first, *parts = [part.strip() for part in text.split(",")]
    _, sign, method = first.partition(":")
    by_torchao = bool(sign) and is_by_torchao(first)
    kind = TORCHAO if by_torchao else canonical_name(name, first, (*KINDS, f"{TORCHAO}:NAME"))
    flags: set[str] = set()
    skip: list[str] | None = None
    compute = ""
    arguments: list[tuple[str, str]] = []
    keys: tuple[str, ...] = _KEYS
    example = "nf4,double,skip=lm_head"
    if by_torchao:
        keys, example = ("skip", "NAME=VALUE"), "torchao:int8_weight_only,group_size=64"
    for part in parts:
        key, sign, value = part.partition("=")
        if key == "skip" and value:
            skip = [] if value == "none" else [value]
        elif by_torchao and key and value:
            arguments.append((key, value))
        elif key in _FLAGS and not sign and not by_torchao:
            flags.add(key)
        elif key == "compute" and value:
            compute = _CHECK_COMPUTE(f"{name}'s compute", value)
        elif part and not sign and skip is not None:
            skip.append(part)
        else:
            raise InputError(
                f"{name} {text!r}: {part!r} is none of {', '.join(keys)}: expected a text such as "
                f"{example}{did_you_mean(key, keys)}"
            )
    if kind == "int8" and ("double" in flags or compute):
        raise InputError(
            f"{name} {text!r}: double and compute are of 4-bit weights: choose nf4 or fp4, or "
            "leave them out"
        )
    return Quantization(
        kind, "double" in flags, "prepare" in flags, None if skip is None else tuple(skip), compute,
        method.strip(), tuple(arguments),
    )  # fmt: skip


def check_quantize(name: str, value: object) -> str:
    """A text that `parse_quantize` reads, or an empty one."""
    if not isinstance(value, str):
        raise InputError(f"{name} is {value!r}: expected a text such as nf4, nf4,double or int8")
    if value.strip():
        parse_quantize(name, value)
    return value.strip()
