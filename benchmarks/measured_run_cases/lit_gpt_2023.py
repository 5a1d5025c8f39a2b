"""Fine-tuning and inference with lit-gpt's own scripts of October 2023; their peak is printed.

The arguments are a checkout of lit-gpt (commit 8641822), the script (`finetune/lora` or
`generate/base`), a model's name, the micro-batch, the tokens of the longest example in the data,
and the number of GPUs.

The scripts begin with the longest example, and all later ones are shorter: two micro-batches are
run. The checkpoint is of the model's shapes in bfloat16, on the CPU, as a file of it would be.
"""

import dataclasses
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch

PROMPT_TOKENS = 6
SHORT_TOKENS = 128


class Tokenizer:
    """Encodes each text as so many tokens as the prompt of generate/base.py has."""

    def __init__(self, _: Path) -> None:
        pass

    def encode(self, _: str, device: Any = None, **__: Any) -> torch.Tensor:
        return torch.ones(PROMPT_TOKENS, dtype=torch.int, device=device)

    def decode(self, _: torch.Tensor) -> str:
        return ""


def load_checkpoint(fabric: Any, model: torch.nn.Module, path: Path, strict: bool = True) -> None:
    """Load what the file would hold: the base model's weights, none of LoRA's or the adapter's."""
    lit_gpt = importlib.import_module("lit_gpt")
    with torch.device("meta"):
        base = lit_gpt.GPT(lit_gpt.Config.from_name(path.parent.name))
    weights = {
        name: torch.empty(value.shape, dtype=torch.bfloat16)
        for name, value in base.state_dict().items()
    }
    if type(fabric.strategy).__name__ == "FSDPStrategy":
        fsdp: Any = importlib.import_module("lightning.fabric.strategies.fsdp")
        fsdp._lazy_load = lambda _: weights
        Path("weights.pth").touch()
        fabric.load_raw("weights.pth", model, strict=strict)
    else:
        model.load_state_dict(weights, strict=strict)


def main(checkout: str, script: str, model: str, batch: int, longest: int, gpus: int) -> None:
    """Run the script's first two micro-batches, or 256 new tokens."""
    sys.path.insert(0, checkout)
    folder = Path("checkpoints/made-up") / model
    folder.mkdir(parents=True)
    module: Any = importlib.import_module(script.replace("/", "."))
    module.Tokenizer, module.load_checkpoint = Tokenizer, load_checkpoint
    module.check_valid_checkpoint_dir = lambda _: None
    torch.set_float32_matmul_precision("high")
    given: dict[str, Any] = {"checkpoint_dir": folder, "precision": "bf16-true"}
    if script == "generate/base":
        config = importlib.import_module("lit_gpt").Config.from_name(model)
        given_fields = [field.name for field in dataclasses.fields(config) if field.init]
        text = json.dumps({name: getattr(config, name) for name in given_fields})
        (folder / "lit_config.json").write_text(text)
        module.main("Hello, my name is", max_new_tokens=256, **given)
    else:
        data = Path("data/alpaca")
        data.mkdir(parents=True)
        short = torch.ones(SHORT_TOKENS, dtype=torch.int32)
        long = torch.ones(longest, dtype=torch.int32)
        examples = [{"input_ids": tokens, "labels": tokens} for tokens in (long, *[short] * 15)]
        torch.save(examples, data / "train.pt")
        torch.save(examples[1:], data / "test.pt")
        module.devices, module.micro_batch_size = gpus, batch
        module.gradient_accumulation_iters = module.batch_size // batch
        module.max_iters, module.eval_iters = 2, 2
        module.setup(data_dir=data, out_dir=Path("out/run"), **given)
    found = {"allocated": torch.cuda.max_memory_allocated()}
    print("FOUND", json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:4], *(int(number) for number in sys.argv[4:7]))
