"""One rank of many: torch.distributed as if the other ranks were there.

PyTorch's own ProcessGroupNCCL runs over an NCCL that answers at once (runtime/nccl.c). What it asks
the store is answered by `store.py`, and gloo's groups, which would connect to the other ranks, are
torch's FakeProcessGroup. What other ranks would have sent is not there:

- gathers bring this rank's own data, once for each rank; reductions bring it unreduced;
- a broadcast from another rank leaves the receiver's memory as it is;
- objects that another rank broadcasts, scatters or sends are those that it sent when it ran before
  this one (`journal.py`); where it did not, the rank ends and says which one it needs.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import inspect
import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlparse

from nincost._emulator.imports import when_imported
from nincost._emulator.observe import spawned
from nincost._emulator.observe.end import leave_process
from nincost._emulator.ranks import objects
from nincost._emulator.ranks.journal import Journal
from nincost._emulator.ranks.store import make_store_class

WORLD = "NINCOST_EMULATED_WORLD"
#: The rank that is run; where a script starts the ranks itself, the others leave.
WANTED = "NINCOST_EMULATED_WANTED"
DEVICES = "NINCOST_EMULATED_DEVICES"


def variables(rank: int, world_size: int, per_node: int) -> dict[str, str]:
    """What torchrun sets for a rank, and the mark of an emulated world."""
    local_world = min(world_size, per_node)
    return {
        WORLD: str(world_size),
        "RANK": str(rank),
        "WORLD_SIZE": str(world_size),
        "LOCAL_RANK": str(rank % per_node),
        "LOCAL_WORLD_SIZE": str(local_world),
        "GROUP_RANK": str(rank // per_node),
        "GROUP_WORLD_SIZE": str(-(-world_size // per_node)),
        "ROLE_RANK": str(rank),
        "ROLE_WORLD_SIZE": str(world_size),
        "ROLE_NAME": "default",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29500",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_MAX_RESTARTS": "0",
        "TORCHELASTIC_RUN_ID": "none",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        # Its threads ask the store, which is Python, for as long as the process lives.
        "TORCH_NCCL_ENABLE_MONITORING": "0",
    }


def install(torch: Any) -> None:
    """Replace stores and gloo where this process is, or may become, a rank of an emulated world."""
    if not {WORLD, WANTED} & os.environ.keys() or not torch.distributed.is_available():
        return
    from nincost._torch.distributed import (
        FSDP_PARAMETERS,
        SHARDING,
        chunk_when_asked,
        look_for_strided_shards_once,
        rendezvous_handlers,
        store_modules,
    )

    when_imported(SHARDING, look_for_strided_shards_once)
    when_imported(FSDP_PARAMETERS, chunk_when_asked)
    dist = torch.distributed
    world = _World(torch)
    for module in store_modules():
        for name in ("TCPStore", "FileStore"):
            if hasattr(module, name):
                setattr(module, name, world.store(getattr(module, name)))
    handlers = rendezvous_handlers()
    for scheme in ("env", "tcp", "file"):
        handlers[scheme] = world.rendezvous(handlers[scheme])
    objects.install(dist, world.journal)
    original = dist.init_process_group
    parameters = inspect.signature(original)

    @functools.wraps(original)
    def init_process_group(*args: Any, **kwargs: Any) -> Any:
        given = parameters.bind(*args, **kwargs).arguments
        world.enter(given.get("rank"), given.get("world_size"), given.get("init_method"))
        return original(*args, **kwargs)

    for module in (dist, dist.distributed_c10d):
        module.init_process_group = init_process_group
    _name_splits(dist)
    if WORLD in os.environ:
        _replace_gloo(torch)


def _name_splits(dist: Any) -> None:
    """Tell the emulated NCCL how many ranks a split has: it would learn that from the others."""
    try:
        next_split = ctypes.CDLL(None).nincost_emulated_next_split
    except (OSError, AttributeError):
        return
    for name, of_ranks in (("new_group", "ranks"), ("split_group", "split_ranks")):
        original = getattr(dist.distributed_c10d, name, None)
        if original is None:
            continue

        def call(*args: Any, _original: Any = original, _of: str = of_ranks, **kwargs: Any) -> Any:
            given = inspect.signature(_original).bind(*args, **kwargs).arguments
            ranks = list(given.get(_of) or range(dist.get_world_size()))
            rank = dist.get_rank(given.get("parent_pg"))
            mine = ranks if _of == "ranks" else next((part for part in ranks if rank in part), [])
            place = mine.index(rank) if rank in mine else 0
            next_split(len(mine), place)
            try:
                return _original(*args, **kwargs)
            finally:
                next_split(0, 0)

        wrapped = functools.wraps(original)(call)
        for module in list(sys.modules.values()):  # device_mesh has it by name
            if getattr(module, "__dict__", {}).get(name) is original:
                setattr(module, name, wrapped)


class _World:
    """The world that this process is a rank of, known at last when its process group is made."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.rank = int(os.environ.get("RANK", os.environ.get(WANTED, "0")))
        self.size = int(os.environ.get(WORLD, os.environ.get("WORLD_SIZE", "1")))
        self.journal = Journal.of_process(self.rank)
        self._store: Any = None

    def enter(self, rank: int | None, size: int | None, init_method: str | None) -> None:
        """Become that rank of so many; a process that is not the wanted one leaves."""
        query = parse_qs(urlparse(init_method or "").query)
        for name, value in (("rank", rank), ("size", size)):
            key = "world_size" if name == "size" else name
            if value is not None and value >= 0:
                setattr(self, name, value)
            elif key in query:
                setattr(self, name, int(query[key][0]))
            elif os.environ.get(key.upper(), "").isdecimal():
                setattr(self, name, int(os.environ[key.upper()]))
        if not self.is_emulated:
            return
        if os.environ.get(WANTED, str(self.rank)) != str(self.rank):
            leave_process(0)
        self.journal.rank = self.rank
        os.environ.setdefault("TORCH_NCCL_ENABLE_MONITORING", "0")
        _replace_gloo(self.torch)
        atexit.register(_end_groups, self.torch.distributed)
        spawned.take_over()

    @property
    def is_emulated(self) -> bool:
        return self.size > 1 or WORLD in os.environ

    @property
    def shared(self) -> Any:
        """The one store of this process."""
        if self._store is None or (self._store.rank, self._store.world_size) != (
            self.rank,
            self.size,
        ):
            self._store = make_store_class(self.torch.distributed.Store)(self.rank, self.size)
        return self._store

    def store(self, real: Any) -> Any:
        """In the place of a store's class: the shared one, but for torchrun's own process."""

        def make(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if not self.is_emulated or caller.startswith("torch.distributed.elastic"):
                return real(*args, **kwargs)
            return self.shared

        return make

    def rendezvous(self, real: Any) -> Any:
        """In the place of what makes a store of an address."""

        def handler(*args: Any, **kwargs: Any) -> Any:
            if self.is_emulated:
                yield self.shared, self.rank, self.size
            else:
                yield from real(*args, **kwargs)

        return handler


def _end_groups(dist: Any) -> None:
    """End the groups that a script leaves: their threads ask the store, which is Python's."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _replace_gloo(torch: Any) -> None:
    from nincost._torch.distributed import fake_process_group

    make = fake_process_group()
    gloo: Any
    if isinstance(make, type):  # torch until 2.6 asks for its class, and numbers its collectives
        gloo = type("ProcessGroupGloo", (make,), {"__init__": _init, _NUMBERS: lambda _: None})
    else:

        def without_options(_: Any, rank: int, size: int, *__: Any, **___: Any) -> Any:
            return make(rank, size)

        gloo = without_options

    torch.distributed.distributed_c10d.ProcessGroupGloo = gloo


_NUMBERS = "_set_sequence_number_for_group"


def _init(self: Any, _: Any, rank: int, size: int, *__: Any, **___: Any) -> None:
    """Of a gloo group, whose store and options a fake one does not want."""
    super(type(self), self).__init__(rank, size)
