"""Options that had other names before, so that whoever types one reads the new one."""

from __future__ import annotations

from nincost.errors import InputError

#: An option's name before: its name now, and, where it took no value, what people mean by it.
RENAMED = {
    "accumulate": ("grad_accumulation", ""),
    "benchmark": ("cudnn_benchmark", ""),
    "checkpoint": ("activation_checkpointing", "blocks"),
    "no_peers": ("no_other_tools", ""),
    "update": ("optimizer_impl", ""),
    "zero_first": ("zero_grad_before_forward", ""),
}


def refuse_renamed(option: str) -> None:
    """Refuse the old name of an option, typed as `--checkpoint` or as `checkpoint` in Python.

    Raises:
        InputError: the option was renamed; the message has what says the same today.
    """
    now = RENAMED.get(option.lstrip("-").replace("-", "_"))
    if now is None:
        return
    name, value = now
    if option.startswith("-"):
        words = f"--{name.replace('_', '-')} {value}".rstrip()
    else:
        words = f'{name}="{value}"' if value else name
    raise InputError(f"{option} was renamed: use {words}")
