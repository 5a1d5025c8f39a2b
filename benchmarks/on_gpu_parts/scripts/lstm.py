"""A language model of cuDNN's LSTM, with whole or packed sequences."""

import os
import sys

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

STEPS = int(os.environ.get("STEPS", "4"))

packed = "--packed" in sys.argv


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10_000, 512)
        self.recurrent = nn.LSTM(512, 1024, num_layers=2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(1024, 10_000)

    def forward(self, ids, lengths):
        x = self.embedding(ids)
        if packed:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        x, _ = self.recurrent(x)
        if packed:
            x, _ = pad_packed_sequence(x, batch_first=True, total_length=ids.shape[1])
        return self.head(x)


model = Net().cuda()
optimizer = torch.optim.Adam(model.parameters())
lengths = torch.arange(64) + 65
for _ in range(STEPS):
    ids = torch.arange(64 * 128).view(64, 128).cuda()
    logits = model(ids, lengths)
    loss = functional.cross_entropy(logits.flatten(0, 1), ids.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
