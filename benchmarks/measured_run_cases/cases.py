"""Which rows are repeated, and what is not as measured."""

from __future__ import annotations

from measured_run_cases import (
    lightning_cases,
    megatron_cases,
    preflight_cases,
    titan_cases,
    torchtune_cases,
)

CASES = (
    *preflight_cases.calibration(),
    *lightning_cases.pretraining(),
    *lightning_cases.fine_tuning_and_inference(),
    *megatron_cases.functional_tests(),
    *titan_cases.january_2025(),
    *titan_cases.march_2024(),
    *torchtune_cases.flags(),
)

#: By source: what was not as measured, and what was changed after a figure was seen.
DIFFERENCES = {
    "torch-preflight-T4": (
        "transformers is today's, torch that of the rows. A first set-up ran each model alone with"
        " torch 2.14: six of the eight differed by no more than 0.8%, distilbert-base-8 by -5.3%,"
        " resnet50-32 by +2.4%. Torch 2.11 left these two where they were (-5.2%, +2.4%). Then the"
        " source's own script was run, as it is and whole, with what it measures before the models:"
        " reserved memory hangs on what earlier models leave behind"
    ),
    "litgpt-thunder": (
        "torch and Lightning are the first releases after the rows' nightly builds. The single and"
        " DDP rows accumulate 2 micro-batches, not 128 and 16, without the validation before. A"
        " first set-up of litgpt-single, with a newer litgpt and gradient clipping, gave 31.35 GB;"
        " the source's script does not clip, so the case does not. Both were changed at once, so"
        " which of them made the difference is not known"
    ),
    "litgpt-peft, litgpt-lora-fsdp, litgpt-inference": (
        "torch 2.4 in the place of 2.1, which does not run here. Examples that are not the longest"
        " have 128 tokens, the checkpoint holds no values, 2 micro-batches are run. Rows with 4-bit"
        " weights (bitsandbytes) are left out: llama-2-7b's inference, 4.57 GB, gave 14.08 here, as"
        " if its weights stayed in bfloat16: Lightning 2.1.0's context for modules does not"
        " quantize (today's does), which was tried by itself and not with the row's versions"
    ),
    "torchao-float8nocompile": (
        "torch 2.6 in the place of a nightly build of January 2025; torchtitan of 16 January 2025"
        " (what the benchmark changed in it for other rows is not in its repository);"
        " made-up tokens, 10 steps; expandable segments as torchtitan's launcher has them"
    ),
    "torchtitan-PR165": (
        "torch 2.4 in the place of a nightly build of March 2024; the commit of the pull request,"
        " and for FSDP1 the one before; made-up tokens, 11 steps; a card of 80 GB without an end"
        " in the place of one of 96. A first run of fsdp2-op left out the option that says `op`, so"
        " that every second layer was checkpointed: 66.27 GiB"
    ),
    "torchtune-flags": (
        "torch of today in the place of November 2024's, torchtune of the commit that added the"
        " table (1814feb), torchao 0.9 and bitsandbytes of today, made-up tokens, 4 steps, packs of"
        " examples of 256 tokens. The recipe's loop without its logging; AdamW is fused, as the"
        " table's first row has no room for lists of its intermediate results. Not in the data, but"
        " in the same table: compiled alone 51.0 (here 51.09), the optimizer in backward 23.1"
        " (23.20), activations offloaded 21.8 (21.89)"
    ),
    "Megatron-LM": (
        "its repository of 22 August 2026, torch of today in the place of NVIDIA's container,"
        " made-up tokens of GPT-2's vocabulary size, 4 steps and no checkpoints. Values are those"
        " of its `dev` container that a card's name goes with. TransformerEngine's FusedAdam is"
        " torch's fused AdamW, apex's layer norm is PyTorch's, and the compiled softmax a stand-in"
        " that allocates what it does. A GB200 is run as a B200. The layer norm was PyTorch's by"
        " Megatron's own fallback in the first runs, which needs `--no-persist-layer-norm`:"
        " tp4-pp1-a100 gave the same bytes, tp1-pp4-a100 2,748,606,464 (-0.00%). Published values"
        " of one pipeline test differ by multiples of 2 MiB between containers and cards"
    ),
}

VALIDATION = (
    "not proved. Where blocks are checkpointed, training takes so little that the validation before"
    " it, of examples drawn at random, can be the peak, and their lengths are not published: with"
    " examples that all are as long as the longest, phi-1.5's row of 5.88 GB would be 6.84, with"
    " 128 tokens it is 5.65"
)

#: Of cases that differ by more than 1%.
REASONS = {
    "preflight-bert-base-8": (
        "reserved memory of a later case of a long script; run alone (torch 2.14) it was -0.12%."
        " Which segment makes the difference was not found"
    ),
    "lit-gpt-lora-llama-2-7b-bf16-2": (
        "lit-gpt's norm. The row names commit 8641822, of 16 October 2023, but fits 6178c7cc, of"
        " the 24th, which casts RMSNorm's input to float32 (the table was published on the 27th):"
        " with it, and nothing else changed, it is 29.0765 GB, +0.02%. Two norms a layer keep a"
        " float32 input each in the place of a bfloat16 one: 1.37 GB"
    ),
    "lit-gpt-lora-llama-2-13b-bf16-1": (
        "as that of 7B: two norms in each of 40 layers would keep 1.07 GB more, which is the"
        " difference"
    ),
    **dict.fromkeys(
        (
            "lit-gpt-lora-2gpus-phi-1.5-bf16-4",
            "lit-gpt-lora-2gpus-stablelm-3b-bf16-2",
            "lit-gpt-lora-2gpus-llama-2-7b-bf16-4",
        ),
        VALIDATION,
    ),
    "torchtune-llama3.2-3b-8-bit": (
        "not found. The table does not say whose optimizer it is: bitsandbytes' AdamW8bit and"
        " torchao's both give 16.01 GiB here, PagedAdamW8bit 10.02; with the first, and without"
        " offloading, it is 17.32, without the optimizer in backward 19.02"
    ),
    "torchtitan-llama-7b-fsdp1-full": (
        "not proved. FSDP1 hands blocks to other streams (record_stream), which the allocator gets"
        " back only when the card has passed them: at once where no kernel runs, so less is"
        " reserved. FSDP2 does not, and agrees"
    ),
}
