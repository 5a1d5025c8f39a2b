"""A data set in memory, where its files are looked for, and batches of it made on the device."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nincost._train.idx import CLASSES, FILES, find_file, read_idx
from nincost._train.seeds import derive_seed
from nincost.errors import InputError, one_line

#: Where Debian's package `dataset-fashion-mnist` puts the files.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")

#: The environment variable that names the folder.
VARIABLE = "NINCOST_DATA"

#: The name of the data set that is generated.
SYNTHETIC = "synthetic"

#: Where torchvision puts the files, below the folder of its data sets.
_TORCHVISION = Path("FashionMNIST", "raw")


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled grey images, decoded once.

    Attributes:
        name: what it is called in results.
        train_images, test_images: uint8, `[examples, height, width]`, height equal to width.
        train_labels, test_labels: int64, `[examples]`, from 0 to `classes - 1`.
        classes: how many classes there are.

    Raises:
        InputError: another dtype or shape, or a label that is no class.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: int = CLASSES

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            _check_part(part, images, labels, self.classes)

    def first(self, limit: int | None, test_limit: int | None) -> Dataset:
        """The first `limit` training and `test_limit` test examples; all where None."""
        return replace(
            self,
            train_images=self.train_images[:limit],
            train_labels=self.train_labels[:limit],
            test_images=self.test_images[:test_limit],
            test_labels=self.test_labels[:test_limit],
        )

    def to(self, device: torch.device) -> Dataset:
        """A copy on a device."""
        return replace(
            self,
            train_images=self.train_images.to(device),
            train_labels=self.train_labels.to(device),
            test_images=self.test_images.to(device),
            test_labels=self.test_labels.to(device),
        )

    @property
    def bytes(self) -> int:
        """Bytes of the four tensors together."""
        parts = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        return sum(part.nbytes for part in parts)

    def digest(self) -> str:
        """SHA-256 of the images and labels, by which a checkpoint's data are recognized."""
        found = hashlib.sha256()
        for part in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            found.update(str(tuple(part.shape)).encode())
            found.update(part.cpu().contiguous().numpy().data)
        return found.hexdigest()


def _check_part(part: str, images: Tensor, labels: Tensor, classes: int) -> None:
    if images.dtype is not torch.uint8 or images.dim() != 3 or images.shape[1] != images.shape[2]:
        raise InputError(
            f"{part}_images is {images.dtype} of shape {tuple(images.shape)}: expected uint8 of "
            "shape (examples, side, side)"
        )
    if labels.dtype is not torch.int64 or labels.shape != images.shape[:1] or not len(labels):
        raise InputError(
            f"{part}_labels is {labels.dtype} of shape {tuple(labels.shape)}: expected int64, one "
            f"for each of the {len(images)} images, and at least one"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise InputError(
            f"{part}_labels go from {low} to {high}: expected 0 to {classes - 1}, as there are "
            f"{classes} classes"
        )


def load(data: Any = None, *, download: bool = False) -> Dataset:
    """Fashion-MNIST from a folder, the generated data set, or a `Dataset` as it is.

    Args:
        data: a folder, `synthetic`, a `Dataset`, or None for the folder that NINCOST_DATA names,
            else Debian's.
        download: let torchvision fetch the files into the folder where they are missing.

    Raises:
        InputError: files are missing, damaged, or of another data set.
    """
    if isinstance(data, Dataset):
        return data
    if data is not None and not isinstance(data, str | os.PathLike):
        raise InputError(
            f"data is {type(data).__name__!r}: expected a folder, {SYNTHETIC!r} or a Dataset"
        )
    if data is not None and str(data) == SYNTHETIC:
        return synthetic()
    named = data if data is not None else os.environ.get(VARIABLE) or None
    if download:
        _download(named)
    folders = [Path(named).expanduser()] if named is not None else [DEBIAN]
    for folder in list(folders):
        folders.append(folder / _TORCHVISION)
    for folder in folders:
        found = [find_file(folder, file.name) for file in FILES]
        if any(found):
            return _read(folder, found)
    raise InputError(
        f"Fashion-MNIST is not in {str(folders[0])!r}: give --data FOLDER (or set {VARIABLE}) with "
        f"its four IDX files, gzipped or not; to get them: apt-get install dataset-fashion-mnist, "
        "or --data FOLDER --download, or github.com/zalandoresearch/fashion-mnist; "
        f"--data {SYNTHETIC} generates some for a trial"
    )


def _read(folder: Path, paths: list[Path | None]) -> Dataset:
    missing = [file.name for file, path in zip(FILES, paths, strict=True) if path is None]
    if missing:
        raise InputError(
            f"{str(folder)!r} lacks {', '.join(missing)} (gzipped or not): put the missing files "
            "there, or give another folder as --data"
        )
    images, labels, test_images, test_labels = (
        read_idx(path, file) for file, path in zip(FILES, paths, strict=True) if path is not None
    )
    return Dataset("Fashion-MNIST", images, labels.long(), test_images, test_labels.long())


def _download(named: str | os.PathLike[str] | None) -> None:
    if named is None:
        raise InputError(
            f"--download does not know where to put the files: give --data FOLDER or set {VARIABLE}"
        )
    from torchvision.datasets import FashionMNIST

    try:
        FashionMNIST(str(Path(named).expanduser()), download=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"Fashion-MNIST could not be downloaded to {str(named)!r}: {one_line(error)}: try "
            "again later, or put the four files there by other means"
        ) from error


def synthetic(train: int = 60000, test: int = 10000, side: int = 28) -> Dataset:
    """A data set of ten blurred patterns under noise: easy to learn, and the same each time.

    Args:
        train, test: how many examples.
        side: of the images, in pixels.
    """
    generator = torch.Generator().manual_seed(derive_seed("synthetic"))
    coarse = torch.rand(CLASSES, 1, 4, 4, generator=generator)
    patterns = functional.interpolate(coarse, (side, side), mode="bilinear")[:, 0]

    def draw(count: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(CLASSES, (count,), generator=generator)
        noise = torch.randint(0, 96, (count, side, side), dtype=torch.uint8, generator=generator)
        return patterns.mul(159).to(torch.uint8)[labels] + noise, labels

    return Dataset(SYNTHETIC, *draw(train), *draw(test))


def to_input(images: Tensor, side: int, channels: int) -> Tensor:
    """uint8 `[n, h, w]` as float32 `[n, channels, side, side]` from 0 to 1, on the same device.

    Resized as torchvision's `v2.Resize` resizes a float tensor: bilinear, with antialiasing. Each
    channel has the same grey values.
    """
    found = images.unsqueeze(1).to(torch.float32).div_(255)
    if side != images.shape[-1]:
        found = functional.interpolate(found, (side, side), mode="bilinear", antialias=True)
    return found if channels == 1 else found.expand(-1, channels, -1, -1).contiguous()


def epoch_order(examples: int, seed: int, epoch: int) -> Tensor:
    """The order of an epoch's examples: a permutation that follows from seed and epoch alone."""
    generator = torch.Generator().manual_seed(derive_seed("order", seed, epoch))
    return torch.randperm(examples, generator=generator)
