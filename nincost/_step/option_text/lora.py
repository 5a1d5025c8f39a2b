"""How LoRA is written on a command line: `r=16,target=q_proj,v_proj`."""

from __future__ import annotations

from typing import Any

from nincost.errors import InputError, did_you_mean

#: Short names, and PEFT's own for them.
_KEYS = {
    "r": "r", "rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout",
    "target": "target_modules", "bias": "bias", "dora": "use_dora", "rslora": "use_rslora",
    "save": "modules_to_save",
}  # fmt: skip
_LISTS = ("target_modules", "modules_to_save")
_FLAGS = ("use_dora", "use_rslora")


def parse_lora(name: str, text: str) -> dict[str, Any]:
    """The arguments of PEFT's `LoraConfig` in a text.

    >>> parse_lora("lora", "r=16,target=q_proj,v_proj")
    {'r': 16, 'target_modules': ['q_proj', 'v_proj']}

    A part without `=` goes on with the list before it; `dora` and `rslora` stand alone.

    Raises:
        InputError: a key or a value that is not known.
    """
    found: dict[str, Any] = {}
    last = ""
    for part in (piece.strip() for piece in text.split(",")):
        key, sign, value = part.partition("=")
        if not sign and last in _LISTS and part not in _KEYS:
            found[last].append(part)
            continue
        if key not in _KEYS or not (sign or _KEYS[key] in _FLAGS):
            raise InputError(
                f"{name} {text!r}: {part!r} is none of {', '.join(_KEYS)}: expected a text such as "
                f"r=16,target=q_proj,v_proj{did_you_mean(key, _KEYS)}"
            )
        last = _KEYS[key]
        found[last] = _value(name, text, last, value)
    if isinstance(found.get("target_modules"), list) and found["target_modules"] == ["all-linear"]:
        found["target_modules"] = "all-linear"
    return found


def _value(name: str, text: str, key: str, value: str) -> Any:
    if key in _LISTS:
        return [value]
    if key in _FLAGS:
        return value.lower() not in ("false", "0", "no")
    if key == "bias":
        return value
    try:
        return int(value) if key == "r" else float(value)
    except ValueError as error:
        raise InputError(f"{name} {text!r}: {value!r} is no number for {key}") from error
