"""`nincost explain`: the working of every number of a network, in English or Chinese.

`explain.py` goes through the layers and puts each number beside its formula; the formulas are those
of `_closed_form`. `output_size.py` works out an output's height or width and which padding would
read all of the input, `receptive_field.py` which pixels of the input an output pixel depends on.
Every sentence stands in `phrases.py`, in both languages side by side; `results.py` is what comes
back.
"""
