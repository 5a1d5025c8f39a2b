"""What is observed of a script from inside its own process, without a change to it.

`script.py` is that process. It imports no torch: when the script does, the allocator's own history
is started, and `hooks.py` wraps three places of torch, so that `phases.py` knows the step, phase
and layer that run, and `tensors.py` which addresses are parameters, gradients and so on. However
the script ends (`end.py`), `observer.py` writes what was observed to one file, which
`_emulator/analysis.py` reads in the process that started this one.
"""
