"""torchtitan's own train.py on made-up tokens; the peaks of its last logged step are printed.

The arguments are a checkout of torchtitan (of 2024 or January 2025), the vocabulary's size, and
train.py's options. Its tokenizer and data set are replaced; all else is its own.
"""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch


class Tokenizer:
    """As many tokens as the published tokenizer has."""

    def __init__(self, n_words: int) -> None:
        self.n_words = n_words


class Batches:
    """Endless batches of zeros, on the CPU, as the data loader's are."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.batch, self.tokens = given[3], given[4]

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            tokens = torch.zeros(self.batch, self.tokens, dtype=torch.int64)
            yield tokens, tokens.clone()


def main(checkout: Path, words: int, options: list[str]) -> None:
    """Train for as many steps as the options say."""
    os.chdir(checkout)
    sys.path.insert(0, str(checkout))
    older_names()
    train = importlib.import_module("train")
    monitor = "build_device_memory_monitor"
    if hasattr(train, monitor):
        train.build_tokenizer = lambda *_: Tokenizer(words)
        train.build_hf_data_loader = Batches
    else:
        monitor = "build_gpu_memory_monitor"
        train.create_tokenizer = lambda *_: Tokenizer(words)
        train.dataloader_fn = dict.fromkeys(train.dataloader_fn, Batches)
    logged = []
    build = getattr(train, monitor)

    def watched() -> Any:
        found = build()
        read = found.get_peak_stats

        def get_peak_stats() -> Any:
            logged.append(torch.cuda.memory_stats())
            return read()

        found.get_peak_stats = get_peak_stats
        return found

    setattr(train, monitor, watched)
    config = importlib.import_module(f"{train.JobConfig.__module__}").JobConfig()
    config.parse_args(options)
    train.main(config)
    names = {"active": "active_bytes.all.peak", "reserved": "reserved_bytes.all.peak"}
    found = {short: logged[-1][name] for short, name in names.items()}
    print("FOUND", json.dumps(found))


def older_names() -> None:
    """What torch called otherwise before its release 2.4, which is the first that runs here."""
    checkpoint: Any = importlib.import_module("torch.utils.checkpoint")
    old = "_pt2_selective_checkpoint_context_fn_gen"
    if hasattr(checkpoint, old):
        return

    def generated(saves: Any) -> Any:
        kept = checkpoint.CheckpointPolicy

        def policy(context: Any, operator: Any, *args: Any, **kwargs: Any) -> Any:
            mode = "recompute" if context.is_recompute else "forward"
            save = saves(mode, operator, *args, **kwargs)
            return kept.MUST_SAVE if save else kept.PREFER_RECOMPUTE

        return checkpoint.create_selective_checkpoint_contexts(policy)

    setattr(checkpoint, old, generated)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]), sys.argv[3:])
