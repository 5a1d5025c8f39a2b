"""What a layer costs by hand: closed-form formulas of module types, and `nincost check`.

`formulas/` has the formulas, one file a family, each registered with `registry.by_hand`. A formula
takes the hyper-parameters and the input's shape and returns a `Working`: sums of products
(`terms.py`), whose output sizes come from `window.py`. It never looks at a trace, so that
formulas and trace check each other: `check.py` compares them layer by layer, and both with fvcore
and FlopCounterMode (`other_tools.py`); `check_results.py` is what it returns.

For the packages above, `worked_modules.py` finds the modules of a trace that have a formula,
`cost_terms.py` gives each layer of a model with its costs term by term, and `terms_text.py` writes
terms as a person would: with symbols, or with the numbers put in.
"""
