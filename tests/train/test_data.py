"""Where data are looked for, and batches against torchvision's own transforms."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.transforms import v2

from nincost._train import data as module
from nincost._train.data import DEBIAN, Dataset, epoch_order, load, synthetic, to_input
from nincost.errors import InputError

IMAGES = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8,
                       generator=torch.Generator().manual_seed(1))  # fmt: skip


@pytest.mark.parametrize("side", [28, 224, 96, 14, 67])
def test_resizing_is_torchvisions(side: int) -> None:
    scaled = IMAGES.unsqueeze(1).float().div(255)  # as ToTensor does
    ours = to_input(IMAGES, side, 1)
    assert ours.shape == (3, 1, side, side)
    assert torch.equal(ours, v2.Resize((side, side), antialias=True)(scaled))


@pytest.mark.parametrize("side", [224, 96, 14])
def test_resizing_is_the_textbooks_but_for_pillows_rounding(side: int) -> None:
    from torchvision import transforms

    theirs = transforms.Compose(
        [transforms.ToPILImage(), transforms.Resize(side), transforms.ToTensor()]
    )
    expected = torch.stack([theirs(image) for image in IMAGES])
    away = (to_input(IMAGES, side, 1) - expected).abs().max()
    assert away < 1.01 / 255  # Pillow rounds to a whole grey after each of its two passes


def test_grey_goes_into_each_channel() -> None:
    found = to_input(IMAGES, 40, 3)
    assert found.shape == (3, 3, 40, 40)
    for channel in range(3):
        assert torch.equal(found[:, channel], to_input(IMAGES, 40, 1)[:, 0])


def test_an_epochs_order_is_of_the_seed_and_the_epoch_alone() -> None:
    before = torch.get_rng_state()
    first = epoch_order(1000, 0, 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.sort().values.tolist() == list(range(1000))
    torch.manual_seed(99)
    assert torch.equal(epoch_order(1000, 0, 0), first)
    assert not torch.equal(epoch_order(1000, 0, 1), first)
    assert not torch.equal(epoch_order(1000, 1, 0), first)


def test_generated_data_are_the_same_each_time_and_can_be_classified() -> None:
    one, two = synthetic(200, 50), synthetic(200, 50)
    assert one.digest() == two.digest() != synthetic(200, 51).digest()
    assert sorted(set(one.train_labels.tolist())) == list(range(10))
    means = torch.stack([
        one.train_images[one.train_labels == label].float().mean(0) for label in range(10)
    ])  # fmt: skip
    nearest = (two.test_images.float().unsqueeze(1) - means).pow(2).sum((2, 3)).argmin(1)
    assert (nearest == two.test_labels).float().mean() > 0.95


def test_the_first_examples_are_taken(fashion: Dataset) -> None:
    cut = fashion.first(5, 3)
    assert cut.train_labels.tolist() == [9, 0, 0, 3, 0]  # as everybody's first look shows them
    assert cut.test_labels.tolist() == [9, 2, 1]
    assert fashion.first(None, None).bytes == fashion.bytes == 70000 * (784 + 8)
    assert torch.bincount(fashion.train_labels).tolist() == [6000] * 10
    assert torch.bincount(fashion.test_labels).tolist() == [1000] * 10


@pytest.fixture
def debians() -> Path:
    if not DEBIAN.is_dir():
        pytest.skip("the package dataset-fashion-mnist is not installed")
    return DEBIAN


def test_files_may_be_unzipped_and_where_torchvision_puts_them(
    tmp_path: Path, debians: Path, monkeypatch: pytest.MonkeyPatch, fashion: Dataset
) -> None:
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for path in debians.iterdir():
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    monkeypatch.setenv("NINCOST_DATA", str(tmp_path))
    assert load().digest() == fashion.digest()


def test_a_missing_file_is_named(tmp_path: Path, debians: Path) -> None:
    for path in debians.iterdir():
        if not path.name.startswith("t10k-labels"):
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(InputError, match="lacks t10k-labels-idx1-ubyte"):
        load(tmp_path)


def test_swapped_files_are_noticed(tmp_path: Path, debians: Path) -> None:
    names = [path.name for path in debians.iterdir()]
    for name in names:
        other = name.replace("train", "T").replace("t10k", "train").replace("T", "t10k")
        shutil.copy(debians / name, tmp_path / other)
    with pytest.raises(InputError, match=r"holds t10k-\w+-idx\d-ubyte: are two files swapped"):
        load(tmp_path)


def test_nothing_there_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NINCOST_DATA", raising=False)
    monkeypatch.setattr(module, "DEBIAN", tmp_path / "debian")
    for given in (None, tmp_path / "nowhere"):
        with pytest.raises(InputError) as caught:
            load(given)
        for word in ("apt-get install dataset-fashion-mnist", "--download", "NINCOST_DATA"):
            assert word in str(caught.value)


def test_a_download_is_torchvisions_and_only_where_asked(
    tmp_path: Path, debians: Path, monkeypatch: pytest.MonkeyPatch, fashion: Dataset
) -> None:
    from torchvision import datasets

    asked = []

    def fake(root: str, *, download: bool) -> None:
        asked.append((root, download))
        folder = Path(root) / "FashionMNIST" / "raw"
        folder.mkdir(parents=True)
        for path in debians.iterdir():
            (folder / path.name).symlink_to(path)

    monkeypatch.setattr(datasets, "FashionMNIST", fake)
    monkeypatch.delenv("NINCOST_DATA", raising=False)
    with pytest.raises(InputError, match="does not know where"):
        load(download=True)
    with pytest.raises(InputError):
        load(tmp_path)
    assert asked == []
    assert load(tmp_path, download=True).digest() == fashion.digest()
    assert asked == [(str(tmp_path), True)]

    def fails(root: str, *, download: bool) -> None:
        raise RuntimeError("no network")

    monkeypatch.setattr(datasets, "FashionMNIST", fails)
    with pytest.raises(InputError, match=r"could not be downloaded.*no network"):
        load(tmp_path, download=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_labels": torch.tensor([0, 10])}, "train_labels go from 0 to 10"),
        ({"test_labels": torch.tensor([-1, 1])}, "test_labels go from -1 to 1"),
        ({"train_labels": torch.tensor([1])}, "one for each of the 2 images"),
        ({"train_labels": torch.tensor([1.0, 2.0])}, "expected int64"),
        ({"train_images": torch.zeros(2, 4, 4)}, "expected uint8"),
        ({"test_images": torch.zeros(2, 4, 5, dtype=torch.uint8)}, "side, side"),
    ],
)
def test_a_dataset_of_ones_own_is_checked(changes: dict[str, Any], words: str) -> None:
    images, labels = torch.zeros(2, 4, 4, dtype=torch.uint8), torch.tensor([0, 1])
    parts = {
        "train_images": images, "train_labels": labels, "test_images": images,
        "test_labels": labels,
    }  # fmt: skip
    Dataset("mine", **parts)
    with pytest.raises(InputError, match=words):
        Dataset("mine", **{**parts, **changes})
