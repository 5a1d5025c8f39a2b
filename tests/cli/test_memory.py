"""`nincost memory`, `fit` and `validate` as a user types them."""

from __future__ import annotations

import json
import pickle

import pytest
import torch

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def test_the_table_is_the_default_and_suggests(nincost_cli):
    done = nincost_cli("memory", "--batch-size", "8", "--no-measure", columns=80)
    assert done.status == 0
    assert done.out.startswith("two-1x1 on 8x1x224x224: a training step with SGD")
    assert "To reduce" in done.out
    assert done.err == ""


def test_json_has_the_totals_and_no_suggestions_unless_asked(nincost_cli):
    plain = json.loads(nincost_cli("memory", "--no-measure", "--format", "json").out)
    asked = json.loads(nincost_cli("memory", "--no-measure", "--format", "json", "--suggest").out)
    assert plain["suggestions"] == []
    assert plain["totals"] == asked["totals"]
    assert asked["suggestions"]


def test_csv_and_pictures_are_files(nincost_cli, tmp_path):
    paths = [tmp_path / name for name in ("out.csv", "step.svg", "step.pickle")]
    arguments = ["memory", "--no-measure", "--output", paths[0], "--timeline", paths[1]]
    arguments += ["--snapshot", paths[2]]
    done = nincost_cli(*arguments)
    assert done.status == 0
    assert done.out == ""
    assert done.err.count("wrote") == 3
    assert paths[0].read_text().startswith("layer,bytes,parameters,")
    assert paths[1].read_text().startswith("<svg")
    assert "segments" in pickle.loads(paths[2].read_bytes())
    again = nincost_cli(*arguments)
    assert again.status == 2
    assert "--force" in again.err


def test_options_reach_the_prediction(nincost_cli):
    done = nincost_cli(
        "memory", "two-1x1", "--optimizer", "SGD", "--optimizer-arg", "momentum=0.9", "--amp",
        "bfloat16", "--grad-accumulation", "2", "--no-grad-set-to-none",
        "--activation-checkpointing", "top-level", "--optimizer-impl", "for-loop",
        "--gpu", "t4", "--no-measure", "--clip-grad-norm", "2", "--grad-scaler",
        "--format", "json",
    )  # fmt: skip
    settings = json.loads(done.out)["settings"]
    assert settings == {
        "loss": "cross-entropy", "optimizer": "SGD", "optimizer_arg": {"momentum": 0.9},
        "optimizer_impl": "for-loop", "amp": "bfloat16", "grad_scaler": True,
        "clip_grad_norm": 2.0, "dtype": None, "channels_last": False,
        "grad_accumulation": 2, "activation_checkpointing": "top-level", "inference": False,
        "grad_set_to_none": False,
        "zero_grad_before_forward": False, "cudnn_benchmark": False, "alloc_conf": "",
        "deterministic": False, "tf32": True, "assume": "balanced", "on_cpu": False,
        "freeze": "", "lora": "", "quantize": "",
        "cache": "dynamic", "generate": None, "prompt": None, "seq": None,
        "ema": "", "offload_activations": "", "optimizer_in_backward": False,
        "nodes": None, "edges": None, "boxes": None,
    }  # fmt: skip


def test_what_has_no_rule_is_named_in_each_format(nincost_cli, tmp_path):
    path = tmp_path / "spectral.py"
    path.write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.linear = torch.nn.Linear(8, 8)\n"
        "    def forward(self, x):\n"
        "        return torch.linalg.svdvals(self.linear(x))\n",
        encoding="utf-8",
    )
    arguments = ("memory", f"{path}:Net", "--input", "8", "--no-suggest", "--no-measure")
    for kind in ("table", "markdown", "csv", "json"):
        done = nincost_cli(*arguments, "--format", kind)
        assert "uncounted: scratch memory of aten._linalg_svd" in done.err
        assert ("_linalg_svd" in done.out.replace("\\", "")) == (kind != "csv")
    assert "aten._linalg_svd" in json.loads(done.out)["uncounted"]


def test_a_scaler_cannot_unscale_half_gradients(nincost_cli):
    done = nincost_cli("memory", "--dtype", "float16", "--grad-scaler")
    assert done.status == 2
    assert "float16 gradients" in done.err


def test_fit_answers(nincost_cli):
    done = nincost_cli("fit", "--gpu", "2GiB", "--format", "json")
    totals = json.loads(done.out)["totals"]
    assert totals["process_bytes"] <= 2 << 30 < totals["next_process_bytes"]
    table = nincost_cli("fit", "--gpu", "2GiB", columns=80)
    assert f"Batch {totals['batch_size']}" in table.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["memory", "--optimizer", "Adan"], "did you mean 'Adam'?"),
        (["memory", "--loss", "hinge"], "choose cross-entropy, mse, sum"),
        (["memory", "--gpu", "rtx9999"], "unknown GPU 'rtx9999'"),
        (["memory", "--optimizer-arg", "lr"], "--optimizer-arg 'lr' is not key=value"),
        (["memory", "--timeline", "/no/such/folder/x.svg"], "there is no folder"),
        (["fit", "--gpu", "400MiB"], "a batch of 1 needs"),
        (["fit", "--gpu", "24GiB", "--batch-size", "3"], "fit finds the batch size"),
        (["validate", "--recorded", "/no/such/report.json"], "cannot be read"),
        pytest.param(["fit"], "give --gpu", marks=NO_GPU),
        pytest.param(["memory", "--measure"], "no CUDA GPU to measure on", marks=NO_GPU),
        pytest.param(["validate"], "no CUDA GPU to validate on", marks=NO_GPU),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_status_2(nincost_cli, arguments, words):
    done = nincost_cli(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert done.err.startswith("nincost: error: ")
    assert words in done.err


def test_a_named_card_that_is_too_small_is_a_failed_check(nincost_cli) -> None:
    small = nincost_cli("memory", "two-1x1", "--gpu", "430MiB", "--no-suggest")
    assert (small.status, small.out.splitlines()[0].partition(":")[0]) == (1, "DOES NOT FIT")
    assert nincost_cli("memory", "two-1x1", "--gpu", "rtx3060", "--no-suggest").status == 0
