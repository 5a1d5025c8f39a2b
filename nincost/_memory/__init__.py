"""The memory of a training step, before there is a GPU.

`record.py` runs the step under `storage_tracker.py`, which notes each operator and each storage's
end; `device_allocations.py` turns that into allocations and frees by a device's rules; `replay.py`
runs these through the allocator's model until another step changes nothing. `predict.py` makes of
it a `Memory` (`results.py`), and `memory.py` sets a measurement beside it; `fit.py` finds the
largest batch, `suggest.py` what would take less and `remedies.py` what makes a step fit, by the
changes of `changes.py`; `snapshot.py` writes a file for torch's own viewer.
"""
