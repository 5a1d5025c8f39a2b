"""The work of a kernel, and the families that kernels of like efficiency belong to."""

from __future__ import annotations

from typing import Literal, NamedTuple

Family = Literal[
    "matmul",
    "batched-matmul",
    "conv-forward",
    "conv-data",
    "conv-filter",
    "depthwise-forward",
    "depthwise-data",
    "depthwise-filter",
    "attention",
    "attention-backward",
    "recurrent",
    "elementwise",
    "copy",
    "transpose",
    "layout",
    "reduction",
    "softmax",
    "batch-norm",
    "batch-norm-backward",
    "native-batch-norm",
    "native-batch-norm-backward",
    "norm",
    "norm-backward",
    "pooling",
    "pooling-backward",
    "indexing",
    "optimizer",
]

FAMILIES: tuple[Family, ...] = Family.__args__  # type: ignore[attr-defined]

#: Families whose kernels are matrix products, cut into tiles.
PRODUCTS: tuple[Family, ...] = FAMILIES[: FAMILIES.index("depthwise-forward")]
#: Families that contract without being cut into tiles of a matrix product.
OTHER_CONTRACTIONS: tuple[Family, ...] = FAMILIES[
    FAMILIES.index("depthwise-forward") : FAMILIES.index("elementwise")
]

DEPTHWISE: frozenset[Family] = frozenset(
    {"depthwise-forward", "depthwise-data", "depthwise-filter"}
)

#: What kernels do that wait for their instructions, not for memory or arithmetic units; what they
#: are counted in stands beside each. `Parameters.instructions` has what one costs.
Instructions = Literal[
    "",
    "strided",  # elements that need an address of their own, or another type
    "reduction",  # elements read
    "pooling",  # outputs, by taps
    "pooling-backward",  # elements of the input
    "adaptive",  # threads: 256 a plane
    "rows",  # threads: 128 a row that is normalized
    "roll",  # elements
    "scores",  # attention's, in whole tiles
    "dropped-scores",  # those with dropout
    "depthwise-forward",  # outputs, by taps
    "depthwise-data",  # elements of the input
    "depthwise-filter",  # positions of each channel and tap, in warps
]

INSTRUCTIONS: tuple[Instructions, ...] = Instructions.__args__  # type: ignore[attr-defined]

#: What a kernel, or a whole step, waits for.
Bound = Literal["compute", "memory", "host", "communication"]

Precision = Literal["float64", "float32", "tf32", "float16", "bfloat16"]


class Work(NamedTuple):
    """What one kernel does, or several that always run together.

    Attributes:
        flops: of contractions, twice their multiply-accumulates; other arithmetic is free, since
            its kernels wait for memory.
        moved: bytes read and written, each once.
        product: (batch or groups, m, n, k) of a matrix product; zeros for other work.
        launches: how many kernels it is.
        winograd: the side of the image where Winograd's algorithm may take its convolution (3 x 3,
            stride 1), else 0.
        blocks: thread blocks, where they are so few that they limit the bandwidth; else 0.
        instructions, units: what the kernel issues, and how many of that; none where it hardly
            counts.
        guessed: whether the family was only guessed, from an operator without a rule of its own.
    """

    family: Family
    precision: Precision
    flops: int
    moved: int
    product: tuple[int, int, int, int] = (0, 0, 0, 0)
    launches: int = 1
    winograd: int = 0
    blocks: int = 0
    guessed: bool = False
    instructions: Instructions = ""
    units: int = 0
