"""Reads Fashion-MNIST's four IDX files and checks that they are Fashion-MNIST's.

The format (Y. LeCun's page of MNIST): a magic number, 8 for unsigned bytes and the number of
dimensions in its last two bytes, each dimension as a 32-bit big-endian number, then the values.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from nincost.errors import InputError

#: Labels of Fashion-MNIST are 0 to 9.
CLASSES = 10


@dataclass(frozen=True, slots=True)
class IdxFile:
    """One of the four files: its name without `.gz`, its shape, and its content's SHA-256.

    The checksums are of the decompressed content, so that it does not matter how a file was
    compressed. They are those of the Debian package's files, which agree with the MD5 sums that
    torchvision has of the original archives once name and time are put back into the gzip header.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """The bytes before the first value."""
        dims = len(self.shape)
        return struct.pack(f">{1 + dims}I", 0x800 + dims, *self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the whole file, decompressed."""
        return len(self.header) + math.prod(self.shape)


#: The four files, in the order of a data set's fields.
FILES = (
    IdxFile("train-images-idx3-ubyte", (60000, 28, 28),
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    IdxFile("train-labels-idx1-ubyte", (60000,),
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    IdxFile("t10k-images-idx3-ubyte", (10000, 28, 28),
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    IdxFile("t10k-labels-idx1-ubyte", (10000,),
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
)  # fmt: skip


def find_file(folder: Path, name: str) -> Path | None:
    """The file of that name in the folder, gzipped or not; None where it is not there."""
    paths = (folder / f"{name}.gz", folder / name)
    return next((path for path in paths if path.is_file()), None)


def read_idx(path: Path, expected: IdxFile) -> Tensor:
    """The file's values as a uint8 tensor of `expected.shape`.

    Raises:
        InputError: it cannot be read, is another of the four files, has another length, or other
            values.
    """
    content = _content(path, expected.bytes)
    for other in FILES:
        if other != expected and content.startswith(other.header):
            raise _wrong(path, f"holds {other.name}: are two files swapped?")
    if len(content) != expected.bytes:
        raise _wrong(
            path,
            f"{'goes on' if len(content) > expected.bytes else 'ends'} after "
            f"{min(len(content), expected.bytes):,} bytes, where {expected.bytes:,} are expected",
        )
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise _wrong(
            path,
            "has another checksum than Fashion-MNIST's: it was changed, or is another data set of "
            "the same form",
        )
    values = bytearray(content[len(expected.header) :])
    return torch.frombuffer(values, dtype=torch.uint8).reshape(expected.shape)


def _content(path: Path, most: int) -> bytes:
    """The content, decompressed where it is gzipped; never more than a byte over `most`."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as stream:
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


def _wrong(path: Path, what: str) -> InputError:
    return InputError(f"{str(path)!r} {what}; fetch the file again")
