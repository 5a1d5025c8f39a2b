"""Grades what is no amount of work: memory, output shapes, receptive fields.

`results.py` is what comes back. `memory.py` grades memory by the formulas of textbooks and courses
(`memory_formulas.py`), and puts beside it what `nincost memory` predicts; `claims.py` answers what
one layer is said to take; `shapes.py` and `fields.py` grade output sizes and receptive fields.
"""
