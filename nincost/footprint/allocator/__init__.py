"""Allocators, modelled: PyTorch's caching one on CUDA, and the CPU's, which rounds nothing."""

from nincost.footprint.allocator.blocks import Block, Segment
from nincost.footprint.allocator.caching import CachingAllocator
from nincost.footprint.allocator.config import AllocatorConfig
from nincost.footprint.allocator.errors import ConfigError, OutOfMemoryError
from nincost.footprint.allocator.exact import ExactAllocator
from nincost.footprint.allocator.sizes import round_size, segment_size

__all__ = [
    "AllocatorConfig",
    "Block",
    "CachingAllocator",
    "ConfigError",
    "ExactAllocator",
    "OutOfMemoryError",
    "Segment",
    "round_size",
    "segment_size",
]
