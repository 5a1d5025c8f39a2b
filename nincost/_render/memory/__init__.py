"""The memory of a step: its peak by category and by layer, over time, and how to reduce it."""
