"""Options of a step that had other names before, so that whoever types one is told the new one."""

from __future__ import annotations

from nincost.errors import InputError

#: An option's name before: its name now, and the value that says the same where it took none.
RENAMED = {
    "accumulate": ("grad_accumulation", ""),
    "benchmark": ("cudnn_benchmark", ""),
    "checkpoint": ("activation_checkpointing", "top-level"),
    "update": ("optimizer_impl", ""),
    "zero_first": ("zero_grad_before_forward", ""),
}


def refuse_renamed(option: str) -> None:
    """Refuse `--checkpoint` with the words that say the same today.

    Raises:
        InputError: the option was renamed.
    """
    now = RENAMED.get(option.lstrip("-").replace("-", "_"))
    if now is not None:
        name, value = now
        words = f"--{name.replace('_', '-')} {value}".rstrip()
        raise InputError(f"{option} was renamed: use {words}")
