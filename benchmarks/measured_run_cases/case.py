"""What a repeated run is: a measured row and how it is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Case:
    """A measured row and the script that sets it up."""

    name: str
    group: str
    row: dict[str, str]
    """Columns of the file by which the row is found; in training_runs.csv beside the group."""
    script: str
    arguments: tuple[str, ...]
    """`{sources}` stands for the folder of the sources' checkouts."""
    gpu: str
    counter: str
    """Which of the counters that the script prints is compared."""
    data: str = "training_runs.csv"
    parallelism: str = "one GPU"
    ranks: int = 1
    rank: int = 0
    added: int = 0
    """Bytes that the source adds to its counter, as it measured them on its card."""
    needs: tuple[str, ...] = ()
    """Packages whose versions are reported."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the source's own launcher sets."""

    @property
    def run(self) -> tuple[object, ...]:
        """What is run: several cases may be read from one run."""
        return self.script, self.arguments, self.gpu, self.ranks, self.rank
