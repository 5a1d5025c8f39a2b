"""The private names of torch that nincost relies on: each once, checked when it is first used.

torch promises nothing of a name with an underscore. Where a version lacks one, or it does something
else, `TorchVersionError` says which and what for, and everything that does not use it goes on
working. A test keeps private names of torch out of all other packages. What is called for each
operator of a run is torch's own object here, without a wrapper.

`names.py` has the check; `operators.py` dispatch modes, schemas and kernels; `autograd.py` the
functions of backward and tensors' memory; `modules.py` how modules are called; `updates.py`
optimizers and gradient scalers without torch's compiler; `process.py` settings; `allocator.py`
CUDA's history; `distributed.py` stores and process groups; `trees.py` nested values.
"""
