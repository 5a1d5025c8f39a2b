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


_UNCUT = (
    "the allocator hands out a cached block whole where it is up to 1 MiB larger than asked for, "
    "and counts all of it; which blocks are cached depends on all earlier cases, {}. Not traced to "
    "single blocks"
)
_OLD_CUDNN = (
    "workspaces of convolutions: the row's torch had a cuDNN older than 9.8, which cannot be "
    "queried for a card that is not there; {}"
)
_REASONS = {
    "multi_token_attention": _OLD_CUDNN.format("the newer one chooses other plans in bfloat16"),
    "sparse_multi_token_attention": _OLD_CUDNN.format(
        "the newer one chooses another plan for the smallest case"
    ),
    "fused_linear_cpo_loss": _UNCUT.format("here on what the sibling left"),
    "fused_linear_orpo_loss": _UNCUT.format(
        "here on what the sibling left: with other packages beside it this row was exact"
    ),
    "fused_moe": _UNCUT.format(
        "here on the sibling's autotuning, which is not repeated, and on each expert's tokens: "
        "without the sibling's cases the rows of 16 to 128 experts are up to 0.5% off"
    ),
    "distill_jsd_loss": (
        "no commit has the reference loss of that day (2024-12-03): it came with the kernel on "
        "2025-01-31. For each 1,024 rows the measured one holds 7,539 MiB, the later one 6,537, "
        "two tensors of logits in float32 less"
    ),
}
