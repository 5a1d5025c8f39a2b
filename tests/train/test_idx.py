"""IDX files read and refused: small ones made by hand, and the real four."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import pytest
import torch

from nincost._train import idx
from nincost._train.data import DEBIAN
from nincost._train.idx import FILES, IdxFile, find_file, read_idx
from nincost.errors import InputError

IMAGES = struct.pack(">4I", 0x803, 3, 2, 2) + bytes(range(12))
LABELS = struct.pack(">2I", 0x801, 3) + bytes([9, 0, 4])


def expected(content: bytes, name: str = "images", shape: tuple[int, ...] = (3, 2, 2)) -> IdxFile:
    return IdxFile(name, shape, hashlib.sha256(content).hexdigest())


WANTED_IMAGES = expected(IMAGES)
WANTED_LABELS = expected(LABELS, "labels", (3,))


def written(path: Path, content: bytes, *, zipped: bool = False) -> Path:
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_values_come_in_their_shape(tmp_path: Path, zipped: bool) -> None:
    images = read_idx(written(tmp_path / "a", IMAGES, zipped=zipped), WANTED_IMAGES)
    assert images.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    labels = read_idx(written(tmp_path / "b", LABELS, zipped=zipped), WANTED_LABELS)
    assert labels.tolist() == [9, 0, 4]
    assert images.dtype is labels.dtype is torch.uint8


@pytest.mark.parametrize("zipped", [False, True])
def test_each_way_to_be_cut_short_is_refused(tmp_path: Path, zipped: bool) -> None:
    whole = gzip.compress(IMAGES) if zipped else IMAGES
    for length in range(len(whole)):
        path = written(tmp_path / "cut", whole[:length])
        with pytest.raises(InputError, match=r"cut'.*fetch the file again"):
            read_idx(path, WANTED_IMAGES)


def test_each_changed_byte_is_noticed(tmp_path: Path) -> None:
    for place in range(len(IMAGES)):
        changed = bytearray(IMAGES)
        changed[place] ^= 0x55
        with pytest.raises(InputError, match="fetch the file again"):
            read_idx(written(tmp_path / "changed", bytes(changed)), WANTED_IMAGES)


@pytest.mark.parametrize(
    ("content", "wanted", "words"),
    [
        (b"<html>404</html>", WANTED_IMAGES, "ends after 16 bytes, where 28 are expected"),
        (b"", WANTED_IMAGES, "ends after 0 bytes, where 28 are expected"),
        (IMAGES[:-1], WANTED_IMAGES, "ends after 27 bytes, where 28 are expected"),
        (IMAGES + b"x", WANTED_IMAGES, "goes on after 28 bytes, where 28 are expected"),
        (struct.pack(">4I", 0x803, 9, 2, 2) + bytes(36), WANTED_IMAGES, "goes on after 28 bytes"),
        (struct.pack(">2I", 0x801, 3) + bytes([1, 10, 200]), WANTED_LABELS, "another checksum"),
        (struct.pack(">2I", 0x802, 3) + bytes([9, 0, 4]), WANTED_LABELS, "another checksum"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, wanted: IdxFile, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_idx(written(tmp_path / "a", content), wanted)
    with pytest.raises(InputError, match=words):
        read_idx(written(tmp_path / "a.gz", content, zipped=True), wanted)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_in_the_place_of_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    """Images for labels, and the test's labels for the training's: also where they are longer."""
    files = {
        "images": (IMAGES, (3, 2, 2)),
        "labels": (struct.pack(">2I", 0x801, 20) + bytes(20), (20,)),
        "test labels": (struct.pack(">2I", 0x801, 25) + bytes(25), (25,)),
    }
    known = tuple(expected(content, name, shape) for name, (content, shape) in files.items())
    monkeypatch.setattr(idx, "FILES", known)
    for holds in known:
        path = written(tmp_path / "a", files[holds.name][0], zipped=zipped)
        assert read_idx(path, holds).shape == holds.shape
        for wanted in known:
            if wanted is not holds:
                with pytest.raises(InputError, match=f"holds {holds.name}: are two files swapped"):
                    read_idx(path, wanted)


def test_a_bomb_is_read_no_further_than_needed(tmp_path: Path) -> None:
    path = written(tmp_path / "bomb.gz", IMAGES + bytes(200 * 2**20), zipped=True)
    with pytest.raises(InputError, match="goes on after 28 bytes"):
        read_idx(path, WANTED_IMAGES)


def test_what_is_no_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_idx(tmp_path, WANTED_IMAGES)


def test_a_damaged_gzip_stream(tmp_path: Path) -> None:
    zipped = bytearray(gzip.compress(bytes(IMAGES)))
    zipped[12] ^= 0xFF
    with pytest.raises(InputError, match=r"is damaged|is cut short|another checksum"):
        read_idx(written(tmp_path / "a", bytes(zipped)), WANTED_IMAGES)


def test_the_files_of_debian_have_the_archives_own_checksums() -> None:
    """Put name and time back into the gzip header, and the archives are those torchvision names."""
    if find_file(DEBIAN, FILES[0].name) is None:
        pytest.skip("the package dataset-fashion-mnist is not installed")
    from torchvision.datasets import FashionMNIST

    known = dict(FashionMNIST.resources)
    for file, seconds in zip(FILES, (1504176606,) * 2 + (1504176627,) * 2, strict=True):
        body = (DEBIAN / f"{file.name}.gz").read_bytes()[10:]
        header = b"\x1f\x8b\x08\x08" + seconds.to_bytes(4, "little") + b"\x00\x03"
        archive = header + file.name.encode() + b"\x00" + body
        assert hashlib.md5(archive).hexdigest() == known[f"{file.name}.gz"]
        assert hashlib.sha256(gzip.decompress(archive)).hexdigest() == file.sha256
        assert len(gzip.decompress(archive)) == file.bytes
