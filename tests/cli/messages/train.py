"""`nincost train`, and what only Python can get wrong of it."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from support.messages import Case, PythonCase
from support.tiny_net import Tiny
from support.trainings import MADE_UP, TINY, small
from torch import nn

import nincost
from nincost._train import checkpoint
from nincost._train.callbacks import Callbacks
from nincost._train.distributed import join_ranks, pick_device
from nincost._train.folder import RunFolder
from nincost.errors import OutputError

TRAIN = f"train {TINY} --data synthetic --resize 28 --limit 64 --test-limit 32 --folder {{tmp}}/run"
IMAGES, LABELS = MADE_UP.train_images, MADE_UP.train_labels


class Picky(Tiny):
    """Fails on real images in eval mode, or in training."""

    def __init__(self, training: bool) -> None:
        super().__init__()
        self.when = training

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not images.is_meta and self.training is self.when:
            raise RuntimeError("I am picky")
        found: torch.Tensor = super().forward(images)
        return found


def full() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(checkpoint, "save", side_effect=OutputError("the disk: full"))


def no_network() -> contextlib.AbstractContextManager[Any]:
    return mock.patch("torchvision.datasets.FashionMNIST", side_effect=RuntimeError("no network"))


def two_gpus() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.multiple(
        torch.cuda, is_available=lambda: True, device_count=lambda: 2, create=True
    )


def no_folder() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.dict(os.environ, {"NINCOST_DATA": ""})


def one_of_two() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.dict(os.environ, {"WORLD_SIZE": "2", "RANK": "0"})


def join(_: Path) -> None:
    with join_ranks(torch.device("cpu")):
        pass


def twice(folder: Path) -> None:
    small(folder=folder, epochs=1)
    small(folder=folder, epochs=1)


def meanwhile(folder: Path) -> None:
    with RunFolder(folder, Callbacks()).prepared(resume=False, force=False):
        small(folder=folder, epochs=1)


def other(folder: Path) -> None:
    small(folder=folder, epochs=1)
    small(folder=folder, epochs=1, resume=True, seed=7)


def damaged(folder: Path) -> None:
    (folder / "checkpoint.pt").write_bytes(b"PK")
    small(folder=folder, resume=True)


def a_file(folder: Path) -> None:
    (folder / "file").write_text("")
    small(folder=folder / "file" / "run")


#: Each too short to be read.
FOUR_FILES = {
    f"{name}-ubyte": "\0\0\b\1\0\0\0\3"
    for name in (
        "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1",
    )
}  # fmt: skip


def write_four(folder: Path) -> None:
    for name, content in FOUR_FILES.items():
        (folder / name).write_text(content)


def unreadable(folder: Path) -> None:
    write_four(folder)
    with mock.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied")):
        nincost.train(data=folder)


def swapped(folder: Path) -> None:
    write_four(folder)
    header = struct.pack(">4I", 0x803, 10000, 28, 28)
    (folder / "train-images-idx3-ubyte").write_bytes(header)
    nincost.train(data=folder)


def dataset(images: torch.Tensor = IMAGES, labels: torch.Tensor = LABELS) -> nincost.Dataset:
    return nincost.Dataset("mine", images, labels, images, labels)


def listed(text: str, *says: str) -> Case:
    return Case("train --table {tmp}/list.toml", list(says), files={"list.toml": text})


CASES = [
    Case(f"{TRAIN} --epochs 1 --output {{tmp}}/out.csv --batch-size 32",
         ["the last checkpoint is not on the disk"], around=full),
    Case("train --table --seeds 1,x", ["no list of whole numbers", "--seeds 0,1,2"]),
    Case("train --table --format svg", ["is for one training", "curves.svg"]),
    Case("train --table --seed 3", ["give --seeds"]),
    Case("train two-1x1 --variant one-1x1 --table", ["give one"]),
    Case(f"{TRAIN} --resize 28 --batch-size 65", ["larger than the 64", "larger --limit"]),
    Case(f"{TRAIN} --lr 0", ["lr is 0.0", "such as 0.1"]),
    Case(f"{TRAIN} --seed -1", ["seed is -1", "such as 1"]),
    Case(f"{TRAIN} --epochs 0", ["epochs is 0", "at least 1"]),
    Case(f"{TRAIN} --init xavir", ["unknown init 'xavir'", "did you mean 'xavier'"]),
    Case(f"{TRAIN} --optimizer-arg lr=0.1", ["given twice", "give lr alone"]),
    Case(f"{TRAIN} --save-every 0", ["save-every is 0", "such as 100"]),
    Case(f"{TRAIN} --batch-size 32 --resume", ["no checkpoint", "leave --resume out"]),
    Case(f"{TRAIN} --device gpu", ["unknown device 'gpu'", "cuda:1"]),
    Case(f"{TRAIN} --device meta", ["no values to train", "--device cpu"]),
    Case("train --data {tmp}", ["apt-get install dataset-fashion-mnist", "--download"]),
    Case("train --data {tmp}", ["lacks t10k-labels-idx1-ubyte", "another folder"],
         files={f"{name}-ubyte": "" for name in
                ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3")}),
    Case("train --data {tmp}", ["ends after 8 bytes, where 47,040,016 are", "fetch the file again"],
         files=FOUR_FILES),
    PythonCase("train: swapped files", swapped,
               ["holds t10k-images-idx3-ubyte: are two files swapped?", "fetch the file again"]),
    Case("train --data {tmp} --download", ["could not be downloaded", "no network"],
         around=no_network),
    Case("train --download", ["does not know where", "--data FOLDER"], around=no_folder),
    Case("train --table {tmp}/none.toml", ["cannot be read", "--table alone"]),
    listed("[[run", "is no TOML"),
    listed("seeds = [1]", "lists no training", "[[run]]"),
    listed("[[run]]\nlr = 1", "without a name"),
    listed("[[run]]\nname = 'a'\nepoch = 1", "unknown 'epoch'", "did you mean 'epochs'"),
    listed("[[run]]\nname = 'a/b'\n[[run]]\nname = 'a-b'", "folders would be called 'a-b'",
           "its own name"),
    listed("[[run]]\nname = 'a'\npublished = 3", "published = 3", "[[run.published]]"),
    listed("[[run]]\nname = 'a'\n[[run.published]]\nby = 3", "by = 3", "expected a text"),
    listed("[[run]]\nname = 'a'\nmodel = 'os:system'", "would run code", "--trust"),
    Case(f"{TRAIN} --trust", ["goes with --table"]),
    PythonCase("train: a folder that is being written", meanwhile,
               ["another training is writing", "another --folder"]),
    listed("seeds = [1, 1]\n[[run]]\nname = 'a'", "seeds is [1, 1]", "each once"),
    listed("[[run]]\nname = 'a'\n[[run.published]]\ntest_accuracy = 1", "need by"),
    PythonCase("train: a model that fails on images", lambda _: small(model=Picky(False)),
               ["failed on 2 images", "I am picky", "--resize"]),
    PythonCase("train: a model that fails in training", lambda _: small(model=Picky(True)),
               ["failed while training: RuntimeError: I am picky"]),
    PythonCase("train: scores", lambda _: small(model=nn.Flatten(0)), ["num_classes=10"]),
    PythonCase("train: meta", lambda _: small(model=Tiny().to("meta")), ["no weights", "give a"]),
    PythonCase("train: frozen", lambda _: small(model=Tiny().requires_grad_(False)),
               ["nothing would train"]),
    PythonCase("train: a damaged checkpoint", damaged, ["no checkpoint to resume from", "--force"]),
    PythonCase("train: images", lambda _: dataset(images=IMAGES.float()), ["expected uint8"]),
    PythonCase("train: labels", lambda _: dataset(labels=LABELS + 9), ["expected 0 to 9"]),
    PythonCase("train: labels' type", lambda _: dataset(labels=LABELS.float()), ["int64"]),
    PythonCase("train: data", lambda _: nincost.train(data=3), ["data is 'int'", "'synthetic'"]),
    PythonCase("train: optimizer_arg", lambda _: small(optimizer_arg=3), ["optimizer_arg is 3"]),
    PythonCase("train: a file for a folder", a_file, ["could not be made", "--folder"]),
    PythonCase("train: a folder in use", twice, ["holds a training already", "--resume"]),
    PythonCase("train: resume without a folder", lambda _: small(resume=True), ["folder="]),
    PythonCase("train: another training", other, ["seed 7 (there 0)", "another --folder"]),
    PythonCase("train: a file that is not readable", unreadable, ["cannot be read", "--data"]),
    PythonCase("train: processes", join, ["could not be joined", "torchrun"], around=one_of_two),
    PythonCase("train: no GPU", lambda _: pick_device("cuda"), ["no CUDA GPU", "--device cpu"],
               around=lambda: mock.patch.object(torch.cuda, "is_available", return_value=False)),
    PythonCase("train: no such GPU", lambda _: pick_device("cuda:5"), ["2 GPUs", "cuda:0"],
               around=two_gpus),
]  # fmt: skip
