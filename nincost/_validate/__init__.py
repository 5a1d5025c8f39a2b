"""`validate`: a suite of steps, predicted and measured on this machine's GPU.

`suite.py` has the steps, `validate.py` runs them, `results.py` is what it gives. A change of a rule
can be judged without a GPU, too: the measurements of an earlier report stand in for one.
"""
