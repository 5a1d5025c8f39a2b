"""What a training step is, and how it is driven.

`step_options.py` declares it: an option is a field of `Step`, from which `option_fields.py` makes
signatures and the command line's options; `request.py` puts a card and settings beside it.
`run_steps.py` has the one loop, which recordings and measurements share: it calls a `StepObserver`
as things happen, and torch through `library_calls.py`. `convert.py`, `loss.py`, `optimizer.py`,
`activation_checkpointing.py` and `autocast.py` do what the options say.
"""
