"""Layers' names that a spreadsheet, Markdown, HTML or LaTeX would take for more than text."""

from __future__ import annotations

import torch
from torch import nn

HOSTILE = ["=1+1", "+cmd", "-x", "@SUM(A1)", "a|b", "<script>", "`tick`", "a,b", 'q"q', "[x](y)",
           "multi\nline", "*bold*", "a&b", "\tTab", "中文", "🙂"]  # fmt: skip


def named(*names: str) -> nn.Module:
    """A model whose layers have these names."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in names:
                self.add_module(name, nn.Linear(2, 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for child in self.children():
                x = child(x)
            return x

    return Net()
