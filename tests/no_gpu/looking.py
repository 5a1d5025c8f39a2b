"""Small models, many of which look at values; as a script, what PyTorch's CUDA code takes for them.

`looking.py STEPS` prints a line of JSON: each case's peaks, allocated and reserved, of that many
steps (tests/memory/test_looking.py starts it with the emulated runtime preloaded).
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from no_gpu import small_models

#: A module, and its keyword arguments.
Made = tuple[nn.Module, dict[str, Tensor]]


def options(name: str) -> dict[str, Any]:
    """The step's options of a case: autocast for half of them."""
    autocast = {"amp": "bfloat16"} if name in ("causal", "bert", "llama", "spoken") else {}
    return {"optimizer": "AdamW", **autocast}


def ids(batch: int, length: int) -> Tensor:
    return torch.arange(batch * length).reshape(batch, length) % 100


class Causal(nn.Module):
    """An encoder with a causal mask, which torch compares with one of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 32)
        layer = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=tokens.device)
        return self.encoder(self.embed(tokens), mask=mask)  # type: ignore[no-any-return]


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 32)
        self.gru = nn.GRU(32, 32, 2, batch_first=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.embed(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return pad_packed_sequence(self.gru(packed)[0], batch_first=True)[0]


class Masked(nn.Module):
    """Goes on with the rows of a mask that was given."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(100, 64), nn.Linear(64, 64)

    def forward(self, tokens: Tensor) -> Tensor:
        kept = self.head(self.embed(tokens)[tokens >= 0])
        return kept if torch.isfinite(kept).all() else kept * 0


def bert() -> Made:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=100, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64,
    )  # fmt: skip
    mask = torch.ones(2, 256, dtype=torch.int64)
    return BertModel(config), {"input_ids": ids(2, 256), "attention_mask": mask}


def llama() -> Made:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=100, hidden_size=64, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=128, use_cache=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.gradient_checkpointing_enable()
    return model, {"input_ids": ids(2, 64)}


def mixtral() -> Made:
    from transformers import MixtralConfig, MixtralForCausalLM

    config = MixtralConfig(
        vocab_size=100, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, intermediate_size=64, num_local_experts=4, use_cache=False,
    )  # fmt: skip
    return MixtralForCausalLM(config), {"input_ids": ids(2, 64)}


class Spoken(nn.Module):
    """Recurrent layers with dropout, and the loss of speech, whose lengths are numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(16, 32, 2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(32, 12)

    def forward(self, x: Tensor, targets: Tensor, lengths: Tensor, sizes: Tensor) -> Tensor:
        scores = self.head(self.rnn(x)[0]).log_softmax(2).transpose(0, 1)
        return nn.functional.ctc_loss(scores, targets, lengths, sizes)


class Deformable(nn.Module):
    """Modulated, in groups, of more images than are done at once."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.ops import DeformConv2d

        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.offset = nn.Conv2d(16, 18, 3, padding=1)
        self.mask = nn.Conv2d(16, 9, 3, padding=1)
        self.conv = DeformConv2d(16, 32, 3, padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.conv(x, self.offset(x), self.mask(x).sigmoid())  # type: ignore[no-any-return]


class SizesOfOne(nn.Module):
    """What counts as channels-last by the strides of a batch of one, or of a single pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(16, 16, 1 + 2 * (n > 0), padding=n) for n in (0, 1)])
        self.norm, self.last = nn.BatchNorm2d(16), nn.Conv2d(32, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        rows = x.flatten(2).transpose(1, 2).contiguous()  # as attention leaves an image
        image = (x + rows.transpose(1, 2).reshape(x.shape)) / 2.0
        image = self.convs[1](nn.functional.interpolate(image, scale_factor=2.0))
        last = x.contiguous(memory_format=torch.channels_last)
        pixel = self.convs[0](nn.functional.adaptive_avg_pool2d(last, 1))
        pixel = self.norm(pixel).relu() if len(x) > 1 else pixel
        wide = nn.functional.interpolate(pixel, size=size, mode="bilinear")
        return self.last(torch.cat([last, wide], 1)).mean() + image.mean()  # type: ignore[no-any-return]


class Prompted(nn.Module):
    """Puts a mask of floats before the one that is given, as prompt tuning does, and looks."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 64)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        whole = torch.cat((torch.ones(len(mask), 4).to(mask.device), mask), 1)
        held = self.embed(tokens)
        return held if whole.bool().all() else held * whole[:, 4:, None]


def spoken() -> Made:
    return Spoken(), {
        "x": torch.zeros(4, 50, 16), "targets": torch.ones(4, 9, dtype=torch.int64),
        "lengths": torch.tensor([50, 40, 30, 50]), "sizes": torch.tensor([9, 5, 7, 2]),
    }  # fmt: skip


CASES: dict[str, Callable[[], Made]] = {
    "causal": lambda: (Causal(), {"tokens": ids(4, 128)}),
    "packed": lambda: (Packed(), {"tokens": ids(4, 20), "lengths": torch.tensor([20, 7, 12, 9])}),
    "masked": lambda: (Masked(), {"tokens": ids(8, 100)}),
    "deformable": lambda: (Deformable(), {"x": torch.zeros(40, 3, 12, 12)}),
    "sizes of one": lambda: (SizesOfOne(), {"x": torch.zeros(1, 16, 16, 16)}),
    "sizes of one, two images": lambda: (SizesOfOne(), {"x": torch.zeros(2, 16, 16, 16)}),
    "prompted": lambda: (
        Prompted(),
        {"tokens": ids(2, 64), "mask": torch.ones(2, 64, dtype=torch.int64)},
    ),
    "bert": bert,
    "llama": llama,
    "mixtral": mixtral,
    **small_models.CASES,
    "spoken": spoken,  # the last: cuDNN keeps the state of its dropout
}


def loss(output: Any) -> Tensor:
    """The loss that the model gives, or the sum of its output."""
    if not isinstance(output, Tensor):
        output = output.get("loss", output[0]) if isinstance(output, dict) else output[0]
    return output.float().sum()  # type: ignore[no-any-return]


class Nobody:
    """A `StepObserver` that looks at nothing."""

    def operators(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


def taken(name: str, steps: int) -> list[int]:
    """The peaks of a plain loop, with all that an earlier case left given back."""
    from nincost._models.inputs import ModelInput
    from nincost._models.sources import resolve
    from nincost._step.library_calls import ScriptCalls
    from nincost._step.run_steps import run_steps
    from nincost._step.step_options import Step

    gc.collect()
    gc.freeze()  # so that the next collection does not look at libraries again
    torch._C._cuda_clearCublasWorkspaces()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    module, inputs = CASES[name]()
    module.train().cuda()
    given = {name: tensor.cuda() for name, tensor in inputs.items()}
    step = Step(resolve(nn.Linear(1, 1)), steps=steps, loss=loss, **options(name))
    calls = ScriptCalls(torch.device("cuda"))
    run_steps(step, module, ModelInput((), given, (), 1), Nobody(), calls)
    assert before == 0, before
    return [torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()]


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    print(json.dumps({name: taken(name, steps) for name, steps in wanted.items()}))
