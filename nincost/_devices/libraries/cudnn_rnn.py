"""Memory of cuDNN's recurrent layers: a model of ours, as cuDNN says sizes only where a card is.

An H100's answers (cuDNN 9.19, benchmarks/data/h100/libraries.jsonl.gz) were fitted: the reserve is
what it said in 1,749 of 1,824 cases, in the others at most 40 bytes less. The workspace is rough:
of the half of the cases that it was not fitted to the median error is 31%.
"""

from __future__ import annotations

from dataclasses import dataclass

#: cuDNN's numbers of the modes (`cudnnRNNMode_t`).
RELU, TANH, LSTM, GRU = range(4)

#: Gates of an element of the hidden state, by mode.
_GATES = (1, 1, 4, 3)

#: Values that a layer's reserve keeps of each element of the hidden state, by mode; between layers
#: there is the hidden state, too.
_RESERVED = (1, 1, 5, 6)
_RESERVED_ALWAYS = 256

#: The workspace's model: bytes that are always there, and multiples of the gates of the sequence in
#: one layer, of the weights, and of the input in a forward pass for evaluation and in training.
_WORKSPACE_ALWAYS = 12 * 2**20
_OF_GATES, _OF_WEIGHTS, _OF_INPUT = 1.5, 1.6, (0.7, 2.0)


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A recurrent network of one operator.

    Attributes:
        mode: the cell.
        positions: of the sequences: length times batch, or of packed ones the sum of lengths.
        width: elements of the input.
        hidden: elements of the hidden state.
        layers, directions: how many.
        itemsize: bytes of an element.
        training: whether a backward may follow.
    """

    mode: int
    positions: int
    width: int
    hidden: int
    layers: int
    directions: int
    itemsize: int
    training: bool

    def workspace_bytes(self) -> int:
        """MODELLED: scratch memory of a pass."""
        cells, gates = self.hidden * self.directions, _GATES[self.mode]
        inputs = self.width + (self.layers - 1) * cells + self.layers * self.hidden
        return _WORKSPACE_ALWAYS + int(self.itemsize * (
            _OF_GATES * self.positions * gates * cells
            + _OF_WEIGHTS * gates * cells * inputs
            + _OF_INPUT[self.training] * self.positions * self.width
        ))  # fmt: skip

    def reserve_bytes(self) -> int:
        """MODELLED: what training keeps for backward."""
        values = _RESERVED[self.mode] * self.layers + self.layers - 1
        state = self.positions * self.hidden * self.directions
        return state * values * self.itemsize + _RESERVED_ALWAYS


def dropout_state_bytes(multiprocessors: int) -> int:
    """MODELLED: the generators of cuDNN's dropout, kept for good: 48 bytes for each thread."""
    return multiprocessors * 1024 * 48
