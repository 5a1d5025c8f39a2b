"""From a name to a module: every form of name, and every mistake that a person can make."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import nincost
from nincost._models.sources import resolve
from nincost.errors import InputError, ModelError, NincostError

MODULE = """
import torch
from torch import nn

CONSTANT = 5

class Net(nn.Module):
    def __init__(self, width=8, depth: int = 1):
        super().__init__()
        sizes = [4, *[width] * depth]
        self.layers = nn.Sequential(*[nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])

    def forward(self, x):
        return self.layers(x)

def factory():
    return Net(16)

def needs(width):
    return Net(width)

def gives_number():
    return 3

def gives_class():
    return Net

def breaks():
    raise RuntimeError("no such weights\\nsecond line")

def needs_values():
    steps = torch.linspace(0, 1, 5).tolist()
    return nn.Linear(4, len(steps))

class Outer:
    class Inner(Net):
        pass
"""


@pytest.fixture
def net_file(tmp_path: Path) -> Path:
    file = tmp_path / "netfile.py"
    file.write_text(MODULE)
    return file


def params(model: object, **options: object) -> int:
    return nincost.profile(model, **options).totals.params  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attribute", "arguments", "expected"),
    [
        ("Net", {}, 4 * 8 + 8),
        ("Net", {"width": 3, "depth": 2}, 4 * 3 + 3 + 3 * 3 + 3),
        ("factory", {}, 4 * 16 + 16),
        ("needs", {"width": 2}, 4 * 2 + 2),
        ("needs_values", {}, 4 * 5 + 5),
        ("Outer.Inner", {}, 4 * 8 + 8),
    ],
)
def test_a_class_or_function_in_a_file(
    net_file: Path, attribute: str, arguments: dict[str, int], expected: int
) -> None:
    assert params(f"{net_file}:{attribute}", input="4", arg=arguments) == expected


def test_a_factory_in_a_module_beside_the_working_directory(
    net_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net_file.parent)
    path = list(sys.path)
    assert params("netfile:factory", input="4") == 80
    assert sys.path == path
    sys.modules.pop("netfile")


def test_a_module_of_the_installation() -> None:
    assert params("torch.nn:Linear", arg={"in_features": 3, "out_features": 2}, input="3") == 8


def test_a_module_in_a_file(tmp_path: Path) -> None:
    """An nn.Sequential was called, as if it were a function that returns a model."""
    file = tmp_path / "net.py"
    file.write_text("from torch import nn\nnet = nn.Sequential(nn.Linear(3, 4), nn.ReLU())\n")
    result = nincost.profile(f"{file}:net", input="3")
    assert (result.totals.params, result.totals.macs) == (16, 12)
    assert [layer.type for layer in result.layers] == ["Linear", "ReLU"]
    with pytest.raises(InputError, match="built already: leave --arg out"):
        resolve(f"{file}:net", {"bias": False})


def test_a_file_may_import_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_main.py").write_text("WIDTH = 6\n")
    (tmp_path / "main.py").write_text(
        "from torch import nn\nfrom neighbour_of_main import WIDTH\n"
        "def net(): return nn.Linear(2, WIDTH)\n"
    )
    assert params(f"{tmp_path / 'main.py'}:net", input="2") == 18
    sys.modules.pop("neighbour_of_main")


def test_a_file_named_torch_does_not_take_its_place(tmp_path: Path) -> None:
    code = "def net():\n    from torch import nn\n    return nn.ReLU()\n"
    (tmp_path / "torch.py").write_text(code)
    real = sys.modules["torch"]
    assert params(f"{tmp_path / 'torch.py'}:net", input="2") == 0
    assert sys.modules["torch"] is real


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("resnet18", "torchvision:resnet18"),
        ("ResNet-18", "torchvision:resnet18"),
        ("Two 1x1", "two-1x1"),
        ("convmixer_768_32", "timm:convmixer_768_32"),
    ],
)
def test_a_bare_name_is_the_first_sources_that_knows_it(name: str, found: str) -> None:
    if found.startswith("timm"):
        pytest.importorskip("timm")
    assert resolve(name).name == found


def test_a_file_alone_lists_its_models(net_file: Path) -> None:
    with pytest.raises(InputError, match=r"name a model in it, as .*:Net; it has Net$"):
        resolve(str(net_file))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("", "empty"),
        ("two-1x2", "did you mean 'two-1x1'"),
        ("resnet5x", "torchvision:NAME"),
        ("model.pt", "weights are not needed"),
        ("net.ipynb", "a notebook is not imported"),
        ("meta-llama/Llama-3.1-8B", "nothing is downloaded"),
        ("/tmp", "give hf:/tmp"),
        ("torchvision:resnet5", "nearest are"),
        ("torchvision:", "torchvision"),
        ("timm:resnet5x", "nearest are"),
        ("timm:hf-hub:someone/some-model", "unknown timm model"),
        ("hf:/no/such/folder", "config.json"),
        ("no_such_package.models:Net", "no module 'no_such_package'"),
        ("torch.nn:Linaer", "did you mean 'Linear'"),
        ("torch:__version__", "expected a class or a function"),
        ("/no/such/file.py:Net", "no file"),
        ("nosuch.py:Net", "no file"),
        (":Net", "could not be imported"),
        (5, "expected a name"),
        (None, "expected a name"),
    ],
)
def test_a_name_that_leads_nowhere(model: object, says: str) -> None:
    with pytest.raises(NincostError) as error:
        resolve(model)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("attribute", "arguments", "says"),
    [
        ("Nett", {}, "did you mean 'Net'"),
        ("CONSTANT", {}, "expected a class or a function"),
        ("needs", {}, "needs width: give each with --arg"),
        ("Net", {"widht": 3}, "did you mean 'width'"),
        ("Net", {"width": "abc"}, "could not be built"),
        ("gives_number", {}, "returned 'int'"),
        ("gives_class", {}, "expected a class or function"),
        ("breaks", {}, "no such weights"),
    ],
)
def test_a_file_that_does_not_give_a_model(
    net_file: Path, attribute: str, arguments: dict[str, object], says: str
) -> None:
    with pytest.raises(NincostError) as error:
        resolve(f"{net_file}:{attribute}", arguments)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "body", ["import no_such_thing_at_all\n", "def net(:\n", "raise SystemExit(3)\n", "1/0\n"]
)
def test_a_file_that_cannot_be_imported(tmp_path: Path, body: str) -> None:
    (tmp_path / "bad.py").write_text(body)
    with pytest.raises(ModelError, match="could not be imported"):
        resolve(f"{tmp_path / 'bad.py'}:net")


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("torchvision:resnet18", {"weights": "DEFAULT"}),
        ("torchvision:fcn_resnet50", {"weights_backbone": "DEFAULT"}),
        ("timm:resnet18", {"pretrained": True}),
    ],
)
def test_weights_are_refused_rather_than_downloaded(
    model: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(InputError, match="nincost never does: leave it out"):
        resolve(model, arguments)


@pytest.mark.parametrize(
    ("model", "input"),
    [
        ("two-1x1", ("1x224x224",)),
        ("cifar10", ("3x32x32",)),
        ("torchvision:resnet50", ("3x224x224",)),
        ("torchvision:inception_v3", ("3x299x299",)),
        ("torchvision:r3d_18", ("3x16x112x112",)),
        ("torchvision:mvit_v1_b", ("3x16x224x224",)),
        ("torchvision:vit_h_14", ("3x224x224",)),  # its default weights are for 518, the model not
        ("torchvision:fcn_resnet50", ("3x520x520",)),
        ("torchvision:fasterrcnn_resnet50_fpn", ("3x800x800",)),  # its transform's shorter side
        ("timm:cait_xxs24_384", ("3x384x384",)),
        ("timm:vit_base_patch16_224", ("3x224x224",)),
    ],
)
def test_a_model_knows_the_input_of_its_source(model: str, input: tuple[str, ...]) -> None:
    found = resolve(model)
    assert found.default_input == input
    assert all(p.is_meta for p in found.module.parameters())


def test_a_model_without_a_known_input_asks_for_one() -> None:
    with pytest.raises(InputError, match="give --input"):
        nincost.profile(nn.Linear(3, 4))
    with pytest.raises(InputError, match="give --input"):
        nincost.profile("torchvision:raft_small")


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        lambda net: torch.compile(net, backend="eager"),
        lambda net: nn.DataParallel(torch.compile(net, backend="eager")),  # type: ignore[type-var]
    ],
)
def test_wrappers_are_taken_off(wrap: Callable[[nn.Module], nn.Module]) -> None:
    result = nincost.profile(wrap(nn.Sequential(nn.Linear(3, 4))), input="3")
    assert [row.layer for row in result.layers] == ["0"]
    assert result.totals.macs == 12


def test_torchscript_is_refused_in_words() -> None:
    with pytest.raises(ModelError, match="TorchScript"):
        nincost.profile(torch.jit.trace(nn.Linear(3, 4), torch.zeros(1, 3)), input="3")


def test_arguments_do_not_go_with_a_built_module() -> None:
    with pytest.raises(InputError, match="built already"):
        nincost.profile(nn.Linear(3, 4), input="3", arg={"bias": False})


LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
    "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_hidden_layers": 2, "vocab_size": 100, "tie_word_embeddings": False,
}  # fmt: skip


class TestTransformers:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        pytest.importorskip("transformers")
        (tmp_path / "config.json").write_text(json.dumps(LLAMA))
        return tmp_path

    def test_a_local_config_gives_the_architecture(self, folder: Path) -> None:
        result = nincost.profile(f"hf:{folder}", input="input_ids=16:int64")
        h, f, v, kv = 64, 128, 100, 32
        layer = h * h * 2 + h * kv * 2 + 3 * h * f
        assert result.totals.params == 2 * (layer + 2 * h) + h + 2 * v * h
        attention = 2 * 16 * 16 * h  # scores and weighted sum
        rotary = 8 * 16  # transformers 4 writes the positions' outer product as a matrix product
        assert result.totals.macs - 2 * (16 * layer + attention) - 16 * h * v in (0, rotary)

    def test_the_file_itself_and_an_argument(self, folder: Path) -> None:
        one = nincost.profile(
            f"hf:{folder / 'config.json'}", input="input_ids=16:int64",
            arg={"num_hidden_layers": 1},
        )  # fmt: skip
        assert sum(row.layer.endswith("q_proj") for row in one.layers) == 1

    @pytest.mark.parametrize(
        ("config", "says"),
        [
            ("{", "could not be read"),
            ('{"model_type": "no-such-type"}', "could not be read"),
            ('{"model_type": "llama", "architectures": ["NoSuchNet"]}', "NoSuchNet"),
            ('{"model_type": "llama", "architectures": ["AutoConfig"]}', "AutoConfig"),
            ('{"model_type": "llama", "architectures": [5]}', r"the architectures \[5\]"),
            ('{"model_type": "llama", "architectures": {"a": 1}}', "expected a list"),
        ],
    )
    def test_a_config_that_names_no_model(self, folder: Path, config: str, says: str) -> None:
        (folder / "config.json").write_text(config)
        with pytest.raises(NincostError, match=says):
            resolve(f"hf:{folder}")

    def test_quantization_that_is_not_applied_is_named(self, folder: Path) -> None:
        quantized = LLAMA | {"quantization_config": {"quant_method": "bitsandbytes"}}
        (folder / "config.json").write_text(json.dumps(quantized))
        note = "the configuration's quantization (bitsandbytes) is not applied: weights are float32"
        step = {"input": "input_ids=16:int64", "loss": "sum"}
        assert nincost.profile(f"hf:{folder}", input="input_ids=16:int64").notes == (note,)
        assert nincost.memory(f"hf:{folder}", gpu="24GiB", **step).notes[0] == note

    def test_a_library_without_a_name_runs_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An empty variable after `hf:` imported and ran ./hf.py."""
        (tmp_path / "hf.py").write_text("raise SystemExit('it ran')")
        monkeypatch.chdir(tmp_path)
        for name in ("hf:", "timm:", "torchvision:"):
            with pytest.raises(InputError, match=f"names no model: write {name}"):
                resolve(name)

    @pytest.mark.parametrize("arguments", [{"hidden_size": "abc"}, {"num_hidden_layers": "x"}])
    def test_an_argument_of_the_wrong_type(
        self, folder: Path, arguments: dict[str, object]
    ) -> None:
        with pytest.raises(NincostError):
            nincost.profile(f"hf:{folder}", input="input_ids=16:int64", arg=arguments)
