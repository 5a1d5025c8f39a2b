"""Lists of trainings: the published one, files of one's own, and their comparison."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support.trainings import MADE_UP, TINY, RecordingCallbacks, figures, small

import nincost
from nincost._models.nin import VARIANTS
from nincost._render.train_table import table as train_list_table
from nincost._train.compare_runs import TABLE_COLUMNS, TrainTable
from nincost._train.run_list import read_run_list
from nincost.errors import InputError, InterruptedTrainingError

LIST = f"""
seeds = [0, 1]

[[run]]
name = "tiny, Adam"
model = {TINY!r}
optimizer = "Adam"
lr = 0.01
[[run.published]]
by = "somebody"
train_loss = 0.5
test_accuracy = 0.9
note = "in a hurry"

[[run]]
name = "tiny, exploding"
model = {TINY.replace("Tiny", "Explodes")!r}
"""
QUICK: dict[str, Any] = {
    "data": MADE_UP, "resize": 28, "batch_size": 32, "limit": 250, "test_limit": 100,
    "epochs": 2, "device": "cpu", "trust": True,
}  # fmt: skip


def test_the_published_list_has_what_the_readers_wrote() -> None:
    entries, seeds = read_run_list()
    assert seeds == (0, 1, 2)
    found = {
        (entry.options["model"], entry.options.get("optimizer", "SGD"), entry.options["lr"],
         entry.options["batch_size"], entry.options["resize"], entry.options["epochs"],
         entry.options.get("init", "xavier"))
        for entry in entries
    }  # fmt: skip
    assert found == {
        ("one-1x1", "SGD", 0.1, 128, 224, 10, "xavier"),
        ("two-1x1", "SGD", 0.1, 128, 224, 10, "xavier"),
        ("two-1x1", "SGD", 0.12, 128, 224, 15, "xavier"),
        ("two-1x1", "Adam", 0.001, 512, 96, 10, "xavier"),
        ("two-1x1", "Adam", 0.002, 1024, 96, 10, "xavier"),
        ("two-1x1", "SGD", 0.1, 128, 224, 10, "default"),
    }
    assert all(entry.options["model"] in VARIANTS for entry in entries)
    tests = [one.test_accuracy for entry in entries for one in entry.published]
    assert tests == [0.885, 0.8527, 0.884, 0.870, 0.8856, 0.906, 0.901, None]
    speeds = [one.examples_per_second for entry in entries for one in entry.published]
    assert [speed for speed in speeds if speed] == [1759.6, 1287.0]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TrainTable:
    folder = tmp_path_factory.mktemp("table")
    (folder / "list.toml").write_text(LIST)
    return nincost.train_table(folder / "list.toml", folder=folder / "runs", **QUICK)


def test_each_training_is_run_with_each_seed(table: TrainTable) -> None:
    adam, exploding = table.rows
    assert [run.seed for run in adam.runs] == [0, 1]
    for run in adam.runs:
        assert run.training is not None
        assert figures(run.training) == figures(small(seed=run.seed))
    assert [run.training for run in exploding.runs] == [None, None]
    assert all("became NaN or infinite" in run.failure for run in exploding.runs)


def test_the_mean_and_what_was_published_stand_together(table: TrainTable) -> None:
    adam = table.rows[0]
    values = adam.values("test_accuracy")
    text = train_list_table.render(table, width=120)
    middle, away = sum(values) / 2, abs(values[0] - values[1]) / 2
    assert f"{middle:.3f} ±{away:.3f}" in text
    assert "here, 2 seeds, 2 failed" in text
    assert "somebody" in text
    assert "tiny, Adam, somebody: in a hurry" in text
    assert "so published figures are of other settings" in " ".join(text.split())
    for line in train_list_table.render(table, width=80).splitlines():
        assert len(line) <= 80
    assert "| tiny, Adam | here, 2 seeds |" in table.to_markdown()


def test_csv_and_json_have_each_run(table: TrainTable) -> None:
    rows = list(csv.DictReader(table.to_csv().splitlines()))
    assert tuple(rows[0]) == TABLE_COLUMNS
    assert [(row["training"], row["by"], row["seed"]) for row in rows] == [
        ("tiny, Adam", "here", "0"), ("tiny, Adam", "here", "1"), ("tiny, Adam", "somebody", ""),
        ("tiny, exploding", "here", "0"), ("tiny, exploding", "here", "1"),
    ]  # fmt: skip
    assert float(rows[0]["test_accuracy"]) == table.rows[0].values("test_accuracy")[0]
    assert rows[2]["train_loss"] == "0.5"
    assert "became NaN or infinite" in rows[3]["failure"]
    document = json.loads(table.to_json())
    assert document["trainings"][0]["runs"][1]["result"]["settings"]["seed"] == 1
    assert len(table.to_dataframe()) == 5


def test_finished_runs_are_not_run_again(tmp_path: Path) -> None:
    first = LIST.split('[[run]]\nname = "tiny, exploding', maxsplit=1)[0]
    (tmp_path / "list.toml").write_text(first)
    stop = RecordingCallbacks(20, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(InterruptedTrainingError):
        nincost.train_table(tmp_path / "list.toml", folder=tmp_path, progress=stop, **QUICK)
    callbacks = RecordingCallbacks()
    again = nincost.train_table(
        tmp_path / "list.toml", folder=tmp_path, resume=True, progress=callbacks, **QUICK
    )
    assert callbacks.steps == 2 * 16 - 20
    for run in again.rows[0].runs:
        assert run.training is not None
        assert figures(run.training) == figures(small(seed=run.seed))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[run", "no TOML"),
        ("seeds = [0]", "lists no training"),
        ("run = 3", "lists no training"),
        ("[[run]]\nmodel = 'two-1x1'", "without a name"),
        ("[[run]]\nname = 'a'\nlearning_rate = 1", "unknown 'learning_rate'"),
        ("[[run]]\nname = 'a'\nseed = 1", "unknown 'seed'"),
        ("[[run]]\nname = 'a'\nepoch = 1", "did you mean 'epochs'"),
        (
            "[[run]]\nname = 'a'\n[[run]]\nname = 'a'",
            "folders would be called 'a'",
        ),
        ("seeds = [0, 0]\n[[run]]\nname = 'a'", "each once"),
        ("seeds = 'x'\n[[run]]\nname = 'a'", "expected whole numbers"),
        ("[[run]]\nname = 'a'\n[[run.published]]\ntest_accuracy = 0.9", "need by"),
        ("[[run]]\nname = 'a'\n[[run.published]]\nby = 'b'\nacc = 0.9", "unknown 'acc'"),
        ("sedes = [1]\n[[run]]\nname = 'a'", "did you mean 'seeds'"),
        ("[[run]]\nname = 'a/b'\n[[run]]\nname = 'a-b'", "'a/b' and 'a-b'"),
        ("[[run]]\nname = 'a'\npublished = 3", "write a \\[\\[run.published"),
        ("[[run]]\nname = 'a'\n[[run.published]]\nby = 3", "by = 3: expected a text"),
        ("[[run]]\nname = 'a'\n[[run.published]]\nby = 'b'\ntrain_loss = 'x'", "a number"),
        ("a = " + 3000 * "[" + 3000 * "]", "no TOML"),
        ("[[run]]\nname = 'a'\nmodel = 'os:system'\narg = {command = 'false'}", "--trust"),
        ("[[run]]\nname = 'a'\nmodel = 'evil.py:f'", "would run code"),
        ("[[run]]\nname = 'a'\nmodel = 'evil.py'", "would run code"),
    ],
)
def test_mistakes_of_a_list_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "list.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_run_list(path)


def test_no_file_and_no_such_option() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_run_list("nowhere.toml")
    with pytest.raises(InputError, match="unknown 'epoch'"):
        nincost.train_table(epoch=3)
    with pytest.raises(InputError, match="FOLDER"):
        nincost.train_table(data="/nowhere")


def test_a_list_runs_no_code_unless_it_is_trusted(tmp_path: Path) -> None:
    """`os:system` with its command ran, though docs/security.md said that lists run nothing."""
    path = tmp_path / "list.toml"
    ran = tmp_path / "ran"
    path.write_text(
        f"[[run]]\nname = 'a'\nmodel = 'os:system'\narg = {{command = 'touch {ran}'}}\n"
    )
    with pytest.raises(InputError, match="os:system"):
        nincost.train_table(path, **(QUICK | {"trust": False}))
    assert not ran.exists()


def test_names_of_a_list_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_text(
        '[[run]]\nname = "a\\u001b[31m\\u0007\\u202e"\n[[run.published]]\nby = "b\\u001b[2J"\n'
        'note = "c\\u0007"\n'
    )
    (entry,), _ = read_run_list(path)
    assert entry.name == "a\\x1b[31m\\x07\\u202e"
    assert (entry.published[0].by, entry.published[0].note) == ("b\\x1b[2J", "c\\x07")
