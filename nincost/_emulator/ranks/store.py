"""A store of torch.distributed that answers for the ranks that are not there.

Nothing is waited for and no port is opened. What another rank would have set is answered by what
this rank has set under the same name with its own number in it, as all ranks run the same program;
NCCL's ids, which only a root sets, by zeros.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

_NCCL_ID_BYTES = 128
_MOST_DEVICES = 128


def make_store_class(base: type) -> type:
    """The class over `torch.distributed.Store`; torch is imported by those who need it."""

    class EmulatedStore(base):  # type: ignore[misc]
        """One rank's view of a store that all ranks share."""

        def __init__(self, rank: int, world_size: int) -> None:
            super().__init__()
            self.rank = rank
            self.world_size = world_size
            self.host = "127.0.0.1"
            self.port = 29500
            self._values: dict[str, bytes] = {}
            self._like: dict[str, tuple[str, bytes]] = {}
            self._sums: dict[str, int] = {}
            self._queues: dict[str, list[bytes]] = {}
            self._lock = threading.RLock()
            self._timeout = timedelta(minutes=30)

        # --- values -------------------------------------------------------------------------

        def set(self, key: str, value: str | bytes) -> None:
            with self._lock:
                self._values[key] = _bytes(value)
                self._like[_pattern(key)] = key, _bytes(value)

        def get(self, key: str) -> bytes:
            with self._lock:
                if key in self._sums:
                    return str(self._sums[key] * self.world_size).encode()
                if key in self._values:
                    return self._values[key]
                own_key, value = self._like.get(_pattern(key), (key, bytes(_NCCL_ID_BYTES)))
                return _on_another_device(key, own_key, value)

        def compare_set(self, key: str, expected: str | bytes, desired: str | bytes) -> bytes:
            with self._lock:
                held = self._values.get(key)
                if held == _bytes(expected) or (held is None and not expected):
                    self.set(key, desired)
                    return _bytes(desired)
                return held if held is not None else _bytes(expected)

        def add(self, key: str, amount: int) -> int:
            """As if the ranks came one after the other: what stands there after this one."""
            with self._lock:
                before = self._sums.get(key, 0)
                self._sums[key] = before + amount
                if amount == 0:
                    return before * self.world_size
                return before * self.world_size + amount * (self.rank + 1)

        def append(self, key: str, value: str | bytes) -> None:
            with self._lock:
                self._values[key] = self._values.get(key, b"") + _bytes(value)

        def delete_key(self, key: str) -> bool:
            with self._lock:
                return self._values.pop(key, None) is not None

        deleteKey = delete_key  # noqa: N815 - the name that C++ looks up

        def multi_get(self, keys: Sequence[str]) -> list[bytes]:
            return [self.get(key) for key in keys]

        def multi_set(self, keys: Sequence[str], values: Sequence[str | bytes]) -> None:
            for key, value in zip(keys, values, strict=True):
                self.set(key, value)

        def queue_push(self, key: str, value: str | bytes) -> None:
            with self._lock:
                self._queues.setdefault(key, []).append(_bytes(value))

        def queue_pop(self, key: str, block: bool = True) -> bytes:
            with self._lock:
                waiting = self._queues.get(key)
                return waiting.pop(0) if waiting else b""

        def queue_len(self, key: str) -> int:
            return len(self._queues.get(key, ()))

        # --- what is there ------------------------------------------------------------------

        def check(self, keys: Sequence[str]) -> bool:
            with self._lock:
                return all(key in self._values or key in self._sums for key in keys)

        def wait(self, keys: Sequence[str], timeout: timedelta | None = None) -> None:
            """All that is waited for is there."""

        def num_keys(self) -> int:
            return len(self._values) + len(self._sums)

        getNumKeys = num_keys  # noqa: N815

        def list_keys(self) -> list[str]:
            return [*self._values, *self._sums]

        def has_extended_api(self) -> bool:
            return True

        def set_timeout(self, timeout: timedelta) -> None:
            self._timeout = timeout

        def clone(self) -> Any:
            return self

    return EmulatedStore


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _pattern(key: str) -> str:
    """A key without its numbers, by which another rank's is known as like one's own."""
    return re.sub(r"\d+", "#", key)


def _on_another_device(key: str, own_key: str, value: bytes) -> bytes:
    """What symmetric memory says of a peer: it starts with the device, which each has its own of.

    torch/csrc/distributed/c10d/symm_mem/CUDASymmetricMemory.cu, RendezvousRequest.
    """
    if "SymmetricMemory/" not in key or len(value) <= 8:
        return value
    peer, own = (int(re.findall(r"\d+", k)[-1]) for k in (key, own_key))
    device = int.from_bytes(value[:4], "little") + peer - own
    return (device % _MOST_DEVICES).to_bytes(4, "little") + value[4:]
