"""The memory of a training step: recorded on the meta device, told as allocations and frees."""
