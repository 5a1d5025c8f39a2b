"""Times operators over a range of sizes, each by itself: OUTPUT/kernels.csv.

A row is an operator on arguments of given shapes: the median of some launches after warm-up, by
events, with the queue kept full (so a launch's cost is the card's, not the host's), and the host's
own time for a call. The arguments are the same each time: what fits into the card's second-level
cache is read from there.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

#: Of attention: batch, heads, length, width of a head.
SHAPES = ((8, 12, 1024, 64), (32, 12, 512, 64), (1, 32, 4096, 128))

Case = tuple[str, str, str, Callable[[], Any]]

SIDES = (128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
SIZES = tuple(2**power for power in range(10, 29, 2))


def types() -> Iterator[tuple[str, torch.dtype]]:
    """The types of matrix products, with TF32 as one of its own."""
    for name, dtype in (
        ("float32", torch.float32), ("tf32", torch.float32),
        ("bfloat16", torch.bfloat16), ("float16", torch.float16),
    ):  # fmt: skip
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
        yield name, dtype


def draw(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, device="cuda", dtype=dtype)


def products() -> Iterator[Case]:
    for name, dtype in types():
        for side in SIDES:
            a, b = draw(side, side, dtype=dtype), draw(side, side, dtype=dtype)
            yield "mm", f"{side}x{side}x{side}", name, lambda a=a, b=b: a @ b
        for m, k, n in ((64, 4096, 4096), (512, 1024, 4096), (4096, 768, 3072), (16384, 768, 768),
                        (8192, 1024, 50257), (128, 25088, 4096), (2048, 64, 2048)):  # fmt: skip
            a, b = draw(m, k, dtype=dtype), draw(k, n, dtype=dtype)
            yield "mm", f"{m}x{k}x{n}", name, lambda a=a, b=b: a @ b
        for batch, m, k, n in ((96, 512, 64, 512), (384, 197, 64, 197), (768, 49, 32, 49)):
            a, b = draw(batch, m, k, dtype=dtype), draw(batch, k, n, dtype=dtype)
            yield "bmm", f"{batch}x{m}x{k}x{n}", name, lambda a=a, b=b: torch.bmm(a, b)


def convolutions() -> Iterator[Case]:
    shapes = (
        (64, 3, 64, 224, 7, 2, 1), (64, 64, 64, 56, 3, 1, 1), (64, 64, 256, 56, 1, 1, 1),
        (64, 128, 128, 28, 3, 1, 1), (64, 256, 256, 14, 3, 1, 1), (64, 512, 512, 7, 3, 1, 1),
        (128, 96, 96, 54, 1, 1, 1), (128, 1, 96, 224, 11, 4, 1), (64, 96, 96, 56, 3, 1, 96),
        (64, 384, 384, 14, 5, 1, 384), (8, 64, 64, 56, 3, 1, 1),
    )  # fmt: skip
    for name, dtype in types():
        for batch, into, out, side, kernel, stride, groups in shapes:
            x = draw(batch, into, side, side, dtype=dtype)
            w = draw(out, into // groups, kernel, kernel, dtype=dtype)
            pad = [kernel // 2] * 2
            y = functional.conv2d(x, w, None, stride, pad, 1, groups)
            gradient = torch.ones_like(y)
            words = f"{batch}x{into}x{side}x{side} w{out} k{kernel} s{stride} g{groups}"

            def backward(mask: list[bool], x=x, w=w, g=gradient, s=stride, p=pad, n=groups) -> Any:
                return torch.ops.aten.convolution_backward(
                    g, x, w, None, [s, s], p, [1, 1], False, [0, 0], n, mask
                )

            yield (
                "conv forward",
                words,
                name,
                lambda x=x, w=w, s=stride, p=pad, n=groups: functional.conv2d(
                    x, w, None, s, p, 1, n
                ),
            )
            yield "conv data gradient", words, name, lambda f=backward: f([True, False, False])
            yield "conv filter gradient", words, name, lambda f=backward: f([False, True, False])


def others() -> Iterator[Case]:
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        for size in SIZES:
            x, y = draw(size, dtype=dtype), draw(size, dtype=dtype)
            yield "add", str(size), name, lambda x=x, y=y: x + y
            yield "relu", str(size), name, lambda x=x: x.relu()
            yield "gelu", str(size), name, lambda x=x: functional.gelu(x)
            yield "copy", str(size), name, lambda x=x, y=y: x.copy_(y)
            yield "sum", str(size), name, lambda x=x: x.sum()
        for rows, width in ((512, 768), (8192, 768), (8192, 4096), (65536, 512), (32, 50257)):
            x = draw(rows, width, dtype=dtype)
            w = draw(width, dtype=dtype)
            words = f"{rows}x{width}"
            yield "softmax", words, name, lambda x=x: x.softmax(-1)
            yield (
                "layer_norm",
                words,
                name,
                (lambda x=x, w=w, n=width: functional.layer_norm(x, (n,), w, w)),
            )
        for batch, heads, length, width in (
            (8, 12, 1024, 64),
            (32, 12, 512, 64),
            (1, 32, 4096, 128),
        ):
            q = draw(batch, heads, length, width, dtype=dtype)
            yield (
                "attention",
                f"{batch}x{heads}x{length}x{width}",
                name,
                (lambda q=q: functional.scaled_dot_product_attention(q, q, q)),
            )


def timed(call: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Seconds of a launch on the card, and of the host's call."""
    for _ in range(3):
        call()
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    # Something long stands first in the queue, so that what follows is launched before it ends.
    torch.cuda._sleep(2_000_000)
    begin.record()
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    host = (time.perf_counter() - began) / repeats
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1000 / repeats, host


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    ends = time.monotonic() + float(os.environ.get("NINCOST_ON_GPU_SECONDS", "3600"))
    with (given.output / "kernels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["op", "size", "type", "seconds", "host_seconds"])
        for cases in (products, others, convolutions):
            for number, (op, size, name, call) in enumerate(cases()):
                if time.monotonic() > ends or (given.rehearse and number == 3):
                    break
                rows.writerow([op, size, name, *timed(call, 20)])
                file.flush()


if __name__ == "__main__":
    main()
