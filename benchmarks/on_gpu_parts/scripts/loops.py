"""Loops of others: transformers' Trainer, lightning's, accelerate's."""

import os
import sys

import torch
import torchvision
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

how = sys.argv[1]
STEPS = int(os.environ.get("STEPS", "4"))
count = 32 * STEPS
images = TensorDataset(torch.randn(count, 3, 224, 224), torch.zeros(count, dtype=torch.long))

if how == "trainer":
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    class Tokens(torch.utils.data.Dataset):
        def __len__(self):
            return 32 * STEPS

        def __getitem__(self, index):
            ids = torch.full((256,), index)
            return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": index % 2}

    Trainer(
        BertForSequenceClassification(BertConfig()),
        TrainingArguments(
            "out", per_device_train_batch_size=16, gradient_accumulation_steps=2, bf16=True,
            max_steps=STEPS, report_to=[], save_strategy="no", logging_steps=1, disable_tqdm=True,
        ),
        train_dataset=Tokens(),
    ).train()  # fmt: skip
elif how == "lightning":
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torchvision.models.resnet18()

        def training_step(self, batch, _):
            x, y = batch
            return functional.cross_entropy(self.net(x), y)

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters())

    lightning.Trainer(
        accelerator="gpu", devices=1, precision="bf16-mixed", max_steps=STEPS, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, gradient_clip_val=1.0,
    ).fit(Module(), DataLoader(images, 32))  # fmt: skip
else:
    from accelerate import Accelerator

    accelerator = Accelerator(mixed_precision="fp16", gradient_accumulation_steps=2)
    model = torchvision.models.efficientnet_b0()
    optimizer = torch.optim.AdamW(model.parameters())
    model, optimizer, loader = accelerator.prepare(model, optimizer, DataLoader(images, 32))
    for x, y in loader:
        with accelerator.accumulate(model):
            accelerator.backward(functional.cross_entropy(model(x), y))
            optimizer.step()
            optimizer.zero_grad()
