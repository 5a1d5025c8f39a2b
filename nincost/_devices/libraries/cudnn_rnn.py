"""Memory of cuDNN's recurrent layers: a model of ours, as cuDNN does not document its sizes."""

from __future__ import annotations

#: cuDNN's numbers of the modes (`cudnnRNNMode_t`).
RELU, TANH, LSTM, GRU = range(4)

#: Gates of an element of the hidden state, by mode.
_GATES = (1, 1, 4, 3)

#: Values that the reserve keeps of each element of the hidden state, by mode: gates and states.
_RESERVED = (2, 2, 6, 5)


def workspace_bytes(mode: int, positions: int, hidden: int, itemsize: int) -> int:
    """MODELLED: scratch memory: the gates of one layer and direction over the whole sequence.

    Args:
        positions: length times batch of the sequence.
        hidden: elements of the hidden state.
        itemsize: bytes of an element.
    """
    return positions * _GATES[mode] * hidden * itemsize


def reserve_bytes(mode: int, positions: int, hidden: int, cells: int, itemsize: int) -> int:
    """MODELLED: what training keeps for backward; `cells`: layers times directions."""
    return positions * cells * hidden * _RESERVED[mode] * itemsize


def dropout_state_bytes(multiprocessors: int) -> int:
    """MODELLED: the generators of cuDNN's dropout, kept for good: 48 bytes for each thread."""
    return multiprocessors * 1024 * 48
