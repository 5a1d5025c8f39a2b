"""What torch.compile does to a step's time: chains move what outlives them, and nothing else."""

import torch

import nincost
from nincost._memory.record import record
from nincost._step.request import make_request
from nincost._time.compiled import compiled_operators_of


class Chain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.out = torch.nn.Linear(1000, 10)

    def forward(self, x):
        return self.out((x.sigmoid() * 2 + x).tanh())


def test_a_chain_reads_its_input_and_writes_its_result_once():
    request = make_request(Chain(), "a100", 64, input=["1000"], inference=True)
    found = compiled_operators_of(record(request.step, request.target()), request.target())
    chain, product = (found.works[one.works[0]] for one in found.launched)
    assert [one.name for one in found.launched] == ["inductor.fused", "aten.addmm"]
    assert chain.moved == 2 * 64 * 1000 * 4
    assert product.flops == 2 * 64 * 1000 * 10


def test_a_compiled_step_computes_as_much_and_moves_and_launches_less():
    plain, compiled = (
        nincost.time("torchvision:resnet18", batch_size=16, gpu="rtx4090", compile=option)
        for option in (False, True)
    )
    assert compiled.totals.flops == plain.totals.flops
    assert compiled.totals.moved_bytes < 0.9 * plain.totals.moved_bytes
    assert compiled.totals.kernels < plain.totals.kernels
    assert compiled.totals.host_seconds < 0.5 * plain.totals.host_seconds
    assert compiled.totals.step_seconds < plain.totals.step_seconds
    assert any("modelled roughly" in note for note in compiled.notes)
