"""How much of the images reaches the scores, and of the gradient the first layer, untrained.

    python benchmarks/initial_signal.py [--images 64] [--seeds 5]

For each variant and initialization: the standard deviation of the scores over different images
(none: the network says the same of each), and the size of the first convolution's gradient beside
that of its weights, each the median over seeds. Dropout is off. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from statistics import median

import torch
from torch.nn import functional

from nincost._models.sources import resolve
from nincost._train.build import xavier
from nincost._train.data import load, to_input
from nincost._train.seeds import seed_all


def signal(
    variant: str, init: str, seed: int, images: torch.Tensor, labels: torch.Tensor
) -> tuple[float, float]:
    """Spread of the scores over images, and the first gradient relative to its weight."""
    rebuild = resolve(variant).rebuild
    assert rebuild is not None
    module = rebuild(seed).eval()
    if init == "xavier":
        seed_all("xavier", seed)
        xavier(module)
    scores = module(images)
    functional.cross_entropy(scores, labels).backward()
    first = module.block1.conv.weight
    assert first.grad is not None
    return scores.std(0).mean().item(), (first.grad.norm() / first.norm()).item()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    data = load().first(options.images, 1)
    images = to_input(data.train_images, 224, 1)
    print("| network | initialization | spread of the scores | first gradient / weight |")
    print("| --- | --- | ---: | ---: |")
    for variant in ("zero-1x1", "one-1x1", "two-1x1"):
        for init in ("xavier", "default"):
            found = [
                signal(variant, init, seed, images, data.train_labels)
                for seed in range(options.seeds)
            ]
            spread, gradient = (median(values) for values in zip(*found, strict=True))
            print(f"| {variant} | {init} | {spread:.1e} | {gradient:.1e} |")


if __name__ == "__main__":
    main()
