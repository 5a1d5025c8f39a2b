"""Measures real steps on a GPU, in a fresh process.

`measure.py` starts the process and reads its answer (`results.py`), `measured_run.py` is that
process, `device_meter.py` what it queries its device through, and `measured_parts.py` says by
address what each block was.
"""
