"""Values beside shapes: what small tensors hold while a model runs on the meta device.

A meta tensor has no data. Where what it would hold follows from constants, shapes and given inputs,
`follow.py` keeps how to compute it, by storage, and nothing is computed until something looks
(`contents.py`). `answers.py` has the operators that look: `item()`, `nonzero`, a mask as an index.
What depends on weights or activations is assumed, by `assumed_outputs.py`, and each assumption that
something looked at is named in the result (`assumptions.py`).
"""
