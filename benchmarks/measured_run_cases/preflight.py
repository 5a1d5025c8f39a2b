"""torch-preflight's own tests/calibration/measure_cuda.py; what its models reserve is printed.

The argument is its source distribution (0.5.0). All that the script measures is run, in its order;
weights of the Hugging Face hub's models are not read, as those of the vision model are not there.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import transformers


def classes() -> None:
    """Make `from_pretrained` build the models by their configuration, with the hub's sizes."""
    configurations: dict[str, Any] = {
        "gpt2": transformers.GPT2Config(),
        "bert-base-uncased": transformers.BertConfig(),
        "distilbert-base-uncased": transformers.DistilBertConfig(),
    }
    for name in ("AutoModel", "AutoModelForCausalLM"):
        model: Any = getattr(transformers, name)
        model.from_pretrained = lambda hub, model=model: model.from_config(configurations[hub])


def main(source: Path) -> None:
    """Run the script; each model's figure goes by its name and batch."""
    sys.path[:0] = [str(source / "tests/calibration"), str(source / "src"), str(source)]
    classes()
    measure: Any = importlib.import_module("measure_cuda")
    status = measure.main(["--models", "--out", "measured.json"])
    if status:
        raise SystemExit(status)
    found = json.loads(Path("measured.json").read_text())
    print(
        "FOUND",
        json.dumps(
            {
                f"{run['model']}-{run['config']['batch_size']}": run["measured_reserved_bytes"]
                for run in runs(found)
            }
        ),
    )


def runs(found: Any) -> list[Any]:
    """The measured models, wherever the script's file has them."""
    if isinstance(found, list):
        return [run for entry in found for run in runs(entry)]
    if not isinstance(found, dict):
        return []
    if "measured_reserved_bytes" in found:
        return [found]
    return [run for entry in found.values() for run in runs(entry)]


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
