"""What operators allocate on CUDA, besides their outputs: a file a family.

Sources are named by file of the PyTorch repository, release 2.14 (cuDNN 9.24, CCCL 13.0). No GPU
has confirmed them yet: `nincost validate` will. A rule is `derived` where the source alone gives
the bytes, `modelled` where a closed library decides.
"""

from nincost._devices.cuda import (
    attention,
    embedding,
    in_place,
    lists,
    losses,
    matmul,
    movement,
    norms,
    pools,
    reductions,
    rnn,
    sorting,
)
from nincost._devices.cuda import (
    conv as convolution,
)

__all__ = [
    "attention",
    "convolution",
    "embedding",
    "in_place",
    "lists",
    "losses",
    "matmul",
    "movement",
    "norms",
    "pools",
    "reductions",
    "rnn",
    "sorting",
]
