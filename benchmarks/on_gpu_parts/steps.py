"""Step times, peak memory and kernels of some 20 models, in this process, one line of JSON each.

Writes OUTPUT/steps.jsonl (a case a line, as it is done) and OUTPUT/step_kernels.csv.gz: of one
profiled step at the larger batch in each precision, the kernels by operator, shapes and types.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import csv
import gc
import gzip
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from profiled import Kernel, kernels_of

from nincost._measure.timed_steps import CudaClock, time_steps
from nincost._models.sources import resolve
from nincost._step.step_options import Step

SGD = {"optimizer": "SGD", "optimizer_arg": {"momentum": 0.9}}
ADAMW = {"optimizer": "AdamW"}
GPT2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}
BERT = {"model_type": "bert", "architectures": ["BertForMaskedLM"]}
LLAMA = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 1024,
    "intermediate_size": 2816, "num_hidden_layers": 12, "num_attention_heads": 16,
    "num_key_value_heads": 4, "vocab_size": 32000,
}  # fmt: skip
LANGUAGE = {"loss": "none", **ADAMW}

#: Model, its two batches, and what else its step has. A dict is a transformers config.
MODELS: list[tuple[str, str | dict[str, Any], tuple[int, int], dict[str, Any]]] = [
    ("two-1x1", "two-1x1", (8, 128), SGD),
    ("one-1x1", "one-1x1", (8, 128), SGD),
    ("resnet50", "torchvision:resnet50", (8, 64), SGD),
    ("gpt2", GPT2, (1, 8), {**LANGUAGE, "input": ["input_ids=1024:int64", "labels=1024:int64"]}),
    ("vit_b_16", "torchvision:vit_b_16", (8, 64), ADAMW),
    ("llama-300m", LLAMA, (1, 4),
     {**LANGUAGE, "input": ["input_ids=2048:int64", "labels=2048:int64"]}),
    ("convnext_tiny", "torchvision:convnext_tiny", (8, 64), ADAMW),
    ("mobilenet_v2", "torchvision:mobilenet_v2", (8, 128), SGD),
    ("vgg16", "torchvision:vgg16", (8, 64), SGD),
    ("bert-base", BERT, (4, 32),
     {**LANGUAGE, "input": ["input_ids=512:int64", "labels=512:int64"]}),
    ("swin_t", "torchvision:swin_t", (8, 64), ADAMW),
    ("efficientnet_b0", "torchvision:efficientnet_b0", (8, 128), SGD),
    ("resnet18", "torchvision:resnet18", (8, 256), SGD),
    ("densenet121", "torchvision:densenet121", (8, 64), SGD),
    ("alexnet", "torchvision:alexnet", (8, 512), SGD),
    ("regnet_y_400mf", "torchvision:regnet_y_400mf", (8, 128), SGD),
    ("mobilenet_v3_large", "torchvision:mobilenet_v3_large", (8, 128), SGD),
    ("googlenet", "torchvision:googlenet", (8, 128), {**SGD, "arg": {"aux_logits": False}}),
    ("shufflenet_v2_x1_0", "torchvision:shufflenet_v2_x1_0", (8, 256), SGD),
    ("squeezenet1_1", "torchvision:squeezenet1_1", (8, 256), SGD),
    ("wide_resnet50_2", "torchvision:wide_resnet50_2", (8, 64), SGD),
]  # fmt: skip

#: In the order of their worth: the larger batch (1) or the smaller (0), and the setting.
SETTINGS: list[tuple[int, dict[str, Any]]] = [
    (1, {}),
    (1, {"amp": "bfloat16"}),
    (0, {}),
    (0, {"amp": "bfloat16"}),
    (1, {"inference": True}),
    (1, {"inference": True, "dtype": "bfloat16"}),
    (1, {"amp": "bfloat16", "channels_last": True}),
]


def cases() -> Iterator[tuple[str, Any, int, dict[str, Any], bool]]:
    """Name, model, batch, options, and whether its kernels are kept; all models by setting."""
    for number, (which, setting) in enumerate(SETTINGS):
        for name, model, batches, options in MODELS:
            if "channels_last" in setting and isinstance(model, dict):
                continue
            own = dict(options)
            if setting.get("inference"):
                own = {key: own[key] for key in ("input", "arg") if key in own}
                if isinstance(model, dict):
                    own["input"] = own["input"][0]
            yield name, model, batches[which], {**own, **setting}, number < 2


@contextlib.contextmanager
def profiled(found: list[Kernel]) -> Iterator[None]:
    """Profiles what is run within, and adds its kernels to `found`."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities, record_shapes=True) as profile:
        yield
        torch.cuda.synchronize()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        profile.export_chrome_trace(file.name)
        found += kernels_of(Path(file.name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    ends = time.monotonic() + float(os.environ.get("NINCOST_ON_GPU_SECONDS", "3600"))
    clock = CudaClock()
    models: dict[str, Any] = {}
    with (
        (given.output / "steps.jsonl").open("w") as lines,
        gzip.open(given.output / "step_kernels.csv.gz", "wt", newline="") as file,
    ):
        kernels = csv.writer(file)
        kernels.writerow(["case", *Kernel.__slots__])
        for number, (name, source, batch, options, keeps) in enumerate(cases()):
            if time.monotonic() > ends or (given.rehearse and number == 3):
                break
            if name not in models:
                models[name] = built(source, options.get("arg", {}))
            found: list[Kernel] = []
            plain = {key: value for key, value in options.items() if key != "arg"}
            row = {"model": name, "batch": batch, "options": options, "source": source}
            began = time.monotonic()
            try:
                step = Step(models[name], batch_size=batch, **plain)
                last = (lambda: profiled(found)) if keeps else None  # noqa: B023
                timed = time_steps(step, clock, limit=0.1 if given.rehearse else 0.4, last=last)
                row |= timed.to_dict()
            except Exception as error:  # the others go on
                row["error"] = f"{type(error).__name__}: {str(error)[:300]}"
            row["took"] = round(time.monotonic() - began, 2)
            lines.write(json.dumps(row) + "\n")
            lines.flush()
            case = f"{name} {batch} {json.dumps(options)}"
            kernels.writerows([case, *kernel.row()] for kernel in found)
            clear()
            print(name, batch, options, row.get("step_seconds", row.get("error")), flush=True)


def built(source: str | dict[str, Any], arguments: dict[str, Any]) -> Any:
    """A model whose weights are drawn once and copied for each case."""
    if isinstance(source, dict):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(source))
            model = resolve(f"hf:{folder}", arguments)
            module = model.rebuild()
    else:
        model = resolve(source, arguments)
        module = model.rebuild()
    return replace(model, rebuild=lambda: copy.deepcopy(module))


def clear() -> None:
    """Nothing of one case is left on the card for the next: its peak is its own."""
    gc.collect()
    torch._C._cuda_clearCublasWorkspaces()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


if __name__ == "__main__":
    main()
