"""A prediction in the format of `torch.cuda.memory._snapshot()`.

The format is described in torch/cuda/memory.py (`_snapshot`); torch/cuda/_memory_viz.py and
pytorch.org/memory_viz read it. In a recording the frames are Python's; here they are the layer and
the operator, so that the viewer groups by layer. Addresses and times are the model's: only their
order means anything.
"""

from __future__ import annotations

from typing import Any

from nincost._allocator import AllocatorConfig, Block, CachingAllocator, Segment
from nincost._memory.device_allocations import Alloc, Emptied, Free
from nincost._memory.replay import layer_name
from nincost._memory.results import Memory
from nincost._trace.recording import Mark, Phase

Snapshot = dict[str, Any]


def snapshot(result: Memory) -> Snapshot:
    """The whole history of a prediction, and the segments as they are at its end."""
    simulation = result.history
    if simulation is None:
        raise ValueError("the result has no history: expected one that nincost.memory gave")
    config = AllocatorConfig.parse(result.settings["alloc_conf"])
    return _Writer(simulation.layers, config).write(simulation.events)


class _Writer:
    """Plays the events again and notes what torch's recorder would."""

    def __init__(self, layers: list[str], config: AllocatorConfig) -> None:
        self.layers = layers
        self.config = config
        self.allocator = CachingAllocator(config)
        self.entries: list[dict[str, Any]] = []
        self.phase: Phase = "model"
        self.step = 0
        self._blocks: dict[int, tuple[Block, Alloc, list[dict[str, Any]]]] = {}
        self._segments: dict[int, Segment] = {}
        self._frames: dict[tuple[int, str, Phase, str], list[dict[str, Any]]] = {}

    def write(self, events: list[Any]) -> Snapshot:
        for event in events:
            if type(event) is Alloc:
                self._alloc(event)
            elif type(event) is Free:
                self._free(event)
            elif type(event) is Emptied:
                self.allocator.empty_cache()
                self._note_segments([])
            elif type(event) is Mark:
                self.phase, self.step = event.phase, event.step
        return {
            "segments": self._held(),
            "device_traces": [self.entries],
            "allocator_settings": _settings(self.config),
            "external_annotations": [],
        }

    def _alloc(self, alloc: Alloc) -> None:
        frames = self._frames_of(alloc)
        before = self.allocator.reserved_bytes
        block = self.allocator.malloc(alloc.bytes)
        if self.allocator.reserved_bytes != before:
            self._note_segments(frames)
        self._blocks[alloc.block] = (block, alloc, frames)
        self._note("alloc", block.address, alloc.bytes, frames, alloc.category)

    def _free(self, free: Free) -> None:
        block, alloc, frames = self._blocks.pop(free.block)
        for action in ("free_requested", "free_completed"):
            self._note(action, block.address, alloc.bytes, frames, alloc.category)
        self.allocator.free(block)

    def _note_segments(self, frames: list[dict[str, Any]]) -> None:
        """What was allocated from the driver, or released to it, since the last note."""
        mapped, unmapped = "segment_alloc", "segment_free"
        if self.config.expandable_segments:
            mapped, unmapped = "segment_map", "segment_unmap"
        now = {segment.address: segment for segment in self.allocator.segments()}
        for address in sorted({*now, *self._segments}):
            size = now[address].size if address in now else 0
            before = self._segments[address].size if address in self._segments else 0
            if size > before:
                self._note(mapped, address + before, size - before, frames, "")
            elif size < before:
                self._note(unmapped, address + size, before - size, frames, "")
        self._segments = now

    def _note(
        self, action: str, address: int, size: int, frames: list[dict[str, Any]], category: str
    ) -> None:
        self.entries.append(
            {
                "action": action,
                "addr": address,
                "size": size,
                "stream": 0,
                "time_us": len(self.entries),
                "frames": frames,
                "pool_id": (0, 0),
                "compile_context": "N/A",
                "user_metadata": f"{self.phase} {self.step} {category}".strip(),
            }
        )

    def _frames_of(self, alloc: Alloc) -> list[dict[str, Any]]:
        """Innermost first, as torch has them: operator, layer, phase."""
        key = (alloc.layer, alloc.operator, self.phase, alloc.category)
        found = self._frames.get(key)
        if found is None:
            layer = layer_name(self.layers, alloc.layer, self.phase)
            names = (alloc.operator or alloc.category, layer, self.phase)
            kinds = ("operator", "layer", "phase")
            found = self._frames[key] = [
                {"filename": kind, "line": 0, "name": name}
                for kind, name in zip(kinds, names, strict=True)
            ]
        return found

    def _held(self) -> list[dict[str, Any]]:
        used = {block.address: frames for block, _, frames in self._blocks.values()}
        held = []
        for segment in self.allocator.segments():
            blocks = []
            for block in segment.blocks:
                frames = used.get(block.address, [])
                blocks.append(
                    {
                        "address": block.address,
                        "size": block.size,
                        "requested_size": block.requested,
                        "state": block.state,
                        "frames": frames,
                    }
                )
            active = sum(b.size for b in segment.blocks if b.state == "active_allocated")
            held.append(
                {
                    "device": 0,
                    "address": segment.address,
                    "total_size": segment.size,
                    "allocated_size": active,
                    "active_size": active,
                    "requested_size": sum(b.requested for b in segment.blocks),
                    "stream": segment.stream,
                    "segment_type": segment.pool,
                    "segment_pool_id": (0, 0),
                    "is_expandable": self.config.expandable_segments,
                    "frames": [],
                    "blocks": blocks,
                }
            )
        return held


def _settings(config: AllocatorConfig) -> dict[str, Any]:
    """What `torch._C._cuda_memorySnapshot` says of the allocator's settings."""
    return {
        "expandable_segments": config.expandable_segments,
        "max_split_size": -1 if config.max_split_size is None else config.max_split_size,
        "garbage_collection_threshold": config.garbage_collection_threshold,
        "roundup_power2_divisions": {
            str(1 << power): divisions
            for power, divisions in enumerate(config.roundup_power2_divisions)
        },
    }
