"""`nincost.memory`: promised keys, sums that must hold, and each option's effect."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import nincost
from nincost._devices.cards import get_gpu
from nincost._devices.libraries.cudnn_plans import plans_on
from nincost._memory.results import MEMORY_COLUMNS
from nincost._trace.recording import CATEGORIES

#: The keys that interface.md promises.
TOTALS = (
    "peak_allocated_bytes", "peak_reserved_bytes", "process_bytes", "peak_phase", "peak_layer",
    "peak_op", "categories_at_peak", "phases", "measured",
)  # fmt: skip
MIB = 1 << 20


def predict(**options):
    return nincost.memory("two-1x1", measure=False, **{"batch_size": 4, **options})


@pytest.fixture(scope="module")
def plain():
    return predict()


def test_the_promised_keys_are_there(plain):
    document = json.loads(plain.to_json())
    assert document["schema"] == 1
    assert document["command"] == "memory"
    totals = document["totals"]
    assert set(TOTALS) <= set(totals)
    assert list(totals["categories_at_peak"]) == list(CATEGORIES)
    assert set(totals["phases"]) == {"after_model", "after_forward", "after_backward", "after_step"}
    assert totals["measured"] is None
    assert {"model", "input", "environment", "layers", "uncounted"} <= set(document)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "Adam"},
        {"inference": True},
        {"grad_accumulation": 2},
        {"activation_checkpointing": "top-level"},
        {"grad_set_to_none": False},
        {"channels_last": True},
        {"dtype": "float16"},
        {"optimizer": "AdamW", "optimizer_impl": "fused"},
        {"optimizer_arg": {"momentum": 0.9}, "optimizer_impl": "for-loop"},
        {"alloc_conf": "expandable_segments:True"},
        {"loss": "mse"},
        {"zero_grad_before_forward": True},
        {"amp": "float16", "clip_grad_norm": 1.0},
        {"cudnn_benchmark": True},
        {"loss": lambda output: output.mean()},
    ],
    ids=lambda given: "-".join(given),
)
def test_the_parts_sum_to_the_peak(options):
    result = predict(**options)
    totals = result.totals
    assert sum(totals.categories_at_peak.values()) == totals.peak_allocated_bytes
    assert sum(layer.bytes for layer in result.layers) == totals.peak_allocated_bytes
    for layer in result.layers:
        assert sum(layer.categories.values()) == layer.bytes
    assert totals.peak_requested_bytes <= totals.peak_allocated_bytes <= totals.peak_reserved_bytes
    assert totals.process_bytes == totals.peak_reserved_bytes + totals.context_bytes
    for name, (low, high) in totals.interval.items():
        assert low <= getattr(totals, name) <= high
    assert all(size <= totals.peak_allocated_bytes for size in totals.phases.values())


def test_the_model_alone_is_its_parameters_in_blocks_of_512_bytes(plain):
    module = nincost._models.sources.resolve("two-1x1").module
    expected = sum(-(-p.numel() * 4 // 512) * 512 for p in module.parameters())
    assert plain.totals.phases["after_model"] == expected
    assert plain.totals.categories_at_peak["parameters"] == expected


def test_after_a_step_there_are_parameters_gradients_inputs_and_state():
    parameters = predict().totals.phases["after_model"]
    inputs = 4 * 224 * 224 * 4 + 512  # float32 images, and four int64 labels in one block
    assert predict().totals.phases["after_step"] >= 2 * parameters + inputs
    adam = predict(optimizer="Adam").totals
    # Two averages of a parameter's size, and a step count in a block of 512 bytes, for each.
    assert adam.categories_at_peak["optimizer_state"] >= 2 * parameters
    momentum = predict(optimizer_arg={"momentum": 0.9}).totals.categories_at_peak
    assert momentum["optimizer_state"] == parameters


def test_inference_keeps_no_gradients_and_takes_less(plain):
    result = predict(inference=True)
    assert result.totals.categories_at_peak["gradients"] == 0
    assert result.totals.peak_allocated_bytes < plain.totals.peak_allocated_bytes
    assert result.totals.peak_phase == "forward"
    assert set(result.totals.phases) == {"after_model", "after_forward"}


def test_zero_grad_before_forward_spares_old_gradients_in_forward():
    options = {"model": "torchvision:resnet18", "batch_size": 8, "measure": False}
    late, first = (
        nincost.memory(**options).totals,
        nincost.memory(zero_grad_before_forward=True, **options).totals,
    )
    gradients = late.phases["after_model"]  # as large as the parameters, but for the buffers
    spared = late.phases["after_forward"] - first.phases["after_forward"]
    assert spared == pytest.approx(gradients, rel=0.03)


def test_half_precision_halves_the_parameters():
    whole, half = predict().totals, predict(dtype="float16").totals
    assert half.phases["after_model"] < whole.phases["after_model"] * 0.51


def test_removing_one_1x1_layer_in_each_block_saves_what_it_saves():
    result = predict(batch_size=128, what_if="one-1x1")
    other = nincost.memory("one-1x1", batch_size=128, measure=False)
    assert result.alternative is not None
    assert result.alternative.peak_allocated_bytes == other.totals.peak_allocated_bytes
    assert (
        result.alternative.saved_bytes == result.totals.process_bytes - other.totals.process_bytes
    )
    assert result.alternative.saved_bytes > 0


def test_suggestions_are_predictions_of_their_own(plain):
    result = predict(suggest=True)
    assert plain.suggestions == ()
    by_option = {change.option: change for change in result.suggestions}
    half = predict(batch_size=2).totals
    assert by_option["--batch-size 2"].process_bytes == half.process_bytes
    checkpointed = predict(activation_checkpointing="top-level").totals
    assert (
        by_option["--activation-checkpointing top-level"].peak_reserved_bytes
        == checkpointed.peak_reserved_bytes
    )
    saved = [change.saved_bytes for change in result.suggestions]
    assert saved == sorted(saved, reverse=True)


def test_cheap_suggestions_are_left_out_of_a_long_step(plain, monkeypatch):
    assert predict(suggest="cheap").suggestions == predict(suggest=True).suggestions
    monkeypatch.setattr("nincost._memory.memory._CHEAP", 10)
    long = predict(suggest="cheap")
    assert long.suggestions == ()
    assert "add --suggest to predict them" in long.notes[-1]
    assert predict(suggest=True).suggestions


def test_the_rules_are_named_with_their_kind_and_source(plain):
    by_operator = {rule.operator: rule for rule in plain.rules}
    assert by_operator["aten.convolution"].kind == "modelled"
    assert all(rule.source and rule.kind in ("derived", "modelled") for rule in plain.rules)


def test_the_card_decides_context_and_rules():
    named = predict(gpu="rtx4090")
    assert "4090" in named.gpu
    assert named.notes == ()
    assert "no GPU was named" in predict().notes[0]
    assert "names no card" in predict(gpu="24GiB").notes[0]


def test_a_module_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    result = nincost.memory(net, input="3x16x16", batch_size=2, loss="sum", measure=False)
    assert result.totals.peak_allocated_bytes > 0
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_a_parameter_that_gets_no_gradient_is_no_mistake():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x):
            return self.used(x)

    result = nincost.memory(Half(), input="8", batch_size=2, optimizer="Adam", measure=False)
    assert result.totals.phases["after_step"] > 0


def test_the_dataframe_and_the_csv_are_the_layers(plain, tmp_path):
    frame = plain.to_dataframe()
    assert list(frame.columns) == list(MEMORY_COLUMNS)
    assert frame["bytes"].sum() == plain.totals.peak_allocated_bytes
    text = plain.to_csv(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == text
    assert text.splitlines()[0] == ",".join(MEMORY_COLUMNS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "Adan"}, "unknown optimizer 'Adan'.*did you mean 'Adam'"),
        ({"optimizer": "LBFGS"}, "LBFGS runs the model inside its own step"),
        ({"optimizer_arg": {"rate": 1}}, "does not take.*its arguments are lr"),
        ({"optimizer_arg": 3}, "optimizer_arg is 3: expected keyword arguments"),
        ({"loss": "hinge"}, "unknown loss 'hinge': choose cross-entropy"),
        ({"loss": lambda output: output}, "expected a tensor of no dimension"),
        ({"gpu": "rtx9999"}, "unknown GPU 'rtx9999': choose a10,"),
        ({"gpu": "24"}, "expected a number and a unit"),
        ({"gpu": ""}, "expected a card such as rtx4090"),
        ({"amp": "int8"}, "unknown amp 'int8'"),
        ({"dtype": "int8"}, "unknown dtype 'int8'"),
        ({"optimizer_impl": "slow"}, "unknown optimizer_impl 'slow'"),
        ({"grad_accumulation": 0}, "grad_accumulation is 0"),
        ({"batch_size": 0}, "batch size is 0"),
        ({"alloc_conf": "nothing:1"}, "unknown allocator option"),
        ({"what_if": "one-1x2"}, "unknown model 'one-1x2'"),
        ({"input": "3x224x224"}, "needs 1 channel, not 3"),
    ],
    ids=lambda given: given if isinstance(given, str) else "-".join(given),
)
def test_a_mistake_is_named_with_what_to_try(options, words):
    with pytest.raises(nincost.NincostError, match=words):
        predict(**options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to measure on")
def test_measuring_without_a_gpu_is_refused():
    with pytest.raises(nincost.InputError, match="no CUDA GPU to measure on"):
        nincost.memory("two-1x1", measure=True)


def test_checkpointing_computes_blocks_again_and_leaves_lone_layers():
    # A ResNet's own in-place ReLU cannot be computed again; its blocks can.
    options = {"batch_size": 8, "measure": False}
    plain = nincost.memory("torchvision:resnet18", **options).totals
    again = nincost.memory(
        "torchvision:resnet18", activation_checkpointing="top-level", **options
    ).totals
    assert again.categories_at_peak["activations"] < plain.categories_at_peak["activations"]
    assert again.peak_allocated_bytes < plain.peak_allocated_bytes


def test_an_example_tensor_alone_is_an_input():
    net = nn.Sequential(nn.Linear(3, 3))
    alone = nincost.memory(net, input=torch.zeros(2, 3), measure=False)
    assert alone.totals == nincost.memory(net, input="3", batch_size=2, measure=False).totals


@pytest.mark.parametrize(("gpu", "refused"), [("v100", True), ("t4", False), ("h100", False)])
def test_a_card_that_the_installed_cudnn_does_not_serve_is_told(gpu: str, refused: bool) -> None:
    """torch/backends/cudnn/__init__.py: cuDNN 9.11 and later want compute capability 7.5."""
    if not plans_on(get_gpu(gpu)).available:
        pytest.skip("no cuDNN that answers without a GPU is installed")
    result = nincost.memory("two-1x1", gpu=gpu, measure=False)
    assert any("refuses to run" in note for note in result.notes) is refused


def test_a_step_that_deterministic_torch_refuses_is_told_so_and_what_has_no_rule_is_named() -> None:
    net = nn.Sequential(nn.Conv3d(1, 4, 3), nn.MaxPool3d(2), nn.Flatten(2), nn.AdaptiveAvgPool2d(3))
    found = nincost.memory(net, gpu="h100", input="1x8x8x8", loss="sum", deterministic=True)
    note = next(note for note in found.notes if "deterministic" in note)
    assert "aten._adaptive_avg_pool2d_backward, aten.max_pool3d_with_indices_backward: " in note
    assert found.uncounted == ("aten.max_pool3d_with_indices",)
    plain = nincost.memory(net, gpu="h100", input="1x8x8x8", loss="sum")
    assert not [note for note in plain.notes if "deterministic" in note]
    assert plain.uncounted == ()
