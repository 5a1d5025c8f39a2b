"""Allocators, modelled: PyTorch's caching one on CUDA, and the CPU's, which rounds nothing."""

from nincost._allocator.blocks import Block, Segment
from nincost._allocator.caching import CachingAllocator
from nincost._allocator.config import AllocatorConfig
from nincost._allocator.errors import ConfigError, OutOfMemoryError
from nincost._allocator.exact import ExactAllocator
from nincost._allocator.sizes import round_size, segment_size

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
