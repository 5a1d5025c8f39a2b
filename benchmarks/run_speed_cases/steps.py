"""Training steps, timed one by one: `steps.py MODEL DEVICE STEPS [--history]`.

The least processor time of a step, of all threads, is printed: a process on a shared machine is
interrupted, which makes steps longer and never shorter.
"""

import sys
import time
from collections.abc import Callable

import torch
from llama import SIZES, Llama
from torch import Tensor, nn


def resnet50(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    import torchvision

    def loss(model: nn.Module) -> Tensor:
        images = torch.empty(32, 3, 224, 224, device=device)
        labels = torch.zeros(32, dtype=torch.int64).to(device)
        return nn.functional.cross_entropy(model(images), labels)

    return torchvision.models.resnet50(), loss


def llama(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    def loss(model: nn.Module) -> Tensor:
        tokens = torch.zeros(4, 513, dtype=torch.int64).to(device)
        logits = model(tokens[:, :-1])
        return nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    return Llama(SIZES["125m"]), loss


def layers(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    """Linear layers and nothing else: the least that torch itself does for a module."""
    model = nn.Sequential(*[nn.Sequential(nn.Linear(512, 512), nn.ReLU()) for _ in range(40)])
    return model, lambda model: model(torch.empty(64, 512, device=device)).sum()


MODELS = {"resnet50": resnet50, "llama": llama, "layers": layers}


def main(name: str, device: str, count: int) -> None:
    model, loss = MODELS[name](device)
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), foreach=True)  # as on CUDA, on meta too
    least = float("inf")
    for step in range(count):
        began = time.process_time()
        loss(model).backward()
        optimizer.step()
        optimizer.zero_grad()
        if step > 2:
            least = min(least, time.process_time() - began)
        if step == count - 2:  # the observer ends a script as its last step ends
            print("FOUND", least, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if "--history" in sys.argv:
        torch.cuda.memory._record_memory_history(
            "all", context="alloc", stacks="python", max_entries=1 << 23
        )
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
