"""Reads Fashion-MNIST's IDX files and checks that they are what they should be.

The format (Y. LeCun's page of MNIST): a magic number whose last byte is the number of dimensions,
each dimension as a 32-bit big-endian number, then the values, one unsigned byte each.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nincost.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_IMAGES, _LABELS = 0x803, 0x801
_KINDS = {_IMAGES: "images", _LABELS: "labels"}

#: Labels of Fashion-MNIST are 0 to 9.
CLASSES = 10


@dataclass(frozen=True, slots=True)
class IdxFile:
    """One of the four files: its name without `.gz`, what it holds, and its content's SHA-256.

    The checksums are of the decompressed content, so that it does not matter how a file was
    compressed. They are those of the Debian package's files, which agree with the MD5 sums that
    torchvision has of the original archives once name and time are put back into the gzip header.
    """

    name: str
    magic: int
    shape: tuple[int, ...]
    sha256: str

    @property
    def header_bytes(self) -> int:
        """Bytes before the first value."""
        return 4 + 4 * len(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the whole file, decompressed."""
        values = 1
        for size in self.shape:
            values *= size
        return self.header_bytes + values


TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte", _IMAGES, (60000, 28, 28),
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
)  # fmt: skip
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte", _LABELS, (60000,),
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)  # fmt: skip
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte", _IMAGES, (10000, 28, 28),
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
)  # fmt: skip
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte", _LABELS, (10000,),
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)  # fmt: skip

#: The four files, in the order of a data set's fields.
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def find_file(folder: Path, name: str) -> Path | None:
    """The file of that name in the folder, gzipped or not; None where it is not there."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    return None


def read_idx(path: Path, expected: IdxFile) -> Tensor:
    """The file's values as a uint8 tensor of `expected.shape`.

    Raises:
        InputError: it cannot be read, is cut short, holds something else, or has been changed.
    """
    import torch

    content = _content(path, expected.bytes)
    _check_header(path, content, expected)
    if len(content) != expected.bytes:
        more = len(content) > expected.bytes
        raise _wrong(
            path,
            f"{'goes on after' if more else 'ends after'} {min(len(content), expected.bytes):,} "
            f"bytes, where {expected.bytes:,} are expected",
        )
    values = torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=expected.header_bytes)
    if expected.magic == _LABELS and int(values.max()) >= CLASSES:
        place = int((values >= CLASSES).nonzero()[0])
        raise _wrong(
            path, f"has label {int(values[place])} at place {place:,}, where 0 to 9 are expected"
        )
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise _wrong(
            path,
            "has another checksum than Fashion-MNIST's: it was changed, or is another data set of "
            "the same form",
        )
    return values.reshape(expected.shape)


def _content(path: Path, most: int) -> bytes:
    """The content, decompressed where it is gzipped; never more than a byte over `most`."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        if not zipped:
            with path.open("rb") as file:
                return file.read(most + 1)
        with gzip.open(path) as stream:
            return stream.read(most + 1)
    except EOFError as error:
        raise _wrong(path, "is cut short: its gzip stream does not end") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise _wrong(path, f"is damaged: {error}") from error
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be read: {error.strerror or error}: give a folder with readable "
            "files as --data"
        ) from error


def _check_header(path: Path, content: bytes, expected: IdxFile) -> None:
    wanted = _KINDS[expected.magic]
    if len(content) < 4:
        raise _wrong(path, f"has {len(content)} bytes, where {expected.bytes:,} are expected")
    magic = struct.unpack(">I", content[:4])[0]
    if magic != expected.magic:
        if magic in _KINDS:
            raise _wrong(path, f"holds {_KINDS[magic]}, not {wanted}: are two files swapped?")
        raise _wrong(
            path, f"begins with {magic:#010x}, where an IDX file of {wanted} has "
            f"{expected.magic:#010x}",
        )  # fmt: skip
    header = content[4 : expected.header_bytes]
    if len(header) < expected.header_bytes - 4:
        raise _wrong(path, f"has {len(content)} bytes, where {expected.bytes:,} are expected")
    shape = struct.unpack(f">{len(expected.shape)}I", header)
    if shape != expected.shape:
        swapped = any(
            other.magic == expected.magic and other.shape == shape and other is not expected
            for other in FILES
        )
        raise _wrong(
            path,
            f"says it holds {' x '.join(f'{size:,}' for size in shape)} values, where "
            f"{' x '.join(f'{size:,}' for size in expected.shape)} are expected"
            + (": are the training and the test file swapped?" if swapped else ""),
        )


def _wrong(path: Path, what: str) -> InputError:
    return InputError(f"{str(path)!r} {what}; fetch the file again")
