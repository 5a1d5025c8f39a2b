"""What torch says of the emulated cards: properties, several of them, memory, its own errors."""

from __future__ import annotations

import pytest
from support.emulated import answer, needs_emulator

from nincost._devices.cards import get_gpu
from nincost._emulator.launch import UNLIMITED

pytestmark = needs_emulator

GIB = 2**30

PROPERTIES = """
import json, torch
p = torch.cuda.get_device_properties(0)
print(json.dumps({
    "name": p.name, "capability": [p.major, p.minor], "bytes": p.total_memory,
    "multiprocessors": p.multi_processor_count, "l2": p.L2_cache_size, "warp": p.warp_size,
    "threads": p.max_threads_per_multi_processor, "registers": p.regs_per_multiprocessor,
    "shared": p.shared_memory_per_block, "opt_in": p.shared_memory_per_block_optin,
    "shared_of_multiprocessor": p.shared_memory_per_multiprocessor,
    "integrated": p.is_integrated, "multi_gpu_board": p.is_multi_gpu_board,
    "arch": torch.cuda.get_device_capability(),
}))
"""


@pytest.mark.parametrize("name", ["t4", "b200"])
def test_properties_are_the_cards(name: str) -> None:
    """Each field as torch reads it, so that it lies where torch's CUDA has it."""
    card = get_gpu(name)
    assert answer(PROPERTIES, gpu=name) == {
        "name": card.title,
        "capability": list(card.capability),
        "arch": list(card.capability),
        "bytes": card.memory_bytes,
        "multiprocessors": card.sm_count,
        "l2": card.l2_bytes,
        "warp": 32,
        "threads": card.limits.threads_per_sm,
        "registers": 65536,
        "shared": 48 * 1024,
        "opt_in": card.limits.shared_per_block,
        "shared_of_multiprocessor": card.limits.shared_per_block + 1024,
        "integrated": 0,
        "multi_gpu_board": 0,
    }


SEVERAL = """
import json, torch
found = {"count": torch.cuda.device_count()}
x = torch.empty(1 << 30, dtype=torch.uint8, device="cuda:1")
with torch.cuda.device(2):
    y = torch.empty(3 << 30, dtype=torch.uint8, device="cuda")
free = [torch.cuda.mem_get_info(n)[0] for n in range(3)]
found["taken"] = [free[0] - f for f in free]
found["reserved"] = [torch.cuda.memory_reserved(n) for n in range(3)]
found["devices"] = [str(x.device), str(y.device), str(y.to("cuda:0").device)]
found["peer"] = torch.cuda.can_device_access_peer(0, 1)
found["current"] = torch.cuda.current_device()
print(json.dumps(found))
"""


def test_several_devices_count_for_themselves() -> None:
    found = answer(SEVERAL, devices=3)
    assert found == {
        "count": 3, "taken": [0, GIB, 3 * GIB], "reserved": [0, GIB, 3 * GIB],
        "devices": ["cuda:1", "cuda:2", "cuda:0"], "peer": True, "current": 0,
    }  # fmt: skip


VISIBLE = """
import json, os, torch
found = {}
for visible in ("", "2", "0,1,7,2", "-1"):  # each in a process that has not asked yet
    reader, writer = os.pipe()
    if not os.fork():
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
        devices = range(torch.cuda.device_count())
        ids = [torch.cuda.get_device_properties(n).pci_bus_id for n in devices]
        os.write(writer, json.dumps(ids).encode())
        os._exit(0)
    os.close(writer)
    found[visible] = json.load(open(reader))
print(json.dumps(found))
"""


def test_cuda_visible_devices_set_by_the_script() -> None:
    assert answer(VISIBLE, devices=4) == {"": [], "2": [3], "0,1,7,2": [1, 2], "-1": []}


OUT_OF_MEMORY = """
import json, torch
x = torch.empty(20 << 30, dtype=torch.uint8, device="cuda")
y = torch.empty(100 << 20, dtype=torch.uint8, device="cuda"); del y
try:
    torch.empty(4 << 30, dtype=torch.uint8, device="cuda")
    print(json.dumps("fits"))
except torch.OutOfMemoryError as error:
    print(json.dumps(str(error)))
"""


def test_out_of_memory_as_on_a_card() -> None:
    """torch's own sentence; each of its figures follows from the card and its context."""
    card = get_gpu("rtx4090")
    free = card.memory_bytes - card.context_bytes - 20 * GIB - (100 << 20)
    text = answer(OUT_OF_MEMORY, gpu="rtx4090")
    assert text.startswith(
        "CUDA out of memory. Tried to allocate 4.00 GiB. GPU 0 has a total capacity of "
        f"{card.memory_bytes / GIB:.2f} GiB of which "
    )
    # torch tries again after it gave the 100 MiB back
    assert f"of which {(free + (100 << 20)) / GIB:.2f} GiB is free" in text
    used = (card.memory_bytes - free - (100 << 20)) / GIB
    assert f"Including non-PyTorch memory, this process has {used:.2f} GiB memory in use" in text
    assert "Of the allocated memory 20.00 GiB is allocated by PyTorch" in text


#: What torch's allocator asks the driver for, without torch.
DRIVERS = """
import ctypes, json
cuda = ctypes.CDLL(None)
ask = lambda size: cuda.cudaMalloc(ctypes.byref(ctypes.c_void_p()), ctypes.c_size_t(size))
print(json.dumps([ask(20 << 30), ask(4 << 30)]))
"""


def test_capacity() -> None:
    """2 is cudaErrorMemoryAllocation."""
    assert answer(DRIVERS, gpu="rtx4090") == [0, 2]
    assert answer(DRIVERS, gpu="rtx4090", capacity=UNLIMITED) == [0, 0]
    assert answer(DRIVERS, gpu="rtx4090", capacity=26 * GIB) == [0, 0]
    assert answer(OUT_OF_MEMORY, gpu="h100", capacity=22 * GIB).startswith("CUDA out of memory")


EXPANDABLE = """
import json, torch
x = torch.empty(20 << 20, dtype=torch.uint8, device="cuda")
y = torch.empty(30 << 20, dtype=torch.uint8, device="cuda")
segments = [s for s in torch.cuda.memory_snapshot() if s["is_expandable"]]
before = torch.cuda.mem_get_info()[0]
del x, y
torch.cuda.empty_cache()
print(json.dumps([len(segments), torch.cuda.mem_get_info()[0] - before]))
"""


def test_expandable_segments_take_and_return_memory() -> None:
    options = {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
    segments, returned = answer(EXPANDABLE, variables=options)
    assert segments == 1
    assert returned == 60 << 20  # pages of 20 MiB, of which the blocks of 50 MiB needed three


READ_BACK = """
import json, torch
kept = torch.tensor([3, 1, 4], device="cuda")
found = {
    "kept": kept.tolist(), "copy": kept.clone().tolist(), "plus": (kept + 1).tolist(),
    "zeros": (kept / 2).tolist(),
}
there = kept.data_ptr()
del kept
again = torch.empty(3, dtype=torch.int64, device="cuda")
found["same"] = again.data_ptr() == there
found["again"] = again.tolist()
found["large"] = torch.ones(1 << 21).cuda().cpu().sum().item()
print(json.dumps(found))
"""


def test_reads_zeros_or_what_the_host_wrote() -> None:
    found = answer(READ_BACK)
    assert found == {
        "kept": [3, 1, 4], "copy": [3, 1, 4], "plus": [4, 2, 5], "zeros": [0, 0, 0],
        "same": True, "again": [0, 0, 0], "large": 1 << 21,
    }  # fmt: skip
