"""Measures real steps on a GPU, in a fresh process.

`measure.py` starts the process and reads its answer (`results.py`); `measured_run.py` is that
process: the steps of `_step.run_steps` with a `StepMeter` as their observer, which queries its
device through `device_meter.py`. `measured_parts.py` says by address what each block was.
"""
