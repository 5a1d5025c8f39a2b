"""Which rows are repeated, and what is not as measured."""

from __future__ import annotations

from measured_run_cases import lightning_cases, megatron_cases, preflight_cases, titan_cases

CASES = (
    *preflight_cases.calibration(),
    *lightning_cases.pretraining(),
    *lightning_cases.fine_tuning_and_inference(),
    *megatron_cases.functional_tests(),
    *titan_cases.january_2025(),
    *titan_cases.march_2024(),
)

#: By source: what was not as measured, and what was changed after a figure was seen.
DIFFERENCES = {
    "torch-preflight-T4": (
        "weights are not the published ones. The script's synthetic models, which ran before on the"
        " same card, are left out"
    ),
    "litgpt-thunder": (
        "torch is today's, litgpt of the rows' time. The single and DDP rows accumulate 2"
        " micro-batches, not 128 and 16, without the validation before. A first set-up of"
        " litgpt-single, with a newer litgpt and gradient clipping, gave 31.35 GB; the source's"
        " script does not clip, so the case does not. Both were changed at once, so which of them"
        " made the difference is not known"
    ),
    "Megatron-LM": (
        "its repository of 22 August 2026, torch of today in the place of NVIDIA's container,"
        " made-up tokens of GPT-2's vocabulary size, 4 steps and no checkpoints. Values are those of"
        " its `dev` container that a card's name goes with. TransformerEngine's FusedAdam is torch's"
        " fused AdamW, apex's layer norm is PyTorch's, and the compiled softmax a stand-in that"
        " allocates what it does. A GB200 is run as a B200. The layer norm was PyTorch's by"
        " Megatron's own fallback in the first two runs (tp1-pp4-a100, tp4-pp1-a100), which needs"
        " `--no-persist-layer-norm`; the latter gave the same bytes with either"
    ),
}
