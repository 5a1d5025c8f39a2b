"""The published runs' loop, in whatever PyTorch runs this; started by published_emulated.py.

Written after what the measurements' source says of its loop (the report tells it in words). It
imports nothing of nincost, so that a PyTorch too old for nincost can run it. Its argument is a row,
as JSON. Prints bytes: reserved once the model is there, and the most reserved and allocated.
"""

import json
import sys

import torch
import torchvision

STEPS = 4


def main() -> None:
    row = json.loads(sys.argv[1])
    model = getattr(torchvision.models, row["model"])(**row["model_args"])
    batch = row["batch_size"]
    model.to("cuda")
    with_model = torch.cuda.memory_reserved()
    model.train()
    optimizer = getattr(torch.optim, row["optimizer"])(params=model.parameters(), lr=0.001)
    criterion = torch.nn.CrossEntropyLoss()
    for _ in range(STEPS):
        # What a loader gives: a new batch on the CPU, under the last one's names.
        inputs, labels = torch.zeros(batch, 3, 86, 86), torch.zeros(batch, dtype=torch.long)
        optimizer.zero_grad()
        inputs, labels = inputs.to("cuda"), labels.to("cuda")
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        _, _found = torch.max(outputs, 1)
    told = {
        "torch": torch.__version__,
        "with_model": with_model,
        "reserved": torch.cuda.max_memory_reserved(),
        "allocated": torch.cuda.max_memory_allocated(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
