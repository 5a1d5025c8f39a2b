"""A described step, on one rank or many, that PyTorch itself runs on the emulated GPU.

`step_script.py` is the program that `nincost run` would be given: it makes the model of a job,
spreads it over the ranks (`spread.py`, `pipeline.py`) and runs the steps by the driver that all
engines share. `warm.py` keeps a process with all imported, and forks it for each question.
"""
