"""What the ranks of an emulated run have sent, kept in a folder from one rank's run to the next.

What another rank would have sent can only be known if that one has run, too: what a rank sends in
object collectives is written down.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path

JOURNAL = "NINCOST_EMULATED_JOURNAL"


class Journal:
    """A folder with one folder for each rank that has run; without one nothing is kept."""

    def __init__(self, folder: str | None, rank: int) -> None:
        self.folder = Path(folder) if folder else None
        self.rank = rank
        self._numbers: Counter[str] = Counter()

    @classmethod
    def of_process(cls, rank: int) -> Journal:
        """The journal that this process's environment names."""
        return cls(os.environ.get(JOURNAL), rank)

    def key(self, kind: str, *parts: object) -> str:
        """The name of the next one of a kind: all ranks run one program, and number alike."""
        base = f"{kind} {' '.join(map(str, parts))}"
        self._numbers[base] += 1
        return f"{base} {self._numbers[base]}"

    def write(self, key: str, content: bytes) -> None:
        """Keep what this rank sends."""
        if self.folder is not None:
            path = self._path(self.rank, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def read(self, key: str, rank: int) -> bytes | None:
        """What a rank has sent, or None where it has not run."""
        if self.folder is None:
            return None
        try:
            return self._path(rank, key).read_bytes()
        except OSError:
            return None

    def need(self, rank: int, what: str) -> None:
        """Say which rank has to run before this one can."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{self.rank}.needs").write_text(f"{rank} {what}")

    def needed(self) -> tuple[int, str] | None:
        """Which rank this one needs, and for what; None where it needs none."""
        if self.folder is None:
            return None
        try:
            rank, _, what = (self.folder / f"{self.rank}.needs").read_text().partition(" ")
        except OSError:
            return None
        return int(rank), what

    def _path(self, rank: int, key: str) -> Path:
        assert self.folder is not None
        return self.folder / str(rank) / hashlib.sha256(key.encode()).hexdigest()[:24]
