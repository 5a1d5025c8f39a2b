"""Rows of Megatron-LM's functional tests."""

from __future__ import annotations

from measured_run_cases.case import Case

#: Tests whose transformer is `local` (no TransformerEngine), the rank that is run, the parallelism,
#: and the cards whose values there are. Megatron writes its figures on the last rank. Where tensors
#: are sharded the first of its tensor parallel ranks is taken, whose batch others get by broadcast.
MEGATRON_GPT = {
    "tp1_pp1_resume_torch_dist_dist_optimizer_overlap_grad_reduce_param_gather": (
        7, "data parallel, distributed optimizer", ("a100", "h100", "gb200"),
    ),
    "tp1_pp2": (7, "pipeline 2, data", ("a100", "h100", "gb200")),
    "tp1_pp2_resume_torch_dist": (7, "pipeline 2, data", ("a100", "gb200")),
    "tp1_pp4": (7, "pipeline 4, data", ("a100", "h100", "gb200")),
    "tp1_pp4_resume_torch_dist": (7, "pipeline 4, data", ("a100", "gb200")),
    "tp4_pp1": (4, "tensor 4, data", ("a100",)),
    "tp4_pp1_resume_torch_dist": (4, "tensor 4, data", ("a100", "h100", "gb200")),
}  # fmt: skip
DGX = {"a100": "a100-80gb", "h100": "h100", "gb200": "b200"}


def functional_tests() -> list[Case]:
    folder = "tests/functional_tests/test_cases/gpt/gpt3_mcore_"
    found = []
    for test, (rank, parallelism, cards) in MEGATRON_GPT.items():
        short = test.replace("_resume_torch_dist", "-fp16").partition("_dist_optimizer")[0]
        for card in cards:
            found.append(
                Case(
                    name=f"megatron-{short.replace('_', '-')}-{card}",
                    group="Megatron-LM",
                    row={"file": f"{folder}{test}/golden_values_dev_dgx_{card}.json"},
                    script="megatron_gpt.py",
                    arguments=("{sources}/Megatron-LM", f"gpt/gpt3_mcore_{test}"),
                    gpu=DGX[card],
                    counter="allocated",
                    data="megatron_golden.csv",
                    parallelism=parallelism,
                    ranks=8,
                    rank=rank,
                )
            )
    return found
