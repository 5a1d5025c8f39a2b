"""The public names, the commands' Python twins, fast imports, and models of 70 billion."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import click
import pytest

import nincost
from nincost._cli.main import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[1]


#: The largest resident memory of the process itself, in bytes. (getrusage counts what the parent
#: had at the fork, too.)
PEAK = """
import re
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def python(code: str, *, timeout: int = 120) -> str:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-c", PEAK + textwrap.dedent(code)], capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONPATH": path}, timeout=timeout,
    )  # fmt: skip
    return done.stdout


def test_importing_nincost_imports_no_torch() -> None:
    code = """
    import sys, nincost
    heavy = {"torch", "numpy", "pandas", "rich", "torchvision", "fvcore", "timm", "transformers",
             "matplotlib"}
    print(sorted(heavy & set(sys.modules)))
    """
    assert python(code).strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["profile", "--help"], ["memory", "-h"], []]
)
def test_help_imports_no_torch(arguments: list[str]) -> None:
    code = f"""
    import sys
    from nincost._cli.main import run
    try:
        run({arguments!r} or None) if {bool(arguments)} else run([])
    except SystemExit as error:
        assert not error.code, error.code
    heavy = {{"torch", "numpy", "pandas", "rich", "torchvision", "fvcore", "matplotlib"}}
    print("LOADED", sorted(heavy & set(sys.modules)))
    """
    assert python(code).splitlines()[-1] == "LOADED []"


def test_a_lazy_models_profile_imports_no_compiler() -> None:
    """Its first run learns shapes; torch's own meta kernels would import it (seconds)."""
    code = """
    import sys, nincost
    print(nincost.profile("fc-head").totals.params, "torch._dynamo" in sys.modules)
    """
    assert python(code).split() == ["58105354", "False"]


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted(nincost.__all__) == dir(nincost)
    for name in nincost.__all__:
        value = getattr(nincost, name)
        assert name.startswith("__") or inspect.getdoc(value), name
    with pytest.raises(AttributeError, match="no attribute 'profil'"):
        _ = nincost.profil
    for kind in ("InputError", "ModelError", "OutputError", "UncountedError"):
        assert issubclass(getattr(nincost, kind), nincost.NincostError)


#: Options of the command line alone: where the result goes, and another spelling of MODEL.
ONLY_CLI = {
    "variant", "format_", "output", "force", "quiet", "verbose", "no_color", "help", "all_rows",
    "picture_width",
    "timeout",  # it works by a signal, which belongs to the program's main thread
}  # fmt: skip
#: Of one command alone: files written beside, rows shown, and a batch that fit itself finds.
ONLY_CLI_OF = {
    "memory": {"timeline", "snapshot", "top", "verify"},  # nincost.verify
    "fit": {"batch_size"}, "time": {"trace", "top"}, "validate": {"reports"},
    "run": {"timeline", "snapshot", "top"},
    "plan": {"top"}, "sweep": {"top"},
    "train": {"table", "seeds", "trust"},  # nincost.train_table
}  # fmt: skip
#: Of one function alone: who is told how far it has come, and what each command has as an output
#: option.
ONLY_PYTHON_OF = {
    "memory": {"step", "models", "optimizers"},  # file.py:step
    "validate": {"progress"}, "train": {"progress", "force"},
    "run": {"progress", "timeout"},  # its --timeout is that of each command
}  # fmt: skip
#: What of a result is shown, not how it is made: these classes have the options' names.
VIEWS = {"profile": nincost.View, "compare": nincost.ComparisonView}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_has_its_twin_in_the_function_of_the_same_name(name: str) -> None:
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command is not None
    only_cli = ONLY_CLI | ONLY_CLI_OF.get(name, set())
    options = {p.name: p for p in command.params if p.name not in only_cli}
    parameters = inspect.signature(getattr(nincost, name)).parameters
    only_python = ONLY_PYTHON_OF.get(name, set())
    function = {key: p for key, p in parameters.items() if key not in only_python}
    view = set(inspect.signature(VIEWS[name]).parameters) if name in VIEWS else set()
    assert view <= set(options)
    assert set(options) - view == set(function)
    for key, parameter in function.items():
        default = options[key].get_default(context)  # False of a flag that says nothing
        if "UNSET" in str(default):  # click 8.3's word for "no default"
            default = None
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL or options[key].nargs == -1:
            assert options[key].nargs == -1
        elif parameter.default is inspect.Parameter.empty:
            assert isinstance(options[key], click.Argument)
        elif key == "model":  # the default model's name is filled in by pick_model
            from nincost._models.nin import DEFAULT_MODEL

            assert parameter.default == DEFAULT_MODEL
        elif getattr(options[key], "multiple", False):
            assert parameter.default is None
        else:
            assert parameter.default == default, key


def test_a_profile_prints_and_shows_itself() -> None:
    result = nincost.profile("two-1x1")
    assert "762,297,352 MACs" in str(result)
    assert "762,297,352" in result._repr_html_()
    frame = result.to_dataframe()
    assert frame["macs"].sum() == 762_297_352
    assert frame["params"].sum() == 1_992_166
    assert json.loads(result.to_json())["totals"]["params"] == 1_992_166
    assert result.to_markdown().startswith("# two-1x1")
    assert result.layers[0].output_shape == (1, 96, 54, 54)
    assert result.layers[0].input_shape == (1, 1, 224, 224)


def test_a_csv_file_is_the_text_and_is_not_overwritten(tmp_path: Path) -> None:
    result = nincost.profile("two-1x1")
    path = tmp_path / "a.csv"
    text = result.to_csv(path)
    assert path.read_text() == text == result.to_csv()
    with pytest.raises(nincost.OutputError, match="--force"):
        result.to_csv(path)
    result.to_csv(path, force=True)


@pytest.mark.parametrize("arg", [5, "num_classes=3", [("a", 1)]])
def test_arg_is_a_mapping(arg: Any) -> None:
    with pytest.raises(nincost.InputError, match="expected a dict"):
        nincost.profile("two-1x1", arg=arg)


WITHIN = 1.5 * 2**30  # bytes of resident memory

PLAIN = """
import torch, nincost
from torch import nn

class Net(nn.Module):
    def __init__(self, layers=80, width=8192, forward=28672, vocabulary=32000):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 64, forward, batch_first=True, norm_first=True)
            for _ in range(layers))
        self.head = nn.Linear(width, vocabulary, bias=False)
    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(x)

with torch.device("meta"):
    net = Net()
totals = nincost.profile(net, input="2048:int64").totals
print(totals.params, totals.macs, peak())
"""


@pytest.mark.slow
def test_a_plain_transformer_of_60_billion_fits_a_laptop() -> None:
    params, macs, memory = map(int, python(PLAIN).split())
    d, f, n, v, layers = 8192, 28672, 2048, 32000, 80
    block = 4 * d * d + 4 * d + 2 * d * f + f + d + 4 * d
    assert params == layers * block + 2 * v * d
    assert params > 59e9
    assert macs == layers * (n * (4 * d * d + 2 * d * f) + 2 * n * n * d) + n * d * v
    assert memory < WITHIN


LLAMA_70B = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8192,
    "intermediate_size": 28672, "num_attention_heads": 64, "num_key_value_heads": 8,
    "num_hidden_layers": 80, "vocab_size": 128256, "tie_word_embeddings": False,
    "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "torch_dtype": "bfloat16",
    "rope_theta": 500000.0, "hidden_act": "silu",
    "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 8192, "rope_type": "llama3"},
}  # fmt: skip


def test_a_llama_of_70_billion_fits_a_laptop(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_70B))
    code = f"""
    import nincost
    result = nincost.profile("hf:{tmp_path}", input="input_ids=512:int64")
    totals = result.totals
    print(totals.params, totals.macs, peak(), len(result.uncounted), result.device)
    """
    params, macs, memory, uncounted, device = python(code).split()
    assert int(params) == 70_553_706_496  # as Meta's model card's weights have it
    d, f, n, v, kv = 8192, 28672, 512, 128256, 1024
    weights = 80 * (2 * d * d + 2 * d * kv + 3 * d * f) + v * d
    attention = 80 * 2 * n * n * d
    rotary = 64 * n  # transformers 4 writes the positions' outer product as a matrix product
    assert int(macs) - n * weights - attention in (0, rotary)
    assert int(memory) < WITHIN
    assert (uncounted, device) == ("0", "meta")
