"""Training loops of others: `lightning`'s trainer, or `accelerate` with accumulation."""

import sys

import net
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(torch.randn(4096, 256), torch.zeros(4096, dtype=int)), 256)
if sys.argv[1] == "lightning":
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = net.make()

        def training_step(self, batch, _):
            x, y = batch
            return functional.cross_entropy(self.net(x), y)

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters())

    lightning.Trainer(
        accelerator="gpu", devices=1, precision="16-mixed", max_steps=8, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, accumulate_grad_batches=2,
    ).fit(Module(), loader)  # fmt: skip
else:
    from accelerate import Accelerator

    accelerator = Accelerator(mixed_precision="fp16", gradient_accumulation_steps=2)
    model = net.make()
    optimizer = torch.optim.AdamW(model.parameters())
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    for x, y in loader:
        with accelerator.accumulate(model):
            accelerator.backward(functional.cross_entropy(model(x), y))
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
