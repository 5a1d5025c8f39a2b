"""Sizes that NVIDIA's libraries only say where a card is: OUTPUT/libraries.jsonl.gz, one a line.

Workspace and reserve of cuDNN's recurrent layers, of its batch norm over channels-last images, and
the work areas of cuFFT's plans, each over a range of sizes, asked as PyTorch asks for them.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import itertools
import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

FLOAT, HALF, BFLOAT16 = 0, 2, 9  # cudnnDataType_t
NHWC = 1
MOST = 2500  # of each kind


class LibraryError(Exception):
    pass


def pointer(library: ctypes.CDLL, make: str) -> ctypes.c_void_p:
    made = ctypes.c_void_p()
    check(getattr(library, make)(ctypes.byref(made)), make)
    return made


def check(status: int, what: str) -> None:
    if status:
        raise LibraryError(f"{what}: {status}")


def recurrent(cudnn: ctypes.CDLL, handle: ctypes.c_void_p) -> Iterator[dict[str, Any]]:
    """Cells, sizes, types, algorithms (0 standard, 1 static, 2 dynamic persistent), and passes."""
    dropout = pointer(cudnn, "cudnnCreateDropoutDescriptor")
    check(
        cudnn.cudnnSetDropoutDescriptor(
            dropout, handle, ctypes.c_float(0), None, ctypes.c_size_t(0), ctypes.c_ulonglong(0)
        ),
        "dropout",
    )
    cases = list(itertools.product(
        (1, 2, 3), (1, 7, 16, 20, 32, 64, 128, 256), (1, 10, 35, 64, 128, 200),
        (40, 64, 128, 300, 512), (64, 128, 200, 256, 512, 650, 1024), (1, 2, 3), (1, 2),
        ((FLOAT, 0, 0), (FLOAT, 3, 0), (HALF, 1, 0), (HALF, 1, 1), (BFLOAT16, 1, 0),
         (BFLOAT16, 1, 1)),
        (False, True), (0, 0, 0, 64),
    ))  # fmt: skip
    for (mode, batch, length, width, hidden, layers, directions, (kind, math, algorithm), packed,
         projected) in random.Random(0).sample(cases, MOST):  # fmt: skip
        if projected and (mode != 2 or projected >= hidden):
            continue
        rnn, data = (
            pointer(cudnn, "cudnnCreateRNNDescriptor"),
            pointer(cudnn, "cudnnCreateRNNDataDescriptor"),
        )
        row = {
            "kind": "recurrent", "mode": mode, "batch": batch, "length": length, "width": width,
            "hidden": hidden, "layers": layers, "directions": directions, "type": kind,
            "math": math, "algorithm": algorithm, "packed": packed, "projected": projected,
        }  # fmt: skip
        lengths = [max(1, length - i * length // (2 * batch)) if packed else length
                   for i in range(batch)]  # fmt: skip
        if packed:
            row["lengths"] = sum(lengths)
        try:
            check(cudnn.cudnnSetRNNDescriptor_v8(
                rnn, algorithm, mode, 2, directions - 1, 0, kind, FLOAT, math, width, hidden,
                projected or hidden, layers, dropout, 0 if packed else 1), "describe")  # fmt: skip
            fill = ctypes.c_float(0)
            check(cudnn.cudnnSetRNNDataDescriptor(
                data, kind, 1 if packed else 0, length, batch, width,
                (ctypes.c_int * batch)(*lengths), ctypes.byref(fill)), "data")  # fmt: skip
            for training in (0, 1):
                sizes = ctypes.c_size_t(), ctypes.c_size_t()
                check(
                    cudnn.cudnnGetRNNTempSpaceSizes(
                        handle, rnn, training, data, *map(ctypes.byref, sizes)
                    ),
                    "sizes",
                )
                row[("evaluation", "training")[training]] = [size.value for size in sizes]
        except LibraryError as error:
            row["error"] = str(error)
        yield row
        cudnn.cudnnDestroyRNNDescriptor(rnn)
        cudnn.cudnnDestroyRNNDataDescriptor(data)


def batch_norm(cudnn: ctypes.CDLL, handle: ctypes.c_void_p) -> Iterator[dict[str, Any]]:
    """Forward's workspace, backward's, and the reserve, in mode SPATIAL_PERSISTENT."""
    for kind, batch, channels, side in itertools.product(
        (FLOAT, HALF, BFLOAT16), (2, 8, 16, 64, 256), (3, 16, 32, 64, 96, 256, 512, 2048),
        (1, 7, 14, 28, 56, 112),
    ):  # fmt: skip
        x, one = (pointer(cudnn, "cudnnCreateTensorDescriptor") for _ in range(2))
        row: dict[str, Any] = {"kind": "batch_norm", "type": kind, "batch": batch,
                               "channels": channels, "side": side}  # fmt: skip
        try:
            check(cudnn.cudnnSetTensor4dDescriptor(x, NHWC, kind, batch, channels, side, side), "x")
            check(cudnn.cudnnDeriveBNTensorDescriptor(one, x, 2), "derive")
            sizes = [ctypes.c_size_t() for _ in range(3)]
            check(
                cudnn.cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(
                    handle, 2, 0, x, None, x, one, None, ctypes.byref(sizes[0])
                ),
                "forward",
            )
            check(
                cudnn.cudnnGetBatchNormalizationBackwardExWorkspaceSize(
                    handle, 2, 0, x, None, x, None, x, one, None, ctypes.byref(sizes[1])
                ),
                "backward",
            )
            check(
                cudnn.cudnnGetBatchNormalizationTrainingExReserveSpaceSize(
                    handle, 2, 0, None, x, ctypes.byref(sizes[2])
                ),
                "reserve",
            )
            row["bytes"] = [size.value for size in sizes]
        except LibraryError as error:
            row["error"] = str(error)
        yield row


def fourier(cufft: ctypes.CDLL) -> Iterator[dict[str, Any]]:
    """Work areas of plans of 1 to 3 dimensions: complex to complex, real to complex and back."""
    real, complex_ = 0, 4  # CUDA_R_32F, CUDA_C_32F
    lengths = sorted({
        *(2**n for n in range(1, 23)), *(3**n for n in range(1, 11)), *(5**n for n in range(1, 7)),
        *(7**n for n in range(1, 6)), 6, 10, 12, 11, 13, 17, 31, 37, 61, 64 * 3, 96, 97, 100, 101,
        127, 85, 121, 131, 143, 169, 187, 200, 224, 240, 251, 254, 257, 289, 336, 360, 384, 400,
        480, 500,
        509, 511, 513, 600, 640, 672, 700, 720, 768, 800, 900, 960, 1000, 1009, 1018, 1021, 1080,
        1155, 1200, 1280, 1536, 1600, 1920, 2000, 2018, 2160, 2310, 2400, 3000, 3072, 4000, 4093,
        4095, 4099, 5000, 6000, 6144, 8000, 8191, 9000, 10000, 10007, 12000, 12288, 16000, 16001,
        20000, 22050, 24000, 24576, 30030, 32000, 44100, 48000, 49152, 65521, 65537, 100000, 100003,
        131071, 250000, 500000, 1000000, 1048573,
    })  # fmt: skip
    shapes = [(n,) for n in lengths] + [
        (a, b) for a, b in itertools.combinations_with_replacement(
            (8, 16, 28, 32, 64, 85, 97, 100, 128, 224, 240, 256, 421, 512, 720, 1024, 2048), 2)
    ] + [(256, 64), (720, 1440), (1440, 720), (221, 51)] + [
        (n, n, n) for n in (8, 16, 20, 32, 48, 64, 100, 128)
    ] + [(16, 32, 64), (64, 64, 10), (50, 50, 40)]  # fmt: skip
    for shape, (name, given, made, between), batch in itertools.product(
        shapes,
        (("c2c", complex_, complex_, complex_), ("r2c", real, complex_, complex_),
         ("c2r", complex_, real, complex_)),
        (1, 3, 64),
    ):  # fmt: skip
        elements = batch
        for size in shape:
            elements *= size
        if elements > 2**27:
            continue
        plan = ctypes.c_int()
        row: dict[str, Any] = {"kind": "fourier", "shape": shape, "what": name, "batch": batch}
        try:
            check(cufft.cufftCreate(ctypes.byref(plan)), "create")
            check(cufft.cufftSetAutoAllocation(plan, 0), "automatic")
            size = ctypes.c_size_t()
            check(cufft.cufftXtMakePlanMany(
                plan, len(shape), (ctypes.c_longlong * len(shape))(*shape),
                None, ctypes.c_longlong(1), ctypes.c_longlong(1), given,
                None, ctypes.c_longlong(1), ctypes.c_longlong(1), made,
                ctypes.c_longlong(batch), ctypes.byref(size), between), "plan")  # fmt: skip
            row["bytes"] = size.value
            check(cufft.cufftDestroy(plan), "destroy")
        except LibraryError as error:
            row["error"] = str(error)
        yield row


def loaded(name: str) -> ctypes.CDLL:
    """A library that torch has loaded, by the beginning of its file's name."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split()[-1]
        if Path(path).name.startswith(name):
            return ctypes.CDLL(path)
    raise SystemExit(f"torch has not loaded {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    ends = time.monotonic() + float(os.environ.get("NINCOST_ON_GPU_SECONDS", "3600"))
    torch.nn.Conv2d(1, 1, 1).cuda()(torch.zeros(1, 1, 4, 4, device="cuda"))
    torch.fft.fft(torch.zeros(8, device="cuda"))
    cudnn, cufft = loaded("libcudnn.so"), loaded("libcufft.so")
    parts = [fourier(cufft)]
    try:
        handle = pointer(cudnn, "cudnnCreate")
        parts += [batch_norm(cudnn, handle), recurrent(cudnn, handle)]
    except LibraryError as error:  # the emulated card has none
        print("cuDNN itself cannot be asked here:", error)
    with gzip.open(given.output / "libraries.jsonl.gz", "wt") as file:
        for rows in parts:
            for row in itertools.islice(rows, 3 if given.rehearse else None):
                if time.monotonic() > ends:
                    return
                file.write(json.dumps(row) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
