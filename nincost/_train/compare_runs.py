"""`nincost.train_table`: runs a list of trainings with several seeds, and compares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from nincost._environment import environment
from nincost._train.callbacks import Callbacks
from nincost._train.data import load
from nincost._train.distributed import chosen, joined, pick_device
from nincost._train.folder import CHECKPOINT
from nincost._train.results import Training
from nincost._train.run_list import (
    PUBLISHED,
    Entry,
    Published,
    check_options,
    check_seeds,
    read_list,
)
from nincost._train.train import train
from nincost.errors import InterruptedTrainingError, NincostError

if TYPE_CHECKING:
    import pandas as pd

#: The columns of a comparison's CSV: a row for each run, and for each published figure.
TABLE_COLUMNS = (
    "training", "by", "seed", "train_loss", "train_accuracy", "test_loss", "test_accuracy",
    "examples_per_second", "loading_share", "flops_per_second", "predicted_bytes",
    "measured_bytes", "not_learning", "failure",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One training with one seed: its result, or why there is none."""

    seed: int
    training: Training | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """A training of the list: all its runs, beside what was published."""

    entry: Entry
    runs: tuple[Run, ...]

    @property
    def trained(self) -> list[Training]:
        """The runs that came to their end."""
        return [run.training for run in self.runs if run.training is not None]

    def values(self, name: str) -> list[float]:
        """A figure of each run: a field of its last epoch, or its speed."""
        if name == "examples_per_second":
            return [one.speed.examples_per_second for one in self.trained]
        return [getattr(one.last, name) for one in self.trained]

    def middle(self, name: str) -> float | None:
        """The mean over the seeds."""
        values = self.values(name)
        return mean(values) if values else None


@dataclass(frozen=True, slots=True)
class TrainTable:
    """Trainings side by side, with published figures. `print` it, or take `rows`.

    Attributes:
        rows: the trainings of the list, in order.
        overridden: arguments that held for each training, whatever the list says.
        notes: what a careful reader should know.
        environment: versions.
    """

    rows: tuple[Compared, ...]
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
                    "published": [one.to_dict() for one in row.entry.published],
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

    def to_json(self) -> str:
        """The comparison as a JSON document."""
        from nincost._render import json

        return json.render(self)

    def to_csv(self, path: str | Path | None = None, *, force: bool = False) -> str:
        """A row for each run and published figure, written to `path` where one is given."""
        from nincost._files import write_file
        from nincost._render.train_table import table as train_list_table

        text = train_list_table.render_csv(self)
        if path is not None:
            write_file(path, text, force=force)
        return text

    def to_markdown(self) -> str:
        """The comparison as Markdown."""
        from nincost._render.train_table import table as train_list_table

        return train_list_table.render_markdown(self)

    def to_dataframe(self) -> pd.DataFrame:
        """The CSV's rows as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(list(self.flat()), columns=list(TABLE_COLUMNS))

    def flat(self) -> Iterator[list[Any]]:
        """The rows of the CSV, under `TABLE_COLUMNS`."""
        for row in self.rows:
            for run in row.runs:
                yield [row.entry.name, "here", run.seed, *_figures(run)]
            for one in row.entry.published:
                yield _published_row(row.entry.name, one)

    def __str__(self) -> str:
        from nincost._render.train_table import table as train_list_table

        return train_list_table.render(self, width=120)


def _figures(run: Run) -> list[Any]:
    one = run.training
    if one is None:
        return [None] * 10 + [run.failure]
    last = one.last
    return [
        last.train_loss, last.train_accuracy, last.test_loss, last.test_accuracy,
        one.speed.examples_per_second, one.speed.loading_share, one.speed.flops_per_second,
        one.memory.predicted_bytes, one.memory.measured_bytes, int(one.not_learning), "",
    ]  # fmt: skip


def _published_row(name: str, one: Published) -> list[Any]:
    return [
        name, one.by, None, one.train_loss, one.train_accuracy, None, one.test_accuracy,
        one.examples_per_second, *[None] * 5, "",
    ]  # fmt: skip


def train_table(
    file: str | Path = PUBLISHED,
    *,
    seeds: Sequence[int] | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Callbacks | None = None,
    **options: Any,
) -> TrainTable:
    """Run a list of trainings, each with several seeds, and set published figures beside.

    A training that fails (its loss is no number, a GPU is too small) is told as failed, and the
    next one begins.

    Args:
        file: a TOML file (see `docs/training.md`), or `published`: what readers of the textbook
            wrote of their own trainings.
        seeds: those that each training is run with; the file's where None.
        folder: where each run gets a folder of its own; nothing is written where None.
        resume: go on with what is in the folder: finished runs are not run again.
        force: begin anew in a folder that holds trainings.
        progress: who is told how far it has come.
        options: arguments of `nincost.train` that hold for each training, whatever the file says.

    Raises:
        InterruptedTrainingError: Ctrl-C or SIGTERM.
        NincostError: the list or an option does not fit.
    """
    watch = progress or Callbacks()
    entries, own = read_list(file)
    check_options(options)
    wanted = own if seeds is None else check_seeds(seeds)
    place = Path(folder).expanduser() if folder is not None else None
    download = options.pop("download", False)
    said = ", ".join(f"{key} {value}" for key, value in options.items() if key != "device")
    dataset = load(options.pop("data", None), download=download)
    rows = []
    device = pick_device(options.get("device"))
    with chosen(device), joined(device):  # once, and not for each training anew
        for number, entry in enumerate(entries, start=1):
            runs = []
            for seed in wanted:
                watch.say(f"training {number} of {len(entries)}: {entry.name}, seed {seed}")
                runs.append(
                    _run(
                        entry,
                        seed,
                        place,
                        watch,
                        {**options, "data": dataset},
                        resume=resume,
                        force=force,
                    )
                )
            rows.append(Compared(entry, tuple(runs)))
    notes = []
    if said:
        others = any(row.entry.published for row in rows)
        more = ", so published figures are of others" if others else ""
        notes.append(f"each training was run with {said}{more}")
    notes += [
        f"{row.entry.name}, {one.by}: {one.note}"
        for row in rows
        for one in row.entry.published
        if one.note
    ]
    return TrainTable(tuple(rows), dict(options), tuple(notes), environment())


def _run(
    entry: Entry,
    seed: int,
    place: Path | None,
    watch: Callbacks,
    options: Mapping[str, Any],
    *,
    resume: bool,
    force: bool,
) -> Run:
    folder = place / f"{_slug(entry.name)}-seed{seed}" if place is not None else None
    arguments = {**entry.options, **options}
    try:
        return Run(
            seed,
            train(
                **arguments, seed=seed, folder=folder, progress=watch, force=force,
                resume=resume and folder is not None and (folder / CHECKPOINT).exists(),
            ),
        )  # fmt: skip
    except InterruptedTrainingError:
        raise
    except NincostError as error:
        watch.say(f"failed: {error}")
        return Run(seed, None, str(error))


def _slug(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name).strip("-.") or "training"
