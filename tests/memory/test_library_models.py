"""Models of the libraries that people use, small, against PyTorch's own CUDA code without a GPU.

Large ones, and of more libraries, are compared by benchmarks/real_models.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.emulated import needs_emulator

from nincost._emulator.described.answer import rank_peaks, start_process
from nincost._emulator.described.warm import WarmProcess
from nincost._memory.predict import predict
from nincost._step.parallel import Parallel
from nincost._step.request import make_request

pytestmark = needs_emulator

FILE = Path(__file__).with_name("library_models.py")
#: The batch, and options of the step.
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    **{
        name: (2, {"seq": 32})
        for name in (
            "llama", "qwen2", "gemma2", "mistral", "mixtral", "olmo2", "gpt_neox", "opt", "gpt2",
            "bloom", "bert", "roberta", "electra", "distilbert", "t5", "mamba",
        )
    },
    "vit": (2, {"amp": "bfloat16"}),
    "timm:convnext_atto": (2, {"optimizer_impl": "fused"}),
    "llama, LoRA": (2, {"seq": 32, "lora": "r=4,target=q_proj,v_proj", "dtype": "bfloat16"}),
    "llama, checkpointed": (2, {"seq": 32, "activation_checkpointing": "own"}),
    "timm:resnet10t": (2, {}),
    "timm:mobilenetv3_small_050": (2, {"amp": "float16"}),
    "timm:vit_tiny_patch16_224": (2, {}),
    "timm:mixer_s32_224": (2, {"dtype": "bfloat16"}),
    "torchvision:squeezenet1_1": (2, {"channels_last": True}),
    "torchvision:shufflenet_v2_x0_5": (2, {"optimizer": "RMSprop"}),
    "torchvision:mnasnet0_5": (2, {"grad_accumulation": 2}),
}  # fmt: skip


@pytest.fixture(scope="module")
def process() -> Iterator[WarmProcess]:
    with start_process(make_request("two-1x1", "h100")) as found:
        yield found


@pytest.mark.parametrize("name", CASES)
def test_a_librarys_model_takes_what_pytorch_takes(name: str, process: WarmProcess) -> None:
    batch, options = CASES[name]
    kind = name.partition(",")[0]
    given = {"optimizer": "AdamW", **options}
    if ":" not in kind:
        request = make_request(f"{FILE}:make", "h100", batch, arg={"name": kind}, **given)
    else:
        request = make_request(kind, "h100", batch, **given)
    mine = predict(request).simulation
    real = rank_peaks(request, Parallel(), process, mine.steps)
    assert (mine.peak, mine.reserved) == (real.allocated, real.reserved)
