"""Why a row differs, where that is known."""

from __future__ import annotations

import json

_NOT_FOUND = "not found"


def has_no_script(row: dict[str, str]) -> bool:
    """Whether no commit of the repository has the script that made a row."""
    config = json.loads(row["extra_benchmark_config_str"])
    return row["kernel_name"] == "fused_linear_orpo_loss" and config["T"] == 4096


def reason(row: dict[str, str]) -> str:
    """Of a row that differs."""
    if has_no_script(row):
        return (
            "no commit has the script: those that have ORPO run 1,024 tokens, and need twice as "
            "much for each token as this row"
        )
    return _REASONS.get(row["kernel_name"], _NOT_FOUND)


_REASONS = {
    "multi_token_attention": (
        "the plans of a convolution in bfloat16, hence their workspaces, are those of another "
        "cuDNN: the row's is older than 9.8 and cannot be queried without a card"
    ),
    "sparse_multi_token_attention": (
        "the plan of the smallest convolution is that of another cuDNN: the row's is older than "
        "9.8 and cannot be queried without a card"
    ),
}
