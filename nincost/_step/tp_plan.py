"""How tensor parallelism splits layers: a plan of module names and styles."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nincost._canonical_names import plain
from nincost.errors import InputError, did_you_mean

#: Styles of a plan, by transformers' names and torch's, and what each is.
STYLES = {
    "colwise": "colwise", "rowwise": "rowwise", "colwise_rep": "colwise_rep",
    "colwise_gather_output": "colwise_rep", "embedding_rowwise": "embedding_rowwise",
    "sequence": "sequence", "sequence_parallel": "sequence",
    "ColwiseParallel": "colwise", "RowwiseParallel": "rowwise", "SequenceParallel": "sequence",
}  # fmt: skip


def read_tp_plan(path: str) -> dict[str, str]:
    """A tensor-parallel plan from a JSON or TOML file: module names with `*`, and styles.

    Raises:
        InputError: there is no such file, or it is none.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"tp_plan {path!r} cannot be read: {error}") from error
    except ValueError as error:
        raise InputError(f"tp_plan {path!r} is no JSON or TOML: {error}") from error
    return check_tp_plan(found, path)


def check_tp_plan(plan: Any, where: str) -> dict[str, str]:
    """A plan whose styles are known.

    Raises:
        InputError: it is no mapping of names to styles; the message has the nearest style.
    """
    if not isinstance(plan, Mapping) or not plan:
        raise InputError(
            f"the tensor-parallel plan of {where} is empty or no table: write lines such as "
            '"layers.*.mlp.up_proj": "colwise"'
        )
    styles = {plain(name): style for name, style in STYLES.items()}
    found = {}
    for name, style in plan.items():
        known = styles.get(plain(str(style)))
        if known is None:
            raise InputError(
                f"the tensor-parallel plan of {where} has the style {style!r} for {name}: choose "
                f"{', '.join(dict.fromkeys(STYLES.values()))}{did_you_mean(str(style), STYLES)}"
            )
        found[str(name)] = known
    return found
