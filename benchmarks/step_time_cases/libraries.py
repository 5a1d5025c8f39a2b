"""Which tiles cuBLAS of NeuSight's day (11.x) had for float32, by the names of the kernels it ran.

Each measured product's row names its kernel (`maxwell_sgemm_128x64_nn`), and so does each
convolution by Winograd's algorithm, whose products cuBLAS makes. A batched product ran one kernel
alone on Pascal and on an A100, whatever its size. Newer libraries have more: on an H100
(`data/h100/step_kernels.csv.gz`) batched products run in tiles of 32 x 32 to 256 x 64. So this is
of the measured rows, and not of nincost. Names are no times: a card left out of a fit keeps them.
"""

from __future__ import annotations

from dataclasses import replace

from nincost._time.parameters import Parameters, Tiles
from step_time_cases.search import Values

_SMALL: Tiles = ((64, 64), (32, 128), (128, 32))
#: A name has the columns first, by how the times step with rows and columns.
_PASCAL: Tiles = ((64, 128),)
_T4: Tiles = ((64, 128), (64, 64), (32, 128), (128, 32))
_T4_WINOGRAD: Tiles = (*_T4, (128, 64))
_A100: Tiles = ((128, 128),)

#: By kind of product and compute capability; what is not here had all of nincost's.
TILES: dict[tuple[str, tuple[int, int]], Tiles] = {
    ("matmul", (6, 0)): _SMALL, ("matmul", (6, 1)): _SMALL,
    ("batched-matmul", (6, 0)): _PASCAL, ("batched-matmul", (6, 1)): _PASCAL,
    ("batched-matmul", (7, 0)): _SMALL, ("batched-matmul", (7, 5)): _T4,
    ("batched-matmul", (8, 0)): _A100,
    ("winograd", (6, 0)): _SMALL, ("winograd", (6, 1)): _SMALL,
    ("winograd", (7, 0)): _SMALL, ("winograd", (7, 5)): _T4_WINOGRAD, ("winograd", (8, 0)): _A100,
}  # fmt: skip


def of_then(values: Values) -> Parameters:
    """Parameters with the tiles of that day's libraries."""
    return replace(Parameters.from_dict(values), tiles=TILES)
