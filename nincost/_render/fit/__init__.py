"""The largest batch that fits a GPU: the memory at it, and at one more."""
