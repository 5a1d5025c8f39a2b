"""`nincost.train_table`: runs a list of trainings with several seeds, and compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nincost._environment import environment
from nincost._isolation import in_own_mode
from nincost._result import Result, Tabular
from nincost._train.callbacks import Callbacks
from nincost._train.data import load
from nincost._train.distributed import join_ranks, pick_device, use_device
from nincost._train.folder import CHECKPOINT
from nincost._train.results import Training
from nincost._train.run_list import (
    PUBLISHED,
    PublishedFigures,
    RunEntry,
    check_options,
    check_seeds,
    read_run_list,
)
from nincost._train.train import train
from nincost.errors import InterruptedTrainingError, NincostError

#: The columns of a comparison's CSV: a row for each run, and for each published figure.
TABLE_COLUMNS = (
    "training", "by", "seed", "train_loss", "train_accuracy", "test_loss", "test_accuracy",
    "examples_per_second", "loading_share", "flops_per_second", "predicted_bytes",
    "measured_bytes", "not_learning", "failure",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SeedRun:
    """One training with one seed: its result, or the message of the error that ended it."""

    seed: int
    training: Training | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class RunComparison:
    """A training of the list: its runs, one for each seed, beside what was published."""

    entry: RunEntry
    runs: tuple[SeedRun, ...]

    @property
    def trained(self) -> list[Training]:
        """The results of the runs that did not fail."""
        return [run.training for run in self.runs if run.training is not None]

    def values(self, name: str) -> list[float]:
        """A figure of each run that did not fail.

        `name` is `examples_per_second`, or a field of the last `Epoch`.
        """
        if name == "examples_per_second":
            return [result.speed.examples_per_second for result in self.trained]
        return [getattr(result.last, name) for result in self.trained]


@dataclass(frozen=True, slots=True, repr=False)
class TrainTable(Result):
    """Trainings side by side, with published figures. `print` it, or read its `rows`.

    Attributes:
        rows: the trainings of the list, in order.
        overridden: arguments that were used for each training, whatever the list says.
        notes: what a careful reader should know.
        environment: versions.
    """

    renderers: ClassVar[str] = "train_table"

    rows: tuple[RunComparison, ...]
    overridden: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "train",
            "environment": dict(self.environment),
            "overridden": dict(self.overridden),
            "trainings": [
                {
                    "training": row.entry.name,
                    "published": [figures.to_dict() for figures in row.entry.published],
                    "runs": [
                        {
                            "seed": run.seed,
                            "result": run.training.to_dict() if run.training else None,
                            "failure": run.failure or None,
                        }
                        for run in row.runs
                    ],
                }
                for row in self.rows
            ],
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """A row for each run and each published figure, all digits."""
        return Tabular(TABLE_COLUMNS, tuple(map(tuple, self.flat())))

    def headline(self) -> dict[str, Any]:
        """The trainings, and the test accuracy of each with each seed that did not fail."""
        return {row.entry.name: row.values("test_accuracy") for row in self.rows}

    def flat(self) -> Iterator[list[Any]]:
        """The rows of the CSV, under `TABLE_COLUMNS`."""
        for row in self.rows:
            for run in row.runs:
                yield [row.entry.name, "here", run.seed, *_run_figures(run)]
            for published in row.entry.published:
                yield [row.entry.name, *_published_figures(published)]


def _run_figures(run: SeedRun) -> list[Any]:
    result = run.training
    if result is None:
        return [None] * 10 + [run.failure]
    last = result.last
    return [
        last.train_loss, last.train_accuracy, last.test_loss, last.test_accuracy,
        result.speed.examples_per_second, result.speed.loading_share,
        result.speed.flops_per_second, result.memory.predicted_bytes,
        result.memory.measured_bytes, int(result.not_learning), "",
    ]  # fmt: skip


def _published_figures(found: PublishedFigures) -> list[Any]:
    return [
        found.by, None, found.train_loss, found.train_accuracy, None, found.test_accuracy,
        found.examples_per_second, *[None] * 5, "",
    ]  # fmt: skip


@in_own_mode
def train_table(
    file: str | Path = PUBLISHED,
    *,
    seeds: Sequence[int] | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    trust: bool = False,
    progress: Callbacks | None = None,
    **options: Any,
) -> TrainTable:
    """Run a list of trainings, each with several seeds, and compare with published figures.

    A training that fails (its loss becomes NaN, a GPU's memory is too small) is reported as failed,
    and the next one begins.

    Args:
        file: a TOML file (see `docs/training.md`), or `published`: what readers of the textbook
            wrote of their own trainings.
        seeds: those that each training is run with; the file's where None.
        folder: where each run gets a folder of its own; nothing is written where None.
        resume: continue what is in the folder: complete runs are not run again.
        force: begin anew in a folder that holds trainings.
        trust: let the file name models whose code it runs: `file.py:Class`, `package.module:name`.
        progress: called as the trainings go on; a `Callbacks`.
        options: arguments of `nincost.train` for each training, whatever the file says.

    Raises:
        InterruptedTrainingError: Ctrl-C or SIGTERM.
        NincostError: the list or an option does not fit.
    """
    callbacks = progress or Callbacks()
    entries, listed_seeds = read_run_list(file, trust=trust)
    check_options(options)
    used_seeds = listed_seeds if seeds is None else check_seeds(seeds)
    path = Path(folder).expanduser() if folder is not None else None
    download = options.pop("download", False)
    overridden = ", ".join(f"{key} {value}" for key, value in options.items() if key != "device")
    dataset = load(options.pop("data", None), download=download)
    common = {**options, "data": dataset, "progress": callbacks, "force": force}
    rows = []
    device = pick_device(options.get("device"))
    with use_device(device), join_ranks(device):  # once, and not for each training anew
        for number, entry in enumerate(entries, start=1):
            runs = []
            for seed in used_seeds:
                callbacks.on_message(
                    f"training {number} of {len(entries)}: {entry.name}, seed {seed}"
                )
                runs.append(_run(entry, seed, path, common, resume=resume))
            rows.append(RunComparison(entry, tuple(runs)))
    notes = []
    if overridden:
        are_published = any(row.entry.published for row in rows)
        more = ", so published figures are of other settings" if are_published else ""
        notes.append(f"each training was run with {overridden}{more}")
    notes += [
        f"{row.entry.name}, {published.by}: {published.note}"
        for row in rows
        for published in row.entry.published
        if published.note
    ]
    return TrainTable(tuple(rows), dict(options), tuple(notes), environment())


def _run(
    entry: RunEntry, seed: int, path: Path | None, common: Mapping[str, Any], *, resume: bool
) -> SeedRun:
    """Train once; `common` are the arguments that all trainings share."""
    folder = path / f"{entry.folder}-seed{seed}" if path is not None else None
    resume = resume and folder is not None and (folder / CHECKPOINT).exists()
    options = {**entry.options, **common, "seed": seed, "folder": folder, "resume": resume}
    try:
        return SeedRun(seed, train(**options))
    except InterruptedTrainingError:
        raise
    except NincostError as error:
        common["progress"].on_message(f"failed: {error}")
        return SeedRun(seed, None, str(error))
