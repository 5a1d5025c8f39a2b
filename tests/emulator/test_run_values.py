"""What a script's values decide: assumed, counted, and named in the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.emulated import needs_emulator

import nincost
from nincost._emulator.results import Run

pytestmark = needs_emulator

SCRIPTS = Path(__file__).resolve().parent / "scripts"
WIDTH, TOKENS, EXPERTS, EACH = 256, 4096, 8, 2


def test_what_hangs_on_values_is_assumed_and_named(nincost_process: Any) -> None:
    """By the command: half of a random mask, experts alike, and all that the host knows exactly."""
    done = nincost_process(
        "run", "--gpu", "rtx4090", "--assume", "half", "--until-exit", "--budget", "100MiB",
        "--format", "json", "routed.py", "--lr", "1", cwd=SCRIPTS,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr  # over the budget
    document = json.loads(done.stdout)
    assert document["arguments"] == ["--lr", "1"]
    assert document["totals"]["budget_bytes"] == 100 << 20
    assert document["totals"]["fits"] is True
    assert document["environment"]["torch"] == torch.__version__
    text = (SCRIPTS / "routed.py").read_text().splitlines()

    def at(code: str) -> str:
        return f"routed.py:{[line.strip() for line in text].index(code) + 1}"

    held: dict[str, int] = {}
    for row in document["lines"]:
        held[row["line"]] = held.get(row["line"], 0) + row["categories"]["activations"]
    # Of each expert: what it is sent, its output, and that times the weights; all saved.
    sent = at("sent = expert(x[token])")
    rows = TOKENS * EACH * WIDTH * 4
    assert held[sent] == 2 * rows
    # Half of the rows, with the mask that is saved for backward, and a quarter of them.
    dropped = at('dropped = output[torch.rand(TOKENS, device="cuda") > 0.1]')
    counted = at("counted = output[labels.cuda() == 3]")
    assert held[dropped] - TOKENS == TOKENS // 2 * WIDTH * 4
    assert held[counted] == TOKENS // 4 * WIDTH * 4

    found = {(one["name"], one["line"]): one for one in document["assumed"]}
    assert found["nonzero", dropped]["detail"] == "2,048 of 4,096 elements"
    where = at("token, place = torch.where(chosen == number)")
    assert found["nonzero", where]["detail"] == "1,024 of 8,192 elements, as routed"
    assert found["nonzero", where]["count"] == EXPERTS * 2
    assert ("nonzero", counted) not in found
    (read,) = (one for one in document["assumed"] if one["kind"] == "value")
    assert (read["code"], read["count"]) == ("if loss.item() > 1e9:", 2)
    assert document["settings"]["assume"] == "half"
    (note,) = document["notes"]
    assert note.startswith("1 fill of a large tensor on the CPU (8.000 MiB) was skipped")


def test_a_recurrent_layer_and_a_detector(capfd: pytest.CaptureFixture[str]) -> None:
    """torch's own counters; boxes that a card would choose are named with torchvision's lines."""
    result = nincost.run(SCRIPTS / "recurrent_and_detector.py", assume="0.1", until_exit=True)
    allocated, reserved = map(int, capfd.readouterr().err.split()[-2:])
    totals = result.totals
    assert (totals.peak_allocated_bytes, totals.peak_reserved_bytes) == (allocated, reserved)
    assert {one.line.partition(":")[0] for one in result.assumed} == {"recurrent_and_detector.py"}
    vias = {one.via.partition(":")[0] for one in result.assumed if one.kind == "size"}
    assert {"rpn.py", "boxes.py"} <= vias
    assert "rnn" not in " ".join(result.uncounted).lower()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lightning", "accelerate"])
def test_training_loops_of_others(kind: str) -> None:
    """Two backward passes a step; a step counts when the optimizer has stepped."""
    pytest.importorskip(kind)
    result = nincost.run(SCRIPTS / "fabric.py", [kind], gpu="h100")
    (rank,) = result.ranks
    assert (rank.ended, len(rank.steps), result.exit_status) == ("steps", 3, 0)
    assert {row.line.partition(":")[0] for row in result.lines} <= {"fabric.py", "net.py", ""}


def test_the_words_for_what_is_assumed() -> None:
    from support.made_up_script import made_up_run

    result: Run = made_up_run()
    text = result.to_markdown()
    for words in (
        "nonzero found 8 of 8 elements the first time at train.py:9 (2 times)",
        "--assume none or half",
        "autotuning took the first choice of each kernel, without timing it: mm",
        "what was read back from the card: copy to the host at train.py:9 (7 times)",
        "3 fills of large tensors on the CPU (1.000 GiB) were skipped",
    ):
        assert words in text
