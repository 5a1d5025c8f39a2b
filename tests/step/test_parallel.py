"""How a step is spread over ranks: sizes that must divide, options that go together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nincost._step.option_fields import options_of
from nincost._step.parallel import Parallel, ParallelOptions, parallel_words, split_options
from nincost._step.tp_plan import read_tp_plan
from nincost.errors import InputError


def test_ranks_are_those_of_tensor_data_and_pipeline_together() -> None:
    found = Parallel(ranks=64, tp=8, parallel="hsdp:4")
    assert (found.data, found.shard, found.kind) == (8, 4, "hsdp")
    assert Parallel(ranks=8, tp=8).kind == ""
    assert Parallel(ranks=8).kind == "ddp"
    assert Parallel(ranks=8, parallel="FSDP").shard == 8
    assert Parallel().is_usual
    assert not Parallel(compile=True).is_usual


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ranks": 0}, "ranks is 0"),
        ({"ranks": 1 << 21}, "1,048,576 at most"),
        ({"ranks": 6, "tp": 4}, "6 ranks do not divide by tp 4 x pp 1: give --ranks 8"),
        ({"ranks": 12}, "no whole number of nodes of 8"),
        ({"ranks": 8, "parallel": "hsdp:3"}, "8 data-parallel ranks do not divide by hsdp:3"),
        ({"ranks": 8, "parallel": "hsdp"}, "write hsdp:N"),
        ({"ranks": 8, "parallel": "ddp:2"}, "only hsdp takes a number"),
        ({"ranks": 8, "parallel": "fdsp"}, "did you mean 'fsdp'"),
        ({"parallel": "fsdp"}, "there is one data-parallel rank: give --ranks"),
        ({"ranks": 8, "mixed_precision": "bf16"}, "--amp is mixed precision for ddp"),
        ({"ranks": 8, "cpu_offload": True}, "cpu_offload goes with fsdp or hsdp"),
        ({"ranks": 8, "fsdp_wrap": "x.*"}, "fsdp_wrap goes with fsdp or hsdp"),
        ({"ranks": 8, "tp_plan": "a.json"}, "tp_plan goes with tp of 2 or more"),
        ({"ranks": 8, "microbatches": 4}, "microbatches goes with pp of 2 or more"),
        ({"ranks": 8, "pp": 4}, "ddp cannot train a pipeline's stages"),
        ({"ranks": 8, "pp": 4, "parallel": "zero1"}, "zero1 cannot train a pipeline's stages"),
        ({"ranks": 4, "pp": 4, "compile": True}, "compile is not known of a pipeline"),
        ({"ranks": 4, "pp": 4, "schedule": "1f2b"}, "did you mean '1f1b'"),
    ],
)
def test_refuses_what_does_not_fit_together(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        Parallel(**options)


def test_options_for_functions_are_those_of_the_dataclass() -> None:
    assert list(ParallelOptions.__annotations__) == [
        field.name for field, _ in options_of(Parallel)
    ]
    rest, found = split_options({"optimizer": "SGD", "ranks": 8, "parallel": "fsdp"})
    assert rest == {"optimizer": "SGD"}
    assert parallel_words(found.options()) == "on 8 ranks, fsdp"


def test_reads_a_plan_from_json_and_toml(tmp_path: Path) -> None:
    plan = {"layers.*.up": "colwise", "layers.*.down": "RowwiseParallel", "head": "colwise_rep"}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "plan.toml").write_text("".join(f'"{k}" = "{v}"\n' for k, v in plan.items()))
    found = read_tp_plan(str(tmp_path / "plan.json"))
    assert found == {"layers.*.up": "colwise", "layers.*.down": "rowwise", "head": "colwise_rep"}
    assert read_tp_plan(str(tmp_path / "plan.toml")) == found
    for text, words in (
        ("{", "no JSON or TOML"),
        ("{}", "is empty"),
        ('{"a": "colwize"}', "colwise"),
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError, match=words):
            read_tp_plan(str(tmp_path / "bad.json"))
    with pytest.raises(InputError, match="cannot be read"):
        read_tp_plan(str(tmp_path / "none.json"))
