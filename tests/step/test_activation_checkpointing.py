"""Which modules activation checkpointing computes again, by what people write."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nincost import InputError
from nincost._models.sources import resolve
from nincost._step.activation_checkpointing import checkpoint_blocks, chosen_blocks

CONFIGURED = {"d_model": 8, "nhead": 2, "dim_feedforward": 16, "batch_first": True}


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(**CONFIGURED), 3)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.stem(x)))


class Residual(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


def chosen(module: nn.Module, choice: str) -> list[str]:
    paths = {id(inner): path for path, inner in module.named_modules()}
    return [paths[id(block)] for block in chosen_blocks(module, choice)]


@pytest.mark.parametrize(
    ("choice", "paths"),
    [
        ("none", []),
        ("top-level", ["stem", "encoder"]),
        ("blocks", ["encoder.layers.0", "encoder.layers.1", "encoder.layers.2"]),
        ("encoder.layers.*", ["encoder.layers.0", "encoder.layers.1", "encoder.layers.2"]),
        ("encoder.layers.[01]", ["encoder.layers.0", "encoder.layers.1"]),
        ("*", ["stem", "encoder", "head"]),
        ("**.linear1", [f"encoder.layers.{number}.linear1" for number in range(3)]),
        ("encoder.**", ["encoder"]),
    ],
)
def test_modules_are_chosen_by_a_word_or_a_pattern(choice: str, paths: list[str]) -> None:
    assert chosen(Encoder(), choice) == paths


@pytest.mark.parametrize(
    ("name", "first", "count"),
    [
        ("torchvision:vit_b_16", "encoder.layers.encoder_layer_0", 12),
        ("torchvision:resnet18", "layer1.0", 8),
        ("torchvision:mobilenet_v2", "features.1", 17),
        ("torchvision:swin_t", "features.1.0", 12),
        ("torchvision:regnet_y_400mf", "trunk_output.block2.block2-0", 15),
    ],
)
def test_the_repeated_blocks_of_known_networks(name: str, first: str, count: int) -> None:
    found = chosen(resolve(name).module, "blocks")
    assert (found[0], len(found)) == (first, count)


def test_a_block_that_adds_its_input_is_one_though_it_is_sequential() -> None:
    net = nn.Sequential(*(Residual(nn.Linear(4, 4), nn.ReLU()) for _ in range(3)), nn.Linear(4, 2))
    assert chosen(net, "blocks") == ["0", "1", "2"]


def test_runs_of_layers_are_blocks_where_there_are_no_others() -> None:
    runs = [nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(3)]
    net = nn.Sequential(runs[0], nn.Dropout(), runs[1], runs[2], nn.Linear(4, 2))
    assert chosen(net, "blocks") == ["0", "2", "3"]
    assert chosen(nn.ModuleList(runs), "blocks") == ["0", "1", "2"]
    assert chosen(nn.Sequential(nn.Sequential(*runs), Encoder()), "blocks") == [
        "1.encoder.layers.0", "1.encoder.layers.1", "1.encoder.layers.2",
    ]  # fmt: skip


def test_a_block_that_is_used_twice_is_wrapped_once() -> None:
    block = Residual(nn.Linear(4, 4), nn.ReLU())
    assert chosen(nn.Sequential(block, block, block), "blocks") == ["0"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("encoder.layer.*", "no module of Encoder matches .*the nearest are encoder.layers"),
        ("blcks", "the nearest are blocks"),
        ("xyz", "choose top-level or blocks"),
    ],
)
def test_a_pattern_that_matches_nothing_is_a_mistake(choice: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        chosen_blocks(Encoder(), choice)


def test_blocks_of_a_network_without_any_are_a_mistake() -> None:
    with pytest.raises(InputError, match="Linear has no repeated blocks"):
        chosen_blocks(nn.Linear(1, 1), "blocks")


@pytest.mark.parametrize("choice", ["none", "top-level", "blocks", "encoder.layers.1"])
def test_gradients_are_the_same(choice: str) -> None:
    torch.manual_seed(0)
    net = Encoder().eval()
    x = torch.randn(2, 5, 8)
    net(x).sum().backward()
    expected = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    checkpoint_blocks(net, choice)
    net(x).sum().backward()
    for parameter, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_block_that_is_computed_again_adds_nothing_to_the_cache_of_keys() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    torch.manual_seed(0)
    net = LlamaForCausalLM(LlamaConfig(**sizes, num_hidden_layers=2, vocab_size=50))
    words = torch.arange(6)[None]
    net(words).logits.square().sum().backward()
    expected = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    checkpoint_blocks(net, "blocks")
    output = net(words)
    output.logits.square().sum().backward()
    assert output.past_key_values is None or output.past_key_values.get_seq_length() == 0
    for parameter, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
