"""Rows that were measured with torchtune."""

from __future__ import annotations

from measured_run_cases.case import Case

#: By the row's note what it has beside the one before: each adds to that. Of the table's first row,
#: of examples that are not packed, the lengths are not published.
_ADDED = {
    "+ packed dataset": (),
    "+ chunked cross entropy": ("compile", "chunked"),
    "+ activation checkpointing": ("checkpointing",),
    "+ 8-bit AdamW": ("in-backward", "offloading", "8-bit"),
}


def flags() -> list[Case]:
    """README.md "Optimization flags": a 3B Llama, trained whole on one card."""
    cases, given = [], ["{sources}/torchtune"]
    for note, more in _ADDED.items():
        given += more
        cases.append(
            Case(
                name=f"torchtune-llama3.2-3b-{(more or ('packed',))[-1]}",
                group="torchtune-flags",
                row={"note": note},
                script="torchtune_finetune.py",
                arguments=tuple(given),
                gpu="a100-80gb",
                counter="active",
                needs=("torchao", "bitsandbytes"),
            )
        )
    return cases
