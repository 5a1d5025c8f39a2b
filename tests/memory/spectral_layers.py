"""Fourier transforms on each path that ATen's CUDA code has for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Layers(nn.Module):
    """One dimension to four, real and complex, turned, cut and expanded inputs, long lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Conv2d(3, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, fft = self.lift(x), torch.fft
        found = fft.irfft2(fft.rfft2(x), s=x.shape[2:]).sum()
        found = found + fft.irfft2(fft.rfft2(x, dim=(0, 1)), s=x.shape[:2], dim=(0, 1)).sum()
        found = found + fft.irfftn(fft.rfftn(x), s=x.shape).sum()
        found = found + fft.irfftn(fft.fftn(x, dim=(3, 1, 2)), dim=(2, 3, 0)).abs().sum()
        found = found + fft.ifft(fft.fft(x, dim=1), dim=2).angle().sum()
        found = found + fft.rfft(x.permute(0, 2, 3, 1), dim=2).abs().sum()
        found = found + fft.fft(x[:, :, ::3].to(torch.complex64)).abs().sum()
        found = found + fft.rfft(x[:, :1].expand(-1, 16, -1, -1)).abs().sum()
        found = found + fft.irfft(fft.rfft(x.flatten(1)[:, :1001]), n=1001).sum()
        return found + fft.fft(x.flatten(1)).abs().sum() + fft.hfft(fft.ihfft(x)).sum()
