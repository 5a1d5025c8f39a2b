"""How long NCCL takes for a collective: a ring over a machine's links and its network.

Bandwidths and latencies are those by which NCCL 2.30 itself chooses its algorithms
(src/graph/topo.h, tuning.cc): 18 links of 20.6 GB/s make 371 GB/s on an H100, of which nccl-tests
shows 360 (NVIDIA/nccl-tests#326: what NCCL's author expects there). MODELLED: a ring for all
collectives, where NCCL may choose a tree, or let a switch add (NVLS), which reduces quicker.
"""

from __future__ import annotations

from dataclasses import dataclass

from nincost._devices.cards import Gpu
from nincost._devices.libraries.nccl import CHANNELS, links_of

#: Bytes a second, each way, of all NVLinks of a card on a board with switches, by capability.
_NVLINK = {8: 12 * 20.0e9, 9: 18 * 20.6e9, 10: 18 * 40.1e9}
#: The same of 16 lanes of PCI Express: third generation, fourth, fifth.
_PCIE = {7: 12.0e9, 8: 24.0e9, 9: 48.0e9, 10: 48.0e9, 12: 48.0e9}
#: Through the host's memory each byte passes twice. ASSUMED.
_THROUGH_HOST = 0.5
#: ASSUMED, of a rank: a network card for each GPU (400 and 200 Gbit/s), else 100 Gbit/s for all.
_NETWORK = {8: 25.0e9, 9: 50.0e9, 10: 50.0e9}
_SHARED_NETWORK = 12.5e9

#: Seconds, of the ring with NCCL's protocol for large messages: to begin, and of a step from one
#: rank to the next within a machine (NVLink, PCI) and between two.
_BEGINS = 8.4e-6
_STEP = {"nvswitch": 3.4e-6, "pcie": 5.7e-6, "host": 5.7e-6}
_STEP_BETWEEN = 14.0e-6


@dataclass(frozen=True, slots=True)
class Links:
    """How ranks are joined.

    Attributes:
        within: bytes a second that a rank sends to the next one of its machine.
        between: bytes a second that a rank may send to other machines.
        ranks_per_node: how many share a machine.
        kind: `nvswitch`, `pcie` or `host`.
        channels: thread blocks that a collective takes of the card while it runs.
    """

    within: float
    between: float
    ranks_per_node: int
    kind: str
    channels: int

    def seconds(self, moved: float, ranks: int, *, rounds: int = 1, nodes: int = 1) -> float:
        """What a collective of `ranks` takes that goes round the ring `rounds` times.

        Args:
            moved: bytes of the whole tensor: gathered, scattered, or reduced.
            rounds: 1 for all-gather, reduce-scatter and broadcast, 2 for all-reduce.
            nodes: machines that the ring passes.
        """
        if ranks < 2:
            return 0.0
        rate = self.within
        if nodes > 1:  # all ranks of a machine send at once, each through its network card
            rate = min(rate, self.between * max(ranks // nodes, 1))
        steps = rounds * (ranks - 1)
        far = rounds * (nodes - 1)
        latency = _BEGINS + (steps - far) * _STEP[self.kind] + far * _STEP_BETWEEN
        return latency + rounds * moved * (ranks - 1) / ranks / rate


def copy_seconds(gpu: Gpu, moved: int) -> float:
    """What a copy of so many bytes between the host's memory and the card's takes."""
    return moved / _PCIE.get(gpu.capability[0], _PCIE[7])


def usual_links(
    gpu: Gpu, ranks_per_node: int, *, within: float | None = None, between: float | None = None
) -> Links:
    """How such cards are commonly joined, but for the bandwidths that are given, in GB/s."""
    kind, generation = links_of(gpu.title, gpu.capability), gpu.capability[0]
    if kind == "nvswitch":
        near, far = _NVLINK[generation], _NETWORK[generation]
    else:
        near = _PCIE.get(generation, _PCIE[7]) * (_THROUGH_HOST if kind == "host" else 1.0)
        far = _SHARED_NETWORK / ranks_per_node
    if within is not None:
        near = within * 1e9
    if between is not None:
        far = between * 1e9
    return Links(near, far, ranks_per_node, kind, CHANNELS[kind][0])
