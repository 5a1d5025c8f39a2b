"""What the ranks of an emulated run have sent, kept in a folder from one rank's run to the next.

What another rank would have sent can only be known if that one has run, too: what a rank sends in
object collectives is written down.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

JOURNAL = "NINCOST_EMULATED_JOURNAL"
_SECONDS = 0.02


class Journal:
    """A folder with one folder for each rank that has run; without one nothing is kept."""

    def __init__(self, folder: str | os.PathLike[str] | None, rank: int) -> None:
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
            part = path.with_suffix(f".{os.getpid()}")
            part.write_bytes(content)
            part.rename(path)  # whole or absent: others may be waiting for it

    def read(self, key: str, rank: int, what: str) -> bytes | None:
        """What a rank has sent, or None where it will not.

        Where the ranks that are waited for are started (`companions.py`), it is waited for; else
        `needed` says which rank was missing.
        """
        if self.folder is None:
            return None
        path = self._path(rank, key)
        needs = self.folder / f"{self.rank}.needs"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            needs.write_text(f"{rank} {what}")
            while self._accompanied.exists() and not self.has_ended(rank):
                if path.exists():
                    break
                time.sleep(_SECONDS)
        if not path.exists():
            return None
        needs.unlink(missing_ok=True)
        return path.read_bytes()

    def needed(self) -> tuple[int, str] | None:
        """Which rank this one ended for want of, and in what function; None where of none."""
        if self.folder is None:
            return None
        try:
            rank, _, what = (self.folder / f"{self.rank}.needs").read_text().partition(" ")
        except OSError:
            return None
        return int(rank), what

    def has_ended(self, rank: int) -> bool:
        """Whether a rank was started beside this one, and has ended."""
        return self.folder is not None and (self.folder / f"{rank}.ended").exists()

    # --- for who starts the ranks ------------------------------------------------------------

    @property
    def _accompanied(self) -> Path:
        assert self.folder is not None
        return self.folder / "accompanied"

    def accompany(self, *, on: bool) -> None:
        """Have ranks wait for others, which are going to be started; or not any more."""
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        if on:
            for left in (*self.folder.glob("*.ended"), *self.folder.glob("*.needs")):
                left.unlink(missing_ok=True)
            self._accompanied.touch()
        else:
            self._accompanied.unlink(missing_ok=True)

    def waited_for(self) -> Iterator[int]:
        """Ranks that another one waits for."""
        assert self.folder is not None
        for path in self.folder.glob("*.needs"):
            needed = Journal(self.folder, int(path.stem)).needed()
            if needed is not None:
                yield needed[0]

    def end(self, rank: int) -> None:
        """Say that a rank has ended, and sends nothing more."""
        assert self.folder is not None
        (self.folder / f"{rank}.ended").touch()

    def _path(self, rank: int, key: str) -> Path:
        assert self.folder is not None
        return self.folder / str(rank) / hashlib.sha256(key.encode()).hexdigest()[:24]
