"""Hugging Face's Trainer on a small Llama and made-up tokens."""

import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments


class Tokens(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        ids = torch.full((128,), index % 1000)
        return {"input_ids": ids, "labels": ids}


model = LlamaForCausalLM(
    LlamaConfig(
        hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, vocab_size=1000,
    )
)  # fmt: skip
Trainer(
    model,
    TrainingArguments(
        sys.argv[1], per_device_train_batch_size=4, gradient_accumulation_steps=2, bf16=True,
        max_steps=8, report_to=[], save_strategy="no", logging_steps=1,
    ),
    train_dataset=Tokens(),
).train()  # fmt: skip
