"""The fitted parameters, read from `parameters.toml`, which says where each is from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from nincost._devices.cards import Gpu


@dataclass(frozen=True, slots=True)
class Units:
    """How well one kind of arithmetic unit is used.

    Attributes:
        efficiency: by family, the share of the peak that the largest tiles reach. Cards run above
            the clock of their data sheet, so it may exceed 1 a little.
        small_tiles: exponent by which a tile of fewer elements than the largest loses.
        filling: inner elements' worth of time to fill a tile's pipeline and to write it.
        largest_tile: elements of the largest tile that there are kernels for.
        memory: by family, as `Parameters.memory`, where these units' kernels reach another share.
        picojoules: energy of one FLOP, of half precision in tensor cores, by the card's generation:
            its compute capability, or else the major number of that.
        idle_watts: what a card draws before it computes.
    """

    efficiency: Mapping[str, float]
    small_tiles: float
    filling: float
    largest_tile: int
    memory: Mapping[str, float]
    picojoules: Mapping[str, float]
    idle_watts: float = 0.0


#: Sizes of tiles (rows, columns).
Tiles = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class HostCosts:
    """Seconds of the host's thread for one operator, by phase, and for each kernel it launches."""

    forward: float
    backward: float
    step: float
    kernel: float
    tensor: float  # of a list, in foreach and fused optimizers


@dataclass(frozen=True, slots=True)
class Parameters:
    """All that is fitted.

    Attributes:
        memory: by family, the share of a card's bandwidth that its kernels reach.
        block_bandwidth: by family, forward and backward, bytes a second that one thread block
            moves at most.
        cores, tensor: ordinary and tensor cores.
        overlap: exponent q of a kernel's compute and memory times.
        instructions: by what is issued, slots of an SM's schedulers that one takes, in lanes.
        kernel_seconds: what a kernel takes beside its work.
        l2_bytes_per_clock: bytes that the L2 cache gives an SM each clock.
        tiles: sizes that a library of another day had for float32, by kind of product and compute
            capability; where there is none, all that today's have. For measured rows of that day.
        slowdown: of a calibrated card, by how much its kernels take longer; 1 else.
        error: by regime, the standard deviation of the logarithm of predicted over measured.
    """

    memory: Mapping[str, float]
    block_bandwidth: Mapping[str, float]
    instructions: Mapping[str, float]
    cores: Units
    tensor: Units
    overlap: float
    kernel_seconds: float
    l2_bytes_per_clock: float
    host: HostCosts
    error: Mapping[str, float]
    tiles: Mapping[tuple[str, tuple[int, int]], Tiles] = field(default_factory=dict)
    slowdown: float = 1.0

    def most_flops(self, gpu: Gpu, *, tensor: bool, size: int) -> float:
        """FLOP/s on elements of `size` bytes that the card's rated power allows.

        Tensor cores take energy by the bytes of their operands: TF32 twice that of half precision.
        """
        units = self.tensor if tensor else self.cores
        major, minor = gpu.capability
        energy = units.picojoules.get(f"{major}.{minor}") or units.picojoules.get(str(major), 0.0)
        energy *= size / 2 if tensor else 1
        watts = gpu.watts - units.idle_watts
        return watts / (energy * 1e-12) if energy and watts > 0 else float("inf")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Parameters:
        """What `parameters.toml` holds."""
        return cls(
            memory=values["memory"],
            block_bandwidth=values["block_bandwidth"],
            instructions=values["instructions"],
            cores=Units(**values["cores"]),
            tensor=Units(**values["tensor"]),
            host=HostCosts(**values["host"]),
            error=values["error"],
            **values["kernels"],
        )


@cache
def fitted_parameters() -> Parameters:
    """Those that the package comes with."""
    text = files("nincost._time").joinpath("parameters.toml").read_text(encoding="utf-8")
    return Parameters.from_dict(tomllib.loads(text))
