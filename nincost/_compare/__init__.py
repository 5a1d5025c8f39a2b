"""Networks side by side: `nincost.compare`.

`compare.py` profiles each network and predicts its training step, `alignment.py` finds which
layers of two networks belong together, and `results.py` has the result: totals with their ratios,
and the pairs of layers with their differences.
"""
