"""A functional test of Megatron-LM, run by its own pretrain_gpt.py; the peak is printed.

The arguments are a checkout of Megatron-LM and the folder of the test in it. All options are those
of the test's model_config.yaml, but for the data (made-up tokens, GPT-2's vocabulary size), the
checkpoints and the number of steps. What Megatron's containers have compiled is stood in for by
what allocates the same: TransformerEngine's FusedAdam by torch's fused AdamW, apex's layer norm by
PyTorch's, and the softmax extension by a module whose forward allocates its output and whose
backward writes in place.
"""

import json
import os
import runpy
import sys
import types
import typing
from pathlib import Path
from typing import Any

import torch
import typing_extensions
import yaml

STEPS = 4
DATA = ("--data-path", "--vocab-file", "--merge-file", "--split", "--data-cache-path")
PLACES = ("--save", "--load", "--save-interval", "--tensorboard-dir", "--async-save")
CHECKPOINTS = ("--use-persistent-ckpt-worker", "--verify-integrity")
REPLACED = (*DATA, *PLACES, *CHECKPOINTS, "--exit-interval", "--tokenizer-type")


def options(test: Path) -> list[str]:
    """The command line that the test gives pretrain_gpt.py; sets its environment variables."""
    config = yaml.safe_load((test / "model_config.yaml").read_text())
    os.environ.update({name: str(value) for name, value in config["ENV_VARS"].items()})
    line = []
    for name, value in config["MODEL_ARGS"].items():
        if name in REPLACED or value is False:
            continue
        line.append(name)
        if value is not True:
            line += str(value).split()
    vocabulary = ["--tokenizer-type", "NullTokenizer", "--vocab-size", "50257"]
    return [*line, "--mock-data", *vocabulary, "--exit-interval", str(STEPS)]


def softmax_extension(name: str) -> types.ModuleType:
    """What apex's compiled softmax allocates: an output, and nothing in backward."""
    module: Any = types.ModuleType(name)
    module.forward = lambda scores, *_: torch.empty_like(scores)
    module.backward = lambda gradient, *_: gradient
    module.get_batch_per_block = lambda *_: 1
    return module


class LayerNorm:
    """apex's fused layer norm: as PyTorch's, it keeps input, mean and inverse deviation."""

    @staticmethod
    def forward(inputs: torch.Tensor, weight: Any, bias: Any, shape: Any, eps: float) -> Any:
        return torch.nn.functional.layer_norm(inputs, shape, weight, bias, eps)

    apply = forward


def stand_in_for_compiled() -> None:
    """Modules in the place of compiled ones of Megatron's containers."""
    for name in ("scaled_upper_triang_masked", "scaled_masked", "scaled"):
        sys.modules[f"{name}_softmax_cuda"] = softmax_extension(f"{name}_softmax_cuda")
    norms: Any = types.ModuleType("apex.normalization.fused_layer_norm")
    norms.FusedLayerNormAffineFunction = LayerNorm
    for module in (types.ModuleType("apex"), types.ModuleType("apex.normalization"), norms):
        sys.modules[module.__name__] = module


def main(checkout: Path, test: str) -> None:
    """Run the test's first steps."""
    sys.path.insert(0, str(checkout))
    if not hasattr(typing, "override"):  # older than Python 3.12
        typing.override = typing_extensions.override  # type: ignore[attr-defined, unused-ignore]
    stand_in_for_compiled()
    line = options(checkout / "tests/functional_tests/test_cases" / test)

    import megatron.core.optimizer as optimizers

    class FusedAdam(torch.optim.AdamW):
        def __init__(self, parameters: Any, **given: Any) -> None:
            super().__init__(parameters, **given, fused=True)

    optimizers.Adam = FusedAdam
    sys.argv = [str(checkout / "pretrain_gpt.py"), *line]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:  # after the iterations that were asked for
        if end.code:
            raise
    found = {"allocated": torch.cuda.max_memory_allocated()}
    print("FOUND", json.dumps(found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
