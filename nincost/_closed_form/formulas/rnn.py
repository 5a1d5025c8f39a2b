"""Hand formulas of recurrent layers."""

from __future__ import annotations

from typing import Any

from torch import nn

from nincost._closed_form.registry import Shapes, Working, by_hand
from nincost._closed_form.terms import Term, term


@by_hand(nn.LSTM, nn.GRU, nn.RNN)
def recurrent(module: Any, shapes: Shapes) -> Working:
    """For each layer and direction, g gates of H rows meet the input and the last output.

    Input (T, N, I), or (N, T, I) with `batch_first`, or (T, I); output of the same form, P wide for
    each direction. P is H, or `proj_size` (LSTM), which is one product more. LSTM has 4 gates,
    GRU 3, RNN 1 (the documentation of torch.nn.LSTM, "Variables").
    """
    shape = shapes[0]
    batched = len(shape) == 3
    steps_axis = 1 if batched and module.batch_first else 0
    steps = shape[steps_axis]
    batch = shape[1 - steps_axis] if batched else 1
    gates = {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
    hidden, projected = module.hidden_size, module.proj_size or module.hidden_size
    directions = 2 if module.bidirectional else 1
    params: list[Term] = []
    macs: list[Term] = []
    for layer in range(module.num_layers):
        width = module.input_size if layer == 0 else projected * directions
        places = {"dirs": directions, "g": gates, "H": hidden}
        params += [
            term(f"layer {layer} input weights", **places, I=width),
            term(f"layer {layer} hidden weights", **places, P=projected),
        ]
        if module.bias:
            params.append(term(f"layer {layer} biases", two=2, **places))
        macs += [
            term(f"layer {layer} input", N=batch, T=steps, **places, I=width),
            term(f"layer {layer} hidden", N=batch, T=steps, **places, P=projected),
        ]
        if module.proj_size:
            params.append(term(f"layer {layer} projection", dirs=directions, P=projected, H=hidden))
            macs.append(
                term(
                    f"layer {layer} projection",
                    N=batch, T=steps, dirs=directions, P=projected, H=hidden,
                )
            )  # fmt: skip
    return Working(tuple(params), tuple(macs), (*shape[:-1], projected * directions))


@by_hand(nn.LSTMCell, nn.GRUCell, nn.RNNCell)
def recurrent_cell(module: Any, shapes: Shapes) -> Working:
    """One step of one layer: g*H rows meet the input and the last output, (N, I) and (N, H)."""
    gates = module.weight_ih.shape[0] // module.hidden_size
    lead = shapes[0][:-1]
    batch = lead[0] if lead else 1
    inside = {"g": gates, "H": module.hidden_size, "I": module.input_size}
    again = {"g": gates, "H": module.hidden_size, "H_in": module.hidden_size}
    params = [term("input weights", **inside), term("hidden weights", **again)]
    if module.bias:
        params.append(term("biases", two=2, g=gates, H=module.hidden_size))
    macs = (term("input", N=batch, **inside), term("hidden", N=batch, **again))
    return Working(tuple(params), macs, (*lead, module.hidden_size))
