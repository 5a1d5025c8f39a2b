"""The memory of a training step."""
