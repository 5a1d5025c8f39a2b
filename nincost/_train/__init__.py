"""Training on Fashion-MNIST, reproducibly, measured beside what nincost predicts.

`train.py` is `nincost.train`: it checks the arguments (`settings.py`), finds and reads the data
(`data.py`, `idx.py`), builds the network (`build.py`) and runs the loop (`loop.py`), which sums up
an epoch's loss and accuracy (`metrics.py`), notices when a network is not learning
(`convergence.py`), stops between two steps when asked (`interrupt.py`), and calls whoever shows
the progress (`callbacks.py`). `seeds.py` derives all random numbers from the seed and the step, so
that a checkpoint (`checkpoint.py`, in the files of `folder.py`) resumes to the same bits, and
`distributed.py` shards batches over the processes that torchrun started. `predicted.py` compares
speed and memory with predictions; the result is a `Training` (`results.py`).

`compare_runs.py` is `nincost.train_table`: a list of trainings (`run_list.py`, `published.toml`),
each with several seeds, beside published figures.
"""
