"""How quantization is written on a command line: `nf4,double,prepare`."""

from __future__ import annotations

from dataclasses import dataclass

from nincost._canonical_names import canonical_name
from nincost._step.option_checks import check_dtype
from nincost.errors import InputError, did_you_mean

#: What weights of linear layers become.
KINDS = ("nf4", "fp4", "int8")
_FLAGS = ("double", "prepare")
_KEYS = (*_FLAGS, "skip", "compute")
_CHECK_COMPUTE = check_dtype("float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Quantization:
    """What `quantize` says.

    Attributes:
        kind: one of `KINDS`.
        double: whether the scales of 4-bit blocks are quantized, too.
        prepare: whether PEFT's `prepare_model_for_kbit_training` is called, which freezes all
            weights and makes those that are left in half precision float32.
        skip: names of layers that stay as they are; None for the model's output embeddings.
        compute: what 4-bit weights become to be multiplied; the weights' type before where empty.
    """

    kind: str
    double: bool = False
    prepare: bool = False
    skip: tuple[str, ...] | None = None
    compute: str = ""


def parse_quantize(name: str, text: str) -> Quantization:
    """Read `nf4,double,prepare,skip=lm_head,head`.

    A part without `=` behind `skip` goes on with its list; `skip=none` leaves nothing out.

    >>> parse_quantize("quantize", "nf4,skip=lm_head,score").skip
    ('lm_head', 'score')

    Raises:
        InputError: a kind or a part that is not known.
    """
    first, *parts = [part.strip() for part in text.split(",")]
    kind = canonical_name(name, first, KINDS)
    flags: set[str] = set()
    skip: list[str] | None = None
    compute = ""
    for part in parts:
        key, sign, value = part.partition("=")
        if key in _FLAGS and not sign:
            flags.add(key)
        elif key == "skip" and value:
            skip = [] if value == "none" else [value]
        elif key == "compute" and value:
            compute = _CHECK_COMPUTE(f"{name}'s compute", value)
        elif part and not sign and skip is not None:
            skip.append(part)
        else:
            raise InputError(
                f"{name} {text!r}: {part!r} is none of {', '.join(_KEYS)}: expected a text such as "
                f"nf4,double,skip=lm_head{did_you_mean(key, _KEYS)}"
            )
    if kind == "int8" and ("double" in flags or compute):
        raise InputError(
            f"{name} {text!r}: double and compute are of 4-bit weights: choose nf4 or fp4, or "
            "leave them out"
        )
    return Quantization(
        kind, "double" in flags, "prepare" in flags, None if skip is None else tuple(skip), compute
    )


def check_quantize(name: str, value: object) -> str:
    """A text that `parse_quantize` reads, or an empty one."""
    if not isinstance(value, str):
        raise InputError(f"{name} is {value!r}: expected a text such as nf4, nf4,double or int8")
    if value.strip():
        parse_quantize(name, value)
    return value.strip()
