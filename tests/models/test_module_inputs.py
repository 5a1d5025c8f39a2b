"""What a module takes by itself; diffusers' sizes are those that its pipelines pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import nincost
from nincost._models.diffusion_inputs import diffusion_input
from nincost._models.input_names import named_tensors
from nincost._models.inputs import make_input
from nincost._trace.values.inputs import assumed_contents


def test_a_spec_may_be_of_a_tensor_in_dicts_and_lists() -> None:
    specs = ("images[]=3x8x8", "targets[].boxes=5x4", "targets[].labels=5:int64", "more.ids=6")
    inputs = make_input(specs, 2, torch.float32)
    images, targets = inputs.kwargs["images"], inputs.kwargs["targets"]
    assert [tuple(image.shape) for image in images] == [(3, 8, 8)] * 2
    assert [tuple(one["boxes"].shape) for one in targets] == [(5, 4)] * 2
    assert targets[0]["boxes"] is not targets[1]["boxes"]
    assert inputs.kwargs["more"]["ids"].shape == (2, 6)
    assert {name for name, _ in named_tensors(inputs.args, inputs.kwargs)} == {
        "images[]", "targets[].boxes", "targets[].labels", "more.ids",
    }  # fmt: skip
    boxes = next(make() for _, name, (_, make) in assumed_contents(inputs) if "boxes" in name)
    assert bool((boxes[:, 2:] > boxes[:, :2]).all())
    assert len({tuple(box) for box in boxes.tolist()}) == 5
    for twice in (("a=4", "a.b=4"), ("a.b=4", "a.b=4"), ("a.b=4", "a=4")):
        with pytest.raises(nincost.InputError, match=r"give (it|each name) once"):
            make_input(twice, 2, torch.float32)


def test_edges_join_all_nodes_alike_and_none_to_itself() -> None:
    inputs = make_input(("x==10x4", "edge_index==2x30:int64"), 1, torch.float32)
    edges = next(make() for _, name, (_, make) in assumed_contents(inputs) if name == "edge_index")
    assert len({tuple(edge) for edge in edges.t().tolist()}) == 30
    assert bool((edges[0] != edges[1]).all())
    assert edges.flatten().bincount().tolist() == [6] * 10


@pytest.mark.parametrize(
    ("config", "specs"),
    [
        (  # stable-diffusion-v1-5/unet/config.json
            {"_class_name": "UNet2DConditionModel", "sample_size": 64, "in_channels": 4,
             "cross_attention_dim": 768},
            ("sample=4x64x64", "timestep=batch:int64", "encoder_hidden_states=77x768"),
        ),
        (  # stable-diffusion-xl-base-1.0/unet/config.json
            {"_class_name": "UNet2DConditionModel", "sample_size": 128, "in_channels": 4,
             "cross_attention_dim": 2048, "addition_embed_type": "text_time",
             "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816},
            ("sample=4x128x128", "timestep=batch:int64", "encoder_hidden_states=77x2048",
             "added_cond_kwargs.text_embeds=1280", "added_cond_kwargs.time_ids=6"),
        ),
        (  # FLUX.1-dev/transformer/config.json
            {"_class_name": "FluxTransformer2DModel", "in_channels": 64, "guidance_embeds": True,
             "joint_attention_dim": 4096, "pooled_projection_dim": 768},
            ("hidden_states=4096x64", "encoder_hidden_states=512x4096", "pooled_projections=768",
             "timestep=batch", "img_ids==4096x3", "txt_ids==512x3", "guidance=batch"),
        ),
        (  # stable-diffusion-3-medium/transformer/config.json
            {"_class_name": "SD3Transformer2DModel", "sample_size": 128, "in_channels": 16,
             "joint_attention_dim": 4096, "pooled_projection_dim": 2048},
            ("hidden_states=16x128x128", "encoder_hidden_states=333x4096",
             "pooled_projections=2048", "timestep=batch:int64"),
        ),
        (
            {"_class_name": "AutoencoderKL", "sample_size": 512, "in_channels": 3},
            ("sample=3x512x512",),
        ),
        ({"_class_name": "Unheard"}, ()),
    ],
)  # fmt: skip
def test_a_diffusion_network_takes_what_its_pipeline_passes(config, specs) -> None:
    assert diffusion_input(config) == specs


class LightningModule(nn.Module):
    """As Lightning's: known by its name."""

    def training_step(self, batch: object, number: int) -> None: ...


class Lit(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.example_input_array = torch.zeros(2, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)

    def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:  # type: ignore[override]
        x, y = batch
        return nn.functional.cross_entropy(self(x), y)

    def configure_optimizers(self) -> dict[str, Any]:
        groups = [{"params": [self.linear.weight]}, {"params": [self.linear.bias], "lr": 0.1}]
        optimizer = torch.optim.Adam(groups)
        return {"optimizer": optimizer, "lr_scheduler": None}


def test_a_lightning_module_trains_as_the_same_step_by_hand() -> None:
    def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    lit = Lit()
    own = nincost.memory(lit, batch_size=16, gpu="h100", measure=False)
    assert own.input == ("16x64", "16:int64")
    by_hand = nincost.memory(
        step=step, models=[lit], optimizers=[lit.configure_optimizers()["optimizer"]],
        input=("64", "batch:int64"), batch_size=16, gpu="h100", measure=False,
    )  # fmt: skip
    assert own.totals.peak_allocated_bytes == by_hand.totals.peak_allocated_bytes
    assert own.totals.peak_reserved_bytes == by_hand.totals.peak_reserved_bytes
    assert "its own optimizer, the model's own loss" in str(own)
    other = nincost.memory(
        lit, batch_size=16, gpu="h100", measure=False, loss="sum", optimizer="SGD", input="64"
    )
    assert "a training step with SGD, sum loss" in str(other)
