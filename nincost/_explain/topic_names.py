"""The names of the topics that `explain` answers; no torch is imported for them."""

from __future__ import annotations

TOPICS = ("1x1", "fully-connected", "padding", "rounding", "summed-loss", "jumping-loss")
