"""Compiled code: `default`, `autotune` or `graphs` of torch.compile, or a `triton` kernel."""

import sys

import torch
from torch import nn

kind = sys.argv[1]
model = nn.Sequential(nn.Linear(256, 512), nn.GELU(), nn.LayerNorm(512), nn.Linear(512, 8)).cuda()
optimizer = torch.optim.SGD(model.parameters())
if kind == "triton":
    import triton
    import triton.language as tl

    @triton.autotune(configs=[triton.Config({"B": b}) for b in (128, 256)], key=["n"])
    @triton.jit
    def double(x, y, n, B: tl.constexpr):
        i = tl.program_id(0) * B + tl.arange(0, B)
        tl.store(y + i, tl.load(x + i, mask=i < n) * 2, mask=i < n)

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            y = torch.empty_like(x)
            double[lambda meta: (triton.cdiv(x.numel(), meta["B"]),)](x, y, x.numel())
            return y

        @staticmethod
        def backward(context, gradient):
            return Double.apply(gradient)

    def apply(x):
        return Double.apply(model(x))

else:
    modes = {"default": None, "autotune": "max-autotune-no-cudagraphs", "graphs": "reduce-overhead"}
    apply = torch.compile(model, mode=modes[kind])
for _ in range(4):
    loss = apply(torch.randn(1024, 256, device="cuda")).square().sum()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print("peaks", torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved(), flush=True)
