"""Runs one script's cases; measured_operators.py starts it on the emulated card.

The argument is a JSON list: the kernel's name, and the script's sweeps one after the other. A sweep
is a list of configurations, each with its values of x, their name, and the modes whose memory is
wanted. Each measured case is a line of JSON on stdout, and the versions are the last.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from typing import Any

import torch
import triton

from liger_cases import attention, distillation, experts, losses, norms, preference
from liger_cases.measure import Case, Loop, Script, siblings

_ALL = ("forward", "full", "backward")
_LIGER_AND_HF = ("liger", "huggingface")

SCRIPTS = {
    "cross_entropy": Script(losses.cross_entropy, ("huggingface",)),
    "embedding": Script(norms.embedding, ("liger", "huggingface", "torch_compile")),
    "rms_norm": Script(norms.rms_norm, ("huggingface",), ("forward", "full", "backward")),
    "fused_linear_orpo_loss": Script(preference.orpo, _LIGER_AND_HF),
    "fused_linear_cpo_loss": Script(preference.cpo, _LIGER_AND_HF),
    "fused_linear_simpo_loss": Script(preference.simpo, _LIGER_AND_HF),
    "distill_jsd_loss": Script(distillation.distill_jsd, ("liger", "torch")),
    "distill_cosine_loss": Script(distillation.distill_cosine, ("liger", "torch")),
    "fused_linear_grpo_loss_sequence": Script(distillation.grpo_sequence, ("torch",), _ALL),
    "multi_token_attention": Script(attention.multi_token_attention, ("torch",), _ALL),
    "sparse_multi_token_attention": Script(
        attention.sparse_multi_token_attention, ("torch",), _ALL
    ),
    "fused_neighborhood_attention": Script(
        attention.neighbourhood_attention, ("liger", "torch"), _ALL
    ),
    "llama4_rope": Script(attention.llama4_rope, ("huggingface",), ("forward", "backward", "full")),
    "tiled_geglu": Script(attention.tiled_geglu, ("huggingface",), ("full", "forward", "backward")),
    "tvd": Script(losses.tvd, ("torch",), memory_first=True),
    "relu_squared": Script(norms.relu_squared, ("torch",), _ALL),
    "fused_add_rms_norm": Script(norms.fused_add_rms_norm, ("huggingface",), _ALL),
    "fused_moe": Script(
        experts.fused_moe, _LIGER_AND_HF, ("full", "forward", "backward"), before=experts.prepare
    ),
    "megatron_rms_norm": Script(norms.megatron_rms_norm, ("torch",), ("forward", "full")),
}


def run(kernel: str, sweeps: list[list[dict[str, Any]]]) -> None:
    """Time, then measure, each sweep, as the script does."""
    script = SCRIPTS[kernel]
    if script.before is not None:
        first = sweeps[0][0]
        script.before(first["config"], first["x"] if first["x_name"] == "E" else [128])
    for sweep in sweeps:
        for measures in (True,) if script.memory_first else (False, True):
            for part in sweep:
                for mode in part["modes"] if measures else script.timed:
                    for provider in script.providers:
                        _run(script, part, mode, provider, measures)


def _run(script: Script, part: dict[str, Any], mode: str, provider: str, measures: bool) -> None:
    for x in part["x"]:
        loop = Loop(mode, measures)
        script.bench(Case(provider, mode, x, part["config"]), loop)
        if measures and provider in ("huggingface", "torch"):
            found = {"config": part["config"], "x_name": part["x_name"], "x": x, "mode": mode}
            print(json.dumps(found | {"mib": loop.median()}), flush=True)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    run(*json.loads(sys.argv[1]))
    versions = {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version()}
    versions["triton"] = triton.__version__
    versions["siblings"] = sorted(siblings)
    versions["python"] = platform.python_version()
    versions |= {
        name: _version(name) for name in ("liger-kernel", "numpy", "transformers", "tokenizers")
    }
    print(json.dumps(versions))
    sys.stdout.flush()
    os._exit(0)  # torch's threads now and then abort a process that ends while they run
