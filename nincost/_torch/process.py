"""Settings of the process for which torch has no public name."""

from __future__ import annotations

from typing import Any

from nincost._torch.names import find


def default_device_context() -> Any:
    """What `torch.set_default_device` set in this thread, apart from a `with torch.device(...)`.

    None, or an object with that `device`: `torch._GLOBAL_DEVICE_CONTEXT.device_context`.
    """
    kept = find("_GLOBAL_DEVICE_CONTEXT", "leave the default device as it was")
    return getattr(kept, "device_context", None)


def sdpa_order() -> list[int]:
    """The numbers of `SDPBackend`s in the order in which attention tries them."""
    numbers = find("_C._get_sdp_priority_order", "know which attention kernel runs")()
    return [int(number) for number in numbers]


def set_sdpa_order(numbers: list[int]) -> None:
    """Set what `sdpa_order` gives."""
    find("_C._set_sdp_priority_order", "run attention with the kernel that was asked for")(numbers)
