"""What NCCL allocates on the card beside PyTorch's allocator: a model of it, with its bounds.

Read in NVIDIA/nccl 2.30 (src/init.cc, channel.cc, transport/p2p.cc, net.cc, nvls.cc). A connection
of two ranks has, in each channel, a buffer for each of three protocols; those of peers on one
machine lie with the receiver (on A100, whose peers read, the largest lies with the sender), and
each is an allocation of its own, rounded up to 2 MiB. What is connected when (a ring at the first
collective that runs in one, all channels of a peer at the first send to it) is the source's, too.

MODELLED, not exact: how many channels there are comes of NCCL's search through the machine's
topology, which is not here. `CHANNELS` has what NCCL prints on common machines; `least` and `most`
bound it. NCCL's kernels, which CUDA loads when they are first used, are not counted. Not compared
with a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MIB = 2**20
_ROUNDED_TO = 2 * MIB  # CUDA_IPC_MIN, and the granularity of cuMemCreate

#: NCCL_STEPS times lines or elements of each thread, threads, bytes of each.
_LL_BYTES = 8 * 8 * 512 * 16
_LL128_BYTES = 8 * 120 * 640 * 8
_SIMPLE_BYTES = 4 * MIB

#: initChannel allocates three small tables in each channel.
_TABLES = 3
#: NCCL_SHARED_STEPS buffers of NCCL_P2P_NET_CHUNKSIZE in each channel, one set each way.
_NETWORK_STEPS, _NETWORK_CHUNK = 16, 128 * 1024
#: NVLink SHARP: two buffers of NCCL_STEPS chunks in each channel, for each rank of the machine.
_NVLS_CHANNELS = {9: 16, 10: 24}
_NVLS_CHUNK = 128 * 1024

#: Of a ring and of each peer, by how the cards of a machine are joined: likely, least, most.
CHANNELS = {"nvswitch": (24, 16, 32), "pcie": (2, 2, 4), "host": (2, 2, 4)}
PEER_CHANNELS = {"nvswitch": (32, 16, 32), "pcie": (2, 2, 4), "host": (2, 2, 4)}


@dataclass(frozen=True, slots=True)
class Communicator:
    """One of a rank's communicators, and what was done with it.

    Attributes:
        ranks: how many; local_ranks: how many of them are on this rank's machine.
        reduced: whether there was an all-reduce; in_a_ring: any other collective.
        sent_to, received_from: ranks of this machine; far_peers: either, on others.
    """

    ranks: int
    local_ranks: int
    reduced: bool = False
    in_a_ring: bool = False
    sent_to: int = 0
    received_from: int = 0
    far_peers: int = 0


@dataclass(frozen=True, slots=True)
class NcclMemory:
    """Bytes on one card: what is likely, and with the fewest and the most channels."""

    bytes: int
    least: int
    most: int


def links_of(title: str, capability: tuple[int, int]) -> str:
    """How a machine's cards of that kind are joined: `nvswitch`, `pcie`, or through the `host`."""
    if "GeForce" in title:
        return "host"  # whose driver has no peer access: buffers lie in the host's memory
    large = capability[0] in (8, 9, 10) and capability[1] in (0, 3)
    return "nvswitch" if large and "PCIe" not in title else "pcie"


def nccl_memory(
    communicators: list[Communicator],
    title: str,
    capability: tuple[int, int],
    environment: Mapping[str, str],
) -> NcclMemory:
    """What a rank's communicators hold on a card of that title and compute capability.

    Args:
        environment: NCCL_BUFFSIZE, NCCL_LL_BUFFSIZE, NCCL_LL128_BUFFSIZE, NCCL_MIN_NCHANNELS,
            NCCL_MAX_NCHANNELS, NCCL_NVLS_ENABLE are read.
    """
    links = links_of(title, capability)
    found = [
        sum(
            _communicator_bytes(
                each, links, capability, environment,
                _channels(CHANNELS[links][which], environment), PEER_CHANNELS[links][which],
            )
            for each in communicators if each.ranks > 1
        )
        for which in range(3)
    ]  # fmt: skip
    return NcclMemory(*found)


def _channels(number: int, environment: Mapping[str, str]) -> int:
    least = _number(environment, "NCCL_MIN_NCHANNELS", 0)
    return max(min(number, _number(environment, "NCCL_MAX_NCHANNELS", number)), least)


def _communicator_bytes(
    of: Communicator, links: str, capability: tuple[int, int], environment: Mapping[str, str],
    channels: int, peer_channels: int,
) -> int:  # fmt: skip
    has_nvls = (
        of.reduced and links == "nvswitch" and capability[0] in _NVLS_CHANNELS
        and 2 < of.ranks == of.local_ranks and environment.get("NCCL_NVLS_ENABLE") != "0"
    )  # fmt: skip
    in_a_ring = of.in_a_ring or (of.reduced and not has_nvls)
    sender, receiver = (_ROUNDED_TO,) * 2
    if links != "host":
        sender, receiver = connection_bytes(environment, reads=capability == (8, 0))
    total = channels * _TABLES * _ROUNDED_TO
    if in_a_ring:
        total += channels * (
            sender + receiver if of.local_ranks > 1 else _network_bytes(environment)
        )
    if has_nvls:
        total += _NVLS_CHANNELS[capability[0]] * 2 * 8 * _NVLS_CHUNK * of.ranks
    total += peer_channels * (of.sent_to * sender + of.received_from * receiver)
    if of.far_peers:
        total += 2 * peer_channels * _NETWORK_STEPS * _NETWORK_CHUNK
    return total


def connection_bytes(environment: Mapping[str, str], *, reads: bool = False) -> tuple[int, int]:
    """The sender's and the receiver's buffers of one channel between two cards of one machine.

    2 and 10 MiB by default; where peers read (A100 by NVLink), 6 and 6.
    """
    small, middle, large = _protocols(environment)
    if reads:
        return _rounded(large + 1), _rounded(small + middle + 1)  # each behind a header
    return _rounded(1), _rounded(small + middle + large + 1)


def _network_bytes(environment: Mapping[str, str]) -> int:
    """The same between two machines, with GPUDirect: the small protocol is sent from the host."""
    small, *others = _protocols(environment)
    return _rounded(sum(others) + 1) + _rounded(small + sum(others) + 1)


def _protocols(environment: Mapping[str, str]) -> tuple[int, int, int]:
    return (
        _number(environment, "NCCL_LL_BUFFSIZE", _LL_BYTES),
        _number(environment, "NCCL_LL128_BUFFSIZE", _LL128_BYTES),
        _number(environment, "NCCL_BUFFSIZE", _SIMPLE_BYTES),
    )


def _rounded(size: int) -> int:
    return -(-size // _ROUNDED_TO) * _ROUNDED_TO


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdecimal() else otherwise
