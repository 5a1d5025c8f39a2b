"""NCCL's buffers: sums worked out by hand from NVIDIA/nccl 2.30's constants."""

from __future__ import annotations

import pytest

from nincost._devices.cards import get_gpu
from nincost._devices.libraries.nccl import Communicator, connection_bytes, links_of, nccl_memory

MIB = 2**20
H100, RTX = ("NVIDIA H100 80GB HBM3", (9, 0)), ("NVIDIA GeForce RTX 4090", (8, 9))


def mib(of: Communicator, card: tuple[str, tuple[int, int]] = H100, **environment: str) -> float:
    return nccl_memory([of], *card, environment).bytes / MIB


def test_one_channel_between_two_cards() -> None:
    """0.5 (LL) + 4.6875 (LL128) + 4 MiB (simple) and a header are 10 MiB in steps of 2; the
    sender's header alone 2. On an A100 the last of the three lies with the sender."""
    assert connection_bytes({}) == (2 * MIB, 10 * MIB)
    assert connection_bytes({"NCCL_BUFFSIZE": str(16 * MIB)}) == (2 * MIB, 22 * MIB)
    assert connection_bytes({}, reads=True) == (6 * MIB, 6 * MIB)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (Communicator(8, 8), 24 * 6),  # made and never used: three tables in each channel
        (Communicator(8, 8, in_a_ring=True), 24 * 6 + 24 * 12),
        # NVLink SHARP: 16 channels, two buffers of eight chunks of 128 KiB, eight ranks.
        (Communicator(8, 8, reduced=True), 24 * 6 + 16 * 2 * 1 * 8),
        (Communicator(64, 1, in_a_ring=True), 24 * 6 + 24 * (10 + 10)),
        # An all-to-all: 32 channels for each of seven peers.
        (Communicator(8, 8, sent_to=7, received_from=7), 24 * 6 + 7 * 32 * 12),
        (Communicator(8, 8, sent_to=7), 24 * 6 + 7 * 32 * 2),  # the root of a scatter
        (Communicator(2, 1, far_peers=1), 24 * 6 + 2 * 32 * 16 / 8),
        (Communicator(1, 1, reduced=True), 0),
    ],
)
def test_a_communicator(of: Communicator, expected: float) -> None:
    assert mib(of) == expected


def test_settings_and_bounds() -> None:
    ring = Communicator(8, 8, in_a_ring=True)
    assert mib(ring, NCCL_MAX_NCHANNELS="4") == 4 * 18
    assert mib(Communicator(8, 8, reduced=True), NCCL_NVLS_ENABLE="0") == 24 * 18
    found = nccl_memory([ring, ring], *H100, {})
    assert found.least == 2 * 16 * 18 * MIB < found.bytes < found.most == 2 * 32 * 18 * MIB
    assert mib(ring, RTX) == 2 * (6 + 4)  # buffers lie in the host's memory


def test_how_cards_are_joined() -> None:
    names = {"h100": "nvswitch", "a100-80gb": "nvswitch", "rtx4090": "host", "l40s": "pcie"}
    cards = {name: get_gpu(name) for name in names}
    assert {n: links_of(card.title, card.capability) for n, card in cards.items()} == names
