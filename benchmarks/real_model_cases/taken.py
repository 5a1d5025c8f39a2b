"""What PyTorch's own CUDA code takes for a case: a plain training loop on the emulated GPU.

`taken.py JSON` gets `{name: steps}` and prints a line of JSON for each. With `--events FILE` the
allocator's history is kept as a pickle, for one case.
"""

from __future__ import annotations

import contextlib
import gc
import json
import pickle
import signal
import sys
import time
import warnings
from typing import Any

import torch
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

from real_model_cases import CASES, Case, load

#: Seconds after which FLOPs are not counted further: of boxes that nobody has suppressed there are
#: too many.
LONGEST_COUNT = 60


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"counting FLOPs takes more than {LONGEST_COUNT} s")


signal.signal(signal.SIGALRM, _too_long)


@contextlib.contextmanager
def unfilled() -> Any:
    """Leave large weights as they are: drawing them takes longer than the steps do."""
    places: list[tuple[Any, str]] = [
        (torch.Tensor, "normal_"), (torch.Tensor, "uniform_"),
        (torch.nn.init, "_no_grad_trunc_normal_"),
    ]  # fmt: skip
    kept = [(owner, name, getattr(owner, name)) for owner, name in places]

    def skipping(original: Any) -> Any:
        def fill(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self if self.numel() > 100_000 else original(self, *args, **kwargs)

        return fill

    for owner, name, original in kept:
        setattr(owner, name, skipping(original))
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def precision(options: Any) -> Any:
    if not options.get("amp"):
        return contextlib.nullcontext()
    return torch.autocast("cuda", dtype=getattr(torch, options["amp"]))


def call(model: Any, inputs: Any) -> Any:
    return model(**inputs) if isinstance(inputs, dict) else model(*inputs)


def train(model: Any, inputs: Any, one: Case, steps: int) -> None:
    """The loop as a script has it."""
    options = one.options
    parameters = [p for p in model.parameters() if p.requires_grad]
    kind = getattr(torch.optim, options["optimizer"])
    arguments = dict(options.get("optimizer_arg", {}))
    if options["optimizer"] == "SGD":
        arguments.setdefault("lr", 0.01)
    optimizer = kind(parameters, **arguments)
    scaler = torch.amp.GradScaler("cuda") if options.get("amp") == "float16" else None
    for _ in range(steps):
        with precision(options):
            output = call(model, inputs)
            loss = one.loss(output)
        optimizer.zero_grad()
        if scaler is not None:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        else:
            loss.backward()
            optimizer.step()
        del output, loss


def infer(model: Any, inputs: Any, one: Case, steps: int) -> None:
    for _ in range(steps):
        with torch.no_grad(), precision(one.options):
            call(model, inputs)


def left_behind() -> int:
    """Bytes that the cases so far hold for good, with all else given back."""
    gc.collect()
    torch._C._cuda_clearCublasWorkspaces()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def taken(one: Case, steps: int, events: str = "") -> dict[str, Any]:
    """Peaks of the steps; then the FLOPs of a forward pass in eval mode."""
    with unfilled():
        model, inputs = one.make()
    options = one.options
    if options.get("dtype"):
        kind = getattr(torch, options["dtype"])
        model = model.to(kind)
        inputs = tree_map(
            lambda t: t.to(kind) if torch.is_tensor(t) and t.is_floating_point() else t, inputs
        )
    if options.get("channels_last"):
        model = model.to(memory_format=torch.channels_last)
        inputs = tree_map(
            lambda t: (
                t.contiguous(memory_format=torch.channels_last)
                if torch.is_tensor(t) and t.dim() == 4
                else t
            ),
            inputs,
        )
    if events:
        torch.cuda.memory._record_memory_history(
            "all", context="alloc", stacks="python", max_entries=1 << 22
        )
    model.train(not options.get("inference")).cuda()
    inputs = tree_map(lambda t: t.cuda() if torch.is_tensor(t) else t, inputs)
    began = time.perf_counter()
    (infer if options.get("inference") else train)(model, inputs, one, steps)
    found = {
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": torch.cuda.max_memory_reserved(),
        "seconds": time.perf_counter() - began,
        "steps": steps,
    }
    if events:
        with open(events, "wb") as file:
            pickle.dump(torch.cuda.memory._snapshot()["device_traces"][0], file)
    found["parameters"] = sum(p.numel() for p in model.parameters())
    model.zero_grad()
    signal.alarm(LONGEST_COUNT)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            call(model.eval(), inputs)
        found["flops"] = counter.get_total_flops()
    except Exception as error:
        found["flops_problem"] = f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.alarm(0)
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    load()
    events = sys.argv[3] if sys.argv[2:3] == ["--events"] else ""
    for number, (name, steps) in enumerate(json.loads(sys.argv[1]).items()):
        if number and left_behind():
            return  # such as cuDNN's dropout state: the next case wants a process of its own
        try:
            found = taken(CASES[name], steps, events)
        except Exception as error:
            found = {"problem": f"{type(error).__name__}: {str(error)[:400]}"}
        print(json.dumps({"name": name, **found}), flush=True)


if __name__ == "__main__":
    main()
