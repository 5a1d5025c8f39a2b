"""Steady steps of four networks under AMP, as torch-preflight's measure_cuda.py measures them.

The arguments are a model's name, the batch and the size (tokens, or pixels of a side). What that
script does before on the same card is done here, too, where it leaves memory behind: a float32
matrix product and a convolution with its backward.
"""

import json
import sys
from typing import Any

import torch


def build(name: str, batch: int, size: int) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """The model on the card, its input and its target."""
    if name == "resnet50":
        import torchvision

        images = torch.randn(batch, 3, size, size, device="cuda")
        model: Any = torchvision.models.resnet50().cuda()
        return model, images, torch.randint(0, 1000, (batch,), device="cuda")
    import transformers

    classes: dict[str, Any] = {
        "gpt2": (transformers.AutoModelForCausalLM, transformers.GPT2Config()),
        "bert-base": (transformers.AutoModel, transformers.BertConfig()),
        "distilbert": (transformers.AutoModel, transformers.DistilBertConfig()),
    }
    automatic, config = classes[name]
    model = automatic.from_config(config).cuda()
    tokens = torch.randint(0, config.vocab_size - 1, (batch, size), device="cuda")
    return model, tokens, tokens


def main(name: str, batch: int, size: int) -> None:
    """Two steps; the peaks of the second are printed."""
    square = torch.randn(256, 256, device="cuda")
    (square @ square).sum().item()
    convolution = torch.nn.Conv2d(3, 16, 3, padding=1).cuda()
    convolution(torch.randn(1, 3, 64, 64, device="cuda")).sum().backward()
    del square, convolution
    torch.cuda.empty_cache()

    precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    model, inputs, target = build(name, batch, size)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=precision):
            if name == "resnet50":
                loss = torch.nn.functional.cross_entropy(model(inputs), target)
            elif name == "gpt2":
                out = model(input_ids=inputs, labels=target)
                loss = out.loss
            else:
                out = model(input_ids=inputs)
                loss = out.last_hidden_state.float().pow(2).mean()
        loss.backward()
        optimizer.step()

    step()
    torch.cuda.reset_peak_memory_stats()
    step()
    found = {
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": torch.cuda.max_memory_reserved(),
    }
    print("FOUND", json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
