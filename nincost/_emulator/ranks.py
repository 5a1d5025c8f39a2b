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
import os
from typing import Any

from nincost._emulator import objects
from nincost._emulator.journal import Journal
from nincost._emulator.store import make_store_class

WORLD = "NINCOST_EMULATED_WORLD"


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
    """Replace stores and gloo where this process is a rank of an emulated world."""
    if WORLD not in os.environ or not torch.distributed.is_available():
        return
    from nincost._torch.distributed import rendezvous_handlers, store_modules

    dist = torch.distributed
    world_size, rank = int(os.environ[WORLD]), int(os.environ["RANK"])
    shared = make_store_class(dist.Store)(rank, world_size)

    def store(*_: Any, **__: Any) -> Any:
        return shared

    def rendezvous(*_: Any, **__: Any) -> Any:
        yield shared, rank, world_size

    for module in store_modules():
        for name in ("TCPStore", "FileStore"):
            if hasattr(module, name):
                setattr(module, name, store)
    handlers = rendezvous_handlers()
    for scheme in ("env", "tcp", "file"):
        handlers[scheme] = rendezvous
    _replace_gloo(torch)
    objects.install(dist, Journal.of_process(rank))
    atexit.register(_end_groups, dist)


def _end_groups(dist: Any) -> None:
    """End the groups that a script leaves: their threads ask the store, which is Python's."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _replace_gloo(torch: Any) -> None:
    from nincost._torch.distributed import fake_process_group

    make = fake_process_group()

    def gloo(_: Any, rank: int, size: int, *__: Any, **___: Any) -> Any:
        return make(rank, size)

    torch.distributed.distributed_c10d.ProcessGroupGloo = gloo
