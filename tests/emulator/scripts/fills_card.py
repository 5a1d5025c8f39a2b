"""A rank that takes all that its card has beside NCCL's buffers, and then needs more of these."""

import json

import torch
import torch.distributed as dist

dist.init_process_group("nccl")
torch.cuda.set_device(dist.get_node_local_rank())
mine, all_of_them = (torch.empty(size << 20, dtype=torch.uint8, device="cuda") for size in (1, 8))
free, _ = torch.cuda.mem_get_info()
dist.all_gather_into_tensor(all_of_them, mine)
taken = free - torch.cuda.mem_get_info()[0]
held = []
try:
    while True:
        held.append(torch.empty(64 << 20, dtype=torch.uint8, device="cuda"))
except torch.OutOfMemoryError:
    reserved = torch.cuda.memory_reserved()
try:
    dist.all_to_all_single(all_of_them, all_of_them.clone())
    said = ""
except RuntimeError as error:  # ncclUnhandledCudaError
    said = str(error)
print("found", json.dumps([taken, reserved, said]), flush=True)
