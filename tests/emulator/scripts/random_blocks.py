"""Allocates and frees at random, on two streams, and prints torch's own counters."""

import random
import sys

import torch

random.seed(int(sys.argv[1]))
held = []
stream = torch.cuda.Stream()
for _ in range(3000):
    if held and random.random() < 0.52:
        held.pop(random.randrange(len(held)))
        continue
    size = int(2 ** random.uniform(0, 26))
    if random.random() < 0.2:
        with torch.cuda.stream(stream):
            held.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            if random.random() < 0.3:
                held[-1].record_stream(torch.cuda.default_stream())
    else:
        held.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
    if random.random() < 0.002:
        torch.cuda.empty_cache()
