"""What nincost says of a case: profile, check, memory and fit, with the seconds of each.

`predict.py JSON` gets a list of names and prints a line of JSON for each. With `--events FILE` the
predicted changes are kept as a pickle, for one case.
"""

from __future__ import annotations

import gc
import json
import pickle
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

import nincost
from nincost._isolation import collection_paused
from nincost._memory.predict import describe, predict
from nincost._step.request import make_request
from real_model_cases import CASES, Case, load
from real_model_cases.taken import unfilled


def said(one: Case, gpu: str, wanted: list[str], events: str = "") -> dict[str, Any]:
    """Each answer, or the error in its place."""
    with unfilled():
        module, inputs = one.make()
    module.train(not one.options.get("inference"))
    found: dict[str, Any] = {}

    def timed(name: str, ask: Callable[[], dict[str, Any]]) -> None:
        if name not in wanted:
            return
        began = time.perf_counter()
        try:
            answer = ask()
        except Exception as error:
            answer = {"problem": f"{type(error).__name__}: {str(error)[:500]}"}
        found[name] = {**answer, "seconds": time.perf_counter() - began}

    def profile() -> dict[str, Any]:
        result = nincost.profile(module, input=inputs)
        return {
            "parameters": result.totals.params,
            "macs": result.totals.macs,
            "uncounted": [item.operator for item in result.uncounted],
            "notes": list(result.notes),
        }

    def check() -> dict[str, Any]:
        result = nincost.check(module, input=inputs, other_tools=False)
        return {"ok": result.ok}

    def memory() -> dict[str, Any]:
        loss = {} if one.options.get("inference") else {"loss": one.loss}
        with collection_paused():
            request = make_request(module, gpu, input=inputs, **loss, **one.options)
            prediction = predict(request)
            result = describe(prediction)
        simulation = prediction.simulation
        if events:
            with open(events, "wb") as file:
                pickle.dump((simulation.events, simulation.layers), file)
        return {
            "allocated": simulation.peak,
            "reserved": simulation.reserved,
            "steps": simulation.steps,
            "settled": simulation.settled,
            "fallback": prediction.recording.fallback is not None,
            "assumptions": [one.detail for one in prediction.recording.assumptions],
            "uncounted": list(result.uncounted),
            "notes": list(result.notes),
        }

    def fit() -> dict[str, Any]:
        loss = {} if one.options.get("inference") else {"loss": one.loss}
        result = nincost.fit(module, gpu=gpu, input=inputs, **loss, **one.options)
        return {"batch": result.totals.batch_size}

    timed("memory", memory)
    timed("profile", profile)
    timed("check", check)
    timed("fit", fit)
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    load()
    events = sys.argv[4] if sys.argv[4:] else ""
    names, gpu, wanted = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
    nincost.memory(torch.nn.Linear(4, 4), input="4", measure=False)  # what the first call imports
    for name in names:
        try:
            found = said(CASES[name], gpu, wanted, events)
        except Exception as error:
            found = {"problem": f"{type(error).__name__}: {str(error)[:400]}"}
        print(json.dumps({"name": name, **found}), flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
