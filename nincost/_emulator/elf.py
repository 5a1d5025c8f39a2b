"""The names that a shared library of Linux x86-64 needs and has: its dynamic symbol table."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

_DYNSYM = 11  # SHT_DYNSYM
#: Offset of the section headers; their size and number (Elf64_Ehdr).
_HEADER = struct.Struct("<40xQ10xHHH")
#: Type, offset, size, the section of the names (Elf64_Shdr).
_SECTION = struct.Struct("<4xI16xQQI20x")
#: The name's place, where it is defined (0: nowhere) (Elf64_Sym).
_SYMBOL = struct.Struct("<I2xH16x")


def undefined(library: Path) -> set[str]:
    """Names that another library has to define."""
    return {name for name, section in _symbols(library) if not section}


def defined(library: Path) -> set[str]:
    """Names that the library offers to others."""
    return {name for name, section in _symbols(library) if section}


def _symbols(library: Path) -> Iterator[tuple[str, int]]:
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{library} is no 64-bit ELF file")
        start, size, count, _ = _HEADER.unpack_from(data)
        sections = [_SECTION.unpack_from(data, start + size * place) for place in range(count)]
        for kind, offset, length, names in sections:
            if kind == _DYNSYM:
                first = sections[names][1]
                for name, section in _SYMBOL.iter_unpack(data[offset : offset + length]):
                    end = data.find(b"\0", first + name)
                    yield data[first + name : end].decode("ascii", "replace"), section
