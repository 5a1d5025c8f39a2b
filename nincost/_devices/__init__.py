"""What operators do on a device: their layouts, what replaces them, and what they allocate.

`meta/`, `cuda/` and `cpu/` have one file a family of operators, each with the declarations
(`declare.py`) of that family there; `tables.py` gathers a device's into one immutable table, and
says which declaration goes first. `rules.py` is the language that allocations are written in,
`libraries/` what cuDNN, cuBLAS and CUB are queried for, `cards.py` the cards, `settings.py` torch's
settings, and `target.py` both together.
"""
