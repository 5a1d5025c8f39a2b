"""What the allocator raises."""

from __future__ import annotations

from nincost.errors import InputError, NincostError


class ConfigError(InputError):
    """A setting in `PYTORCH_CUDA_ALLOC_CONF` that PyTorch does not know or would refuse."""


class OutOfMemoryError(NincostError):
    """The device has no room for a block, even after all cached segments were released.

    All bytes. `requested`: what the caller asked for. `allocated` and `reserved`: as they were at
    that moment, after the cached segments had gone. `capacity`: what the allocator may reserve.
    `shortfall`: how much more it would have needed for the request to the driver that failed.
    """

    def __init__(
        self, requested: int, allocated: int, reserved: int, capacity: int, driver_request: int
    ) -> None:
        self.requested = requested
        self.allocated = allocated
        self.reserved = reserved
        self.capacity = capacity
        self.shortfall = reserved + driver_request - capacity
        super().__init__(
            f"out of memory: {requested} bytes asked for, {allocated} allocated and {reserved}"
            f" reserved of {capacity}: {self.shortfall} bytes short"
        )
