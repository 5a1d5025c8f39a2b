"""What kernels write: known values are those of the CPU, or known no more; never stale."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.emulated import answer, needs_emulator

pytestmark = needs_emulator

#: Each way of writing is done on the CPU and on the card: what is known there must be equal.
WAYS = """
import ctypes, json, random, torch
known = ctypes.CDLL(None).nincost_emulated_known
known.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
def is_known(t):
    return all(known(t.data_ptr() + i * t.element_size(), t.element_size())
               for i in range(t.untyped_storage().nbytes() // t.element_size()))
def fresh(device):
    return torch.tensor([3, 1, 4, 1, 5, 9, 2, 6], device=device)
def unknown(device, many=8):
    return torch.empty(many, device=device).normal_()
def at(device, *places):
    return torch.tensor(places, device=device)

followed = {
    "+=": lambda b: b.add_(1), "-= alpha": lambda b: b.sub_(b, alpha=2), "*=": lambda b: b.mul_(3),
    "//=": lambda b: b.floor_divide_(2), "%=": lambda b: b.remainder_(3), "neg": lambda b: b.neg_(),
    "data": lambda b: b.data.add_(1), "fill": lambda b: b.fill_(7), "zero": lambda b: b.zero_(),
    "clamp": lambda b: b.clamp_(2, 5), "detach": lambda b: b.detach().add_(1),
    "view": lambda b: b.view(2, 4)[1].add_(10), "slice": lambda b: b[2:5].fill_(0),
    "masked_fill": lambda b: b.masked_fill_(b == 1, 8),
    "index_put": lambda b: b.index_put_((at(b.device, 1, 2),), at(b.device, 70, 80)),
    "item": lambda b: b.__setitem__(3, 50), "copy": lambda b: b.copy_(at(b.device, *range(8))),
    "scatter": lambda b: b.scatter_(0, at(b.device, 5), 44), "bits": lambda b: b.bitwise_and_(3),
    "index_fill": lambda b: b.index_fill_(0, at(b.device, 0, 7), -1), "eq": lambda b: b.eq_(1),
    "host": lambda b: b.copy_(torch.arange(8)), "index_copy": lambda b: b.index_copy_(
        0, at(b.device, 0), at(b.device, 9)), "cumsum": lambda b: b.cumsum_(0),
}
dropped = {
    "+= unknown": lambda b: b.add_(unknown(b.device).long()),
    "out": lambda b: torch.add(unknown(b.device).long(), 1, out=b),
    "pow": lambda b: torch.pow(2, unknown(b.device).long().abs_(), out=b),
    "out=": lambda b: torch.cumsum(unknown(b.device), 0, out=b),
    "cast": lambda b: b.copy_(unknown(b.device)), "strided": lambda b: b[::2].copy_(
        unknown(b.device, 4)), "index_put": lambda b: b.__setitem__(
        at(b.device, 1), unknown(b.device, 1).long()),
    "random": lambda b: b.random_(0, 100), "strided view": lambda b: b.view(2, 4)[:, 1].add_(10),
    "foreach": lambda b: torch._foreach_add_([b], 5), "masked_scatter": lambda b: b.masked_scatter_(
        b > 3, unknown(b.device).long()), "alias": lambda b: b.data.view(torch.int32).add_(
        unknown(b.device, 16).int()),
}
found = {"stale": [], "followed": [], "dropped": []}
for kind, ways in (("followed", followed), ("dropped", dropped)):
    for name, way in ways.items():
        for context in (torch.no_grad(), torch.enable_grad(), torch.inference_mode()):
            with context:
                on_cpu, b = fresh("cpu"), fresh("cuda")
                assert is_known(b)
                way(on_cpu)
                way(b)
            if is_known(b):
                if b.tolist() != on_cpu.tolist():
                    found["stale"].append(name)
            if is_known(b) is (kind == "followed"):
                found[kind].append(name)
found["ways"] = [3 * len(followed), 3 * len(dropped)]

# Several in a row, drawn at random.
random.seed(0)
names = [*followed] * 6 + [*dropped]
exact = 0
for _ in range(40):
    on_cpu, b = fresh("cpu"), fresh("cuda")
    for name in random.choices(names, k=4):
        way = followed.get(name) or dropped[name]
        way(on_cpu)
        way(b)
    if is_known(b):
        exact += 1
        assert b.tolist() == on_cpu.tolist()
found["several"] = exact > 5

# A loop's counter; what was never written is not known beside what was.
for counter in (torch.zeros((), dtype=torch.long, device="cuda"), torch.zeros(1, device="cuda")):
    rounds = 0
    while counter.item() < 3:
        counter += 1
        rounds += 1
    found.setdefault("rounds", []).append(rounds)
x = torch.randn(8, device="cuda")
x[3] = 7.0
found["beside"] = [bool(known(x[i:].data_ptr(), 4)) for i in (2, 3, 4)]
found["pow"] = len(5e5 ** torch.arange(0, 4, 2, device="cuda"))  # a number on the card, within
found["made"] = [t.tolist() for t in (
    torch.full((2,), 3, device="cuda"), torch.arange(3, device="cuda"), torch.ones(2, device="cuda")
)]

# Blocks side by side, of several times the tables' 2 MiB: a kernel forgets its own to the end, and
# nothing of its neighbours.
MIB = 2**20
rest = torch.empty(48 * MIB, dtype=torch.uint8, device="cuda")
del rest
blocks = [torch.empty(size * MIB // 2, dtype=torch.uint8, device="cuda") for size in (13, 9, 26, 3)]
for block in blocks:
    block[-8:] = block[:8] = torch.zeros(8, dtype=torch.uint8)
def ends(block):
    return [bool(known(part.data_ptr(), 8)) for part in (block, block[-8:])]
before = [ends(block) for block in blocks]
for place in (0, 2, 1):
    torch.rand(4, device="cuda", out=blocks[place][4096:4112].view(torch.float32))
    found.setdefault("side by side", []).append([ends(block) for block in blocks])
found["together"] = blocks[3].data_ptr() - blocks[0].data_ptr() == 24 * MIB
found["together"] &= before == [[True] * 2] * 4

# Optimizers and layers that count their steps on the card.
p = torch.nn.Parameter(torch.randn(8, device="cuda"))
for options in ({"fused": True}, {"capturable": True}):
    p.grad = torch.randn(8, device="cuda")
    optimizer = torch.optim.Adam([p], **options)
    optimizer.step()
    found.setdefault("steps", []).append(is_known(optimizer.state[p]["step"]))
norm = torch.nn.BatchNorm1d(8).cuda()
norm(torch.randn(4, 8, device="cuda"))
found["norm"] = [is_known(norm.running_mean), norm.num_batches_tracked.item()]
weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device="cuda")
found["addmm"] = is_known(weight.addmm_(weight, weight))

# A graph: nothing runs while it is captured, all when it is launched.
graph, counter, static = torch.cuda.CUDAGraph(), at("cuda", 0), fresh("cuda")
with torch.cuda.graph(graph):
    counter += 1
    mask = static != 4
counter.copy_(torch.tensor([5]))
static.copy_(torch.arange(8))
found["graph"] = [is_known(counter), is_known(mask)]
graph.replay()
found["launched"] = [is_known(counter), is_known(static)]
"""

TRITON = """
import triton, triton.language as tl
@triton.jit
def write(x, y, n, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(y + i, tl.load(x + i, mask=i < n) + 1, mask=i < n)
a, b, c = fresh("cuda"), fresh("cuda"), fresh("cuda")
write[(1,)](a, b[2:], 4, B=4)
found["triton"] = [is_known(b), is_known(c)]
"""


def test_known_values_are_never_stale(tmp_path: Path) -> None:
    has_compiler = shutil.which("gcc") is not None
    script = tmp_path / "ways.py"  # Triton reads a kernel's source
    script.write_text(WAYS + (TRITON if has_compiler else "") + "print(json.dumps(found))")
    found = answer(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
    assert found["stale"] == []
    assert [len(found["followed"]), len(found["dropped"])] == found["ways"]
    assert found["several"]
    assert found["rounds"] == [3, 3]
    assert found["beside"] == [False, True, False]
    assert found["pow"] == 2
    assert found["made"] == [[3, 3], [0, 1, 2], [1.0, 1.0]]
    assert found["together"]
    all_known, end_gone = [True, True], [True, False]
    assert found["side by side"] == [
        [end_gone, all_known, all_known, all_known],
        [end_gone, all_known, end_gone, all_known],
        [end_gone, end_gone, end_gone, all_known],
    ]
    assert found["steps"] == [False, False]
    assert found["norm"] == [False, 1]
    assert not found["addmm"]
    assert found["graph"] == [True, False]
    assert found["launched"] == [False, True]
    if has_compiler:
        assert found["triton"] == [False, True]


REDUCED = """
import json, torch, torch.distributed as dist
from nincost._emulator.values.assumption_counts import assumed
dist.init_process_group("nccl")
def reads():
    return [a.count for a in assumed() if a.name == "copy to the host"]
known = torch.tensor([2], device="cuda")
found = [known.item(), reads()]
dist.all_reduce(known)
found += [known.item(), reads()]
mine, theirs = torch.tensor([3], device="cuda"), torch.tensor([4], device="cuda")
dist.broadcast(mine, 0)
dist.broadcast(theirs, 1)
found += [mine.item(), reads(), theirs.item(), reads()]
print(json.dumps(found))
"""


def test_what_other_ranks_would_bring_is_assumed() -> None:
    """A sum has this rank's own number; that it was read is counted, as with any assumption."""
    assert answer(REDUCED, world_size=2) == [2, [], 2, [1], 3, [1], 4, [2]]
