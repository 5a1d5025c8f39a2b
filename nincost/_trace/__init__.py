"""One run of a model under a dispatch mode, and what it leaves: a `Trace`, or a `Recording`.

`session.py` runs a model for every caller: on a private copy, on the meta device, or on the CPU
where it needs values (`fallback.py` knows the errors that say so), and turns what is raised into an
error that names layer and line (`failure.py`). `recorder.py` sees each operator and
`module_tracker.py` each module's call; `trace.py` makes of them the `Trace` of a forward pass.
`records.py` and `recording.py` are the plain data that other packages read.
"""
