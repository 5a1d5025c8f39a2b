"""Small real scripts, run unchanged on the emulated GPU."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.emulated import answer, needs_emulator

import nincost
from nincost._emulator.results import RUN_CATEGORIES, Run
from nincost._emulator.supervise import Progress
from nincost._trace.recording import CATEGORIES
from nincost.errors import InputError, ModelError

pytestmark = needs_emulator

SCRIPTS = Path(__file__).resolve().parent / "scripts"
MIB = 2**20

#: Categories that no script on one rank has.
OTHERS = dict.fromkeys(RUN_CATEGORIES[len(CATEGORIES) :], 0)


def run(name: str, *arguments: str, **options: Any) -> Run:
    return nincost.run(SCRIPTS / f"{name}.py", arguments, **({"gpu": "a100-80gb"} | options))


def errors_of(text: str) -> list[int]:
    """The figures of the last line `peaks ALLOCATED RESERVED` that a script printed."""
    found = re.findall(r"^peaks (\d+) (\d+)$", text, re.MULTILINE)
    return [int(figure) for figure in found[-1]]


def sums_are_right(result: Run) -> bool:
    """Categories, layers, lines and each line's categories add up to the peak."""
    totals = result.totals
    wholes = [
        sum(totals.categories_at_peak.values()),
        sum(layer.bytes for layer in result.layers),
        sum(line.bytes for line in result.lines),
        sum(sum(line.categories.values()) for line in result.lines),
        result.to_dataframe()["bytes"].sum(),
        result.to_dataframe()[[*RUN_CATEGORIES]].to_numpy().sum(),
    ]
    return wholes == [totals.peak_allocated_bytes] * len(wholes)


BATCH = 2048


@functools.cache
def _plain() -> Run:
    """One run that several tests look at."""
    return run("plain", "--batch-size", BATCH, until_exit=True)


def test_a_plain_script_takes_what_torch_counts_and_memory_predicts(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The truth is torch's own counter, printed by the script, and the model engine."""
    seen: list[Progress] = []
    result = run("plain", "--batch-size", "384", until_exit=True, progress=seen.append)
    out, err = capfd.readouterr()
    assert not out
    assert err.endswith("the end\n")
    totals = result.totals
    assert [totals.peak_allocated_bytes, totals.peak_reserved_bytes] == errors_of(err)
    assert sums_are_right(result)
    assert (result.ranks[0].ended, result.exit_status, result.failure) == ("exit", 0, "")
    assert [step.step for step in result.ranks[0].steps] == [1, 2, 3]
    assert {progress.rank for progress in seen} == {0}

    predicted = nincost.memory(
        f"{SCRIPTS / 'net.py'}:make", input="256", batch_size=384, optimizer="AdamW",
        gpu="a100-80gb",
    )  # fmt: skip
    assert totals.peak_allocated_bytes == predicted.totals.peak_allocated_bytes
    assert dict(predicted.totals.categories_at_peak) | OTHERS == totals.categories_at_peak
    assert dict(predicted.totals.phases) == totals.phases
    assert totals.peak_phase == predicted.totals.peak_phase
    assert totals.peak_layer == predicted.totals.peak_layer
    found = {layer.layer: layer.bytes for layer in result.layers}
    assert found == {layer.layer: layer.bytes for layer in predicted.layers}


@pytest.mark.slow
def test_a_script_that_checkpoints_each_block_takes_what_blocks_predicts() -> None:
    result = run("plain", "--batch-size", "384", "--checkpoint")
    predicted = nincost.memory(
        f"{SCRIPTS / 'net.py'}:make", input="256", batch_size=384, optimizer="AdamW",
        gpu="a100-80gb", activation_checkpointing=True,
    )  # fmt: skip
    for name in ("peak_allocated_bytes", "peak_reserved_bytes", "categories_at_peak"):
        of_script = getattr(result.totals, name)
        of_blocks = getattr(predicted.totals, name)
        assert of_script == (of_blocks | OTHERS if name.startswith("cat") else of_blocks)


def test_what_stands_between_two_layers_is_their_parents() -> None:
    """The peak is in backward: relu's gradient is the block's, as the model engine has it."""
    result = _plain()
    predicted = nincost.memory(
        f"{SCRIPTS / 'net.py'}:make", input="256", batch_size=BATCH, optimizer="AdamW",
        gpu="a100-80gb",
    )  # fmt: skip
    assert result.totals.peak_phase == "backward"
    found = {layer.layer: layer.bytes for layer in result.layers}
    assert found["2"] == BATCH * 1024 * 4
    assert found == {layer.layer: layer.bytes for layer in predicted.layers}


def test_lines_are_the_users_own() -> None:
    result = _plain()
    codes = {row.line: row.code for row in result.lines}
    lines = (SCRIPTS / "net.py").read_text().splitlines()
    place = lines.index("        return x + self.down(torch.relu(hidden))") + 1
    assert codes[f"net.py:{place}"] == "return x + self.down(torch.relu(hidden))"
    saved = [row for row in result.lines if row.line == f"net.py:{place}"]
    # Of each block, relu's output of 4 x 256 and the block's output of 256, in float32.
    assert sum(row.categories["activations"] for row in saved) >= 2 * BATCH * 5 * 256 * 4
    (model,) = {row.line for row in result.lines if row.categories["parameters"]}
    assert codes[model] == "model = net.make().cuda()"
    (state,) = {row.line for row in result.lines if row.categories["optimizer_state"]}
    assert codes[state] == "optimizer.step()"


def test_a_scaler_accumulation_workers_and_much_output() -> None:
    result = run("variants", "everything")
    (rank,) = result.ranks
    assert (rank.ended, len(rank.steps), result.exit_status) == ("steps", 3, 0)
    # Each step has forward and backward four times; gradients stay in between.
    assert rank.steps[1].phases["after_backward"] == rank.steps[2].phases["after_backward"]
    assert result.totals.categories_at_peak["gradients"] > 0
    assert sums_are_right(result)


@pytest.mark.parametrize(
    ("kind", "ended", "status", "failure"),
    [
        ("raises", "exception", 2, "ValueError: the second batch is bad"),
        ("exits", "exit", 2, "exit status 3"),
        ("swallows", "steps", 0, ""),
    ],
)
def test_however_a_script_ends_its_steps_are_reported(
    kind: str, ended: str, status: int, failure: str
) -> None:
    result = run("variants", kind)
    (rank,) = result.ranks
    assert (rank.ended, result.exit_status) == (ended, status)
    assert failure in rank.failure
    assert len(rank.steps) == (3 if kind == "swallows" else 2)
    assert rank.steps[1].peak_allocated_bytes == rank.peak_allocated_bytes
    if kind == "raises":
        assert 'variants.py:32 `raise ValueError("the second batch is bad")`' in rank.failure


def test_calls_of_a_module_are_counted_where_nothing_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A module is run as `python -m` does: from the current folder."""
    monkeypatch.chdir(SCRIPTS)
    result = nincost.run("variants", ["infers"], module=True, gpu="a100", calls=4)
    assert result.script == "-m variants"
    (rank,) = result.ranks
    assert (rank.ended, rank.unit, len(rank.steps)) == ("calls", "call", 4)
    assert result.totals.categories_at_peak["gradients"] == 0
    assert result.totals.categories_at_peak["parameters"] == 6_317_568
    assert result.totals.peak_phase == "forward"


def test_ctrl_c_reports_what_there_is() -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step >= 1:
            raise KeyboardInterrupt

    result = run("variants", "swallows", "slowly", steps=100_000, progress=interrupt)
    (rank,) = result.ranks
    assert rank.ended == "interrupt"
    assert result.exit_status == 130
    assert len(rank.steps) >= 1


def test_a_script_that_takes_no_step_is_ended_in_time() -> None:
    with pytest.raises(ModelError) as raised:
        run("waits", timeout=2)
    message = str(raised.value)
    assert "it waited for optimizer step 1 of 3, and has seen none" in message
    assert "waits.py:5 `time.sleep(600)`" in message
    assert "--timeout" in message


def test_a_download_is_named_with_what_to_do_instead() -> None:
    with pytest.raises(ModelError) as raised:
        run("downloads")
    message = str(raised.value)
    assert 'downloads.py:13 `library["from_pretrained"]("meta-llama/Llama-3.1-8B")`' in message
    assert "from_config" in message


def test_out_of_memory_as_on_the_card_and_how_much_is_needed() -> None:
    failed = run("too_large", gpu="4GiB")
    event = failed.ranks[0].out_of_memory
    assert event is not None
    assert (failed.totals.fits, failed.exit_status, failed.failure) == (False, 1, "")
    assert (event.step, event.phase, event.layer) == (1, "forward", "0")
    assert event.code == "return x + self.down(torch.relu(hidden))"
    # relu's output: batch 2^17, width 4 x 1024, float32.
    assert event.requested_bytes == 2**17 * 4 * 1024 * 4
    context = failed.totals.context_bytes
    assert event.free_bytes == 4 * 2**30 - context - event.reserved_bytes
    assert event.shortfall_bytes == event.requested_bytes - event.free_bytes
    assert failed.totals.categories_at_peak["parameters"] > 0
    assert str(failed).startswith("DOES NOT FIT: out of memory in step 1 at net.py:15 `return x + ")

    whole = run("too_large", gpu="4GiB", capacity="unlimited", budget="64GiB")
    assert (whole.totals.fits, whole.exceeds_budget, whole.exit_status) == (False, False, 1)
    assert whole.ranks[0].out_of_memory is None
    assert len(whole.ranks[0].steps) == 3
    assert whole.totals.process_bytes > 4 * 2**30
    assert str(whole).startswith("DOES NOT FIT: needs ")


def test_a_script_that_halves_its_batch_is_reported_as_such() -> None:
    result = run("too_large", "halve", gpu="4GiB")
    (rank,) = result.ranks
    assert (rank.out_of_memory, result.exit_status, len(rank.steps)) == (None, 0, 3)
    sizes = [event.requested_bytes for event in rank.caught]
    assert sizes == [2**17 * 4 * 1024 * 4, 2**16 * 4 * 1024 * 4]
    assert "the script went on" in str(result)


@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_one_rank_of_many(kind: str) -> None:
    result = run("ranks", kind, ranks=16, rank="9")
    (rank,) = result.ranks
    assert (rank.rank, rank.ended, len(rank.steps), result.world_size) == (9, "steps", 3, 16)
    assert sums_are_right(result)
    parameters = sum(
        (512 * 2048 + 2048 + 2048 * 512 + 512) * 4 for _ in range(3)
    ) + (512 * 10 + 10) * 4  # fmt: skip
    held = result.totals.categories_at_peak
    if kind == "ddp":
        # Gradients, and once more in buckets; what blocks are rounded up to is under 1%.
        assert parameters <= held["parameters"] < 1.01 * parameters
        assert parameters <= held["gradients"] < 1.01 * parameters
        assert parameters <= held["communication"] < 1.01 * parameters
    else:
        assert held["parameters"] < parameters / 4  # a 16th of them, and one block in bfloat16
        assert 2 * parameters / 16 < held["optimizer_state"] < 1.1 * 2 * parameters / 16
    assert result.totals.categories_at_peak["other"] < MIB


@pytest.mark.slow
def test_hugging_faces_trainer(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    result = run("trainer", str(tmp_path))
    (rank,) = result.ranks
    assert (rank.ended, len(rank.steps)) == ("steps", 3)
    vias = {row.via.partition(":")[0] for row in result.lines}
    assert "modeling_llama.py" in vias
    assert {row.line.partition(":")[0] for row in result.lines} == {"scripts/trainer.py"}


HISTORY = """
import json, runpy, sys
import torch
torch.cuda.memory._record_memory_history("all", context="alloc", stacks="python")
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv.pop(0))
runpy.run_path(sys.argv[0], run_name="__main__")
(events,) = torch.cuda.memory._snapshot()["device_traces"]
print(json.dumps([[e["action"], e["size"]] for e in events if e["action"] != "snapshot"]))
"""


def test_observing_changes_no_allocation() -> None:
    """The same script without nincost's hooks: each allocation and free, in order."""
    arguments = (str(SCRIPTS / "plain.py"), "--batch-size", str(BATCH))
    plain = answer(HISTORY, str(SCRIPTS), *arguments, gpu="a100-80gb")
    result = _plain()
    import pickle

    assert result.snapshot is not None
    (events,) = pickle.loads(result.snapshot)["device_traces"]
    observed = [[e["action"], e["size"]] for e in events if e["action"] != "snapshot"]
    both = min(len(observed), len(plain))
    assert observed[:both] == plain[:both]
    # What the script leaves is freed when it has ended: when, is the collector's choice.
    assert all(action.startswith("free") for action, _ in plain[both:])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"script": "plian.py"}, "there is no script .*did you mean 'plain.py'"),
        ({"script": "."}, "is a folder without __main__.py"),
        ({"gpu": "a1000"}, "unknown GPU 'a1000'"),
        ({"ranks": 12}, "12 ranks are no whole number of nodes of 8.*such as 4"),
        ({"ranks": 4, "rank": "4"}, "rank 4 is none of 4: expected 0 to 3"),
        ({"rank": "first"}, "expected a number, several as in 0,7, or all-different"),
        ({"steps": 0}, "steps is 0: expected 1 or more"),
        ({"budget": "22"}, "size '22' is no amount of memory"),
        ({"timeout": -1}, "timeout is -1: expected seconds above 0"),
        ({"assume": "some"}, "assume is 'some': expected all, half, none or a number from 0 to 1"),
        ({"routing": "fair"}, "routing is 'fair': expected balanced, or first"),
        ({"gpu": "h10"}, "did you mean 'h100'"),
        ({"args": "--batch-size 32"}, r"expected a list, such as \['--batch-size', '32'\]"),
    ],
)
def test_mistakes(options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SCRIPTS)
    with pytest.raises(InputError, match=words):
        nincost.run(**({"script": "plain.py"} | options))


@pytest.mark.parametrize("width", [80, 120])
def test_tables_keep_their_figures_whole(width: int) -> None:
    from nincost._result import render

    lines = str(render(_plain(), "table", width=width)).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("FITS: needs ")
    figures = [line for line in lines if re.search(r"\d (KiB|MiB|GiB)$", line)]
    assert len(figures) > 10
    assert not any(re.search(r"\d\.\d* ?[KMGTi]*…", line) for line in lines)


def test_formats(tmp_path: Path) -> None:
    result = _plain()
    document = json.loads(result.to_json())
    assert document["command"] == "run"
    assert document["kind"] == "emulated"
    assert {"rank", "steps", "out_of_memory", "process_bytes"} <= set(document["ranks"][0])
    assert (
        sum(document["totals"]["categories_at_peak"].values())
        == (document["totals"]["peak_allocated_bytes"])
    )
    rows = result.to_csv().splitlines()
    assert rows[0].startswith("line,function,via,layer,bytes,parameters")
    assert "**FITS: needs" in result.to_markdown()
    assert "FITS: needs" in result.to_html()
    result.plot(tmp_path / "step.svg")
    assert "nincost-activations" in (tmp_path / "step.svg").read_text()
    result.to_snapshot(tmp_path / "snapshot.pickle")
    assert (tmp_path / "snapshot.pickle").stat().st_size > 1000
    assert repr(result).startswith("Run(script=")
