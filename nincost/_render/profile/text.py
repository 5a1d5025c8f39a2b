"""What a profile says in words: the totals, and what a careful reader should know."""

from __future__ import annotations

from nincost import _units as units
from nincost._profile.results import Profile

#: The columns of a table that has room for few, and those of text.
SHORT_COLUMNS = ("layer", "type", "output_shape", "params", "macs", "activation_bytes")
TEXT_COLUMNS = frozenset({"layer", "type", "input_shape", "output_shape"})


def title(profile: Profile) -> str:
    """`two-1x1 on 1x1x224x224 (batch 1, eval mode)`."""
    shapes = ", ".join(profile.input)
    return f"{profile.model} on {shapes} (batch {profile.batch_size}, {profile.mode} mode)"


def summary(profile: Profile) -> list[tuple[str, str]]:
    """The textbook's questions about size and computation, each with its answer."""
    totals = profile.totals
    batch = profile.batch_size
    per = "for one input" if batch == 1 else f"for a batch of {batch}"
    if totals.frozen_params:
        share = (
            f"{units.exact(totals.trainable_params)} trainable, "
            f"{units.exact(totals.frozen_params)} frozen"
        )
    else:
        share = "all trainable"
    lines = [
        (
            "Parameters",
            f"{units.exact(totals.params)} ({share}), {units.size(totals.param_bytes)}",
        ),
        (
            "Computation",
            f"{units.exact(totals.macs)} MACs = {units.exact(totals.flops)} FLOPs {per}, and "
            f"{units.exact(totals.elementwise_flops)} element-wise FLOPs",
        ),
        (
            "Activations",
            f"{units.exact(totals.activation_elements)} values, "
            f"{units.size(totals.activation_bytes)} {per}",
        ),
    ]
    if totals.buffers:
        lines.insert(
            1,
            (
                "Buffers",
                f"{units.exact(totals.buffers)} values, {units.size(totals.buffer_bytes)}",
            ),
        )
    return lines


def notes(profile: Profile) -> list[str]:
    """What was not counted or not called, and how the run differed from the usual one."""
    lines = []
    for item in profile.uncounted:
        where = ", ".join(item.layers[:3]) + (", ..." if len(item.layers) > 3 else "")
        lines.append(f"uncounted: {item.operator} ran {item.calls} times in {where}")
    if profile.never_called:
        names = profile.never_called
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        lines.append(f"never called as a module: {len(names)} ({shown})")
    return lines + list(profile.notes)
