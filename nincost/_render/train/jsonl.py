"""A training as JSON lines: its settings, each epoch, and its totals, an object a line."""

from __future__ import annotations

import json
from typing import Any

from nincost._train.results import Training


def render(result: Training) -> str:
    """The lines; each has an `event`: start, epoch, end."""
    document = result.to_dict()
    lines: list[dict[str, Any]] = [
        {
            "event": "start", "model": result.model, "settings": document["settings"],
            "data": document["data"], "environment": document["environment"],
        },
        *({"event": "epoch", **row} for row in document["epochs"]),
        {
            "event": "end", **document["totals"], "speed": document["speed"],
            "memory": document["memory"],
        },
    ]  # fmt: skip
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
