"""`nincost fit`."""

from support.messages import Case

NET = """
from torch import nn
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
    def forward(self, x): return self.fc.weight.sum()
class Asks(Fixed):
    def forward(self, x): return self.fc(x) if x.sum().numpy() > 0 else x
"""

CASES = [
    Case("fit", ["no budget", "24GiB"]),
    Case("fit --batch-size 8 --gpu 24GiB",
         ["leave --batch-size out", "nincost memory --batch-size 8"]),
    Case("fit -b 1 --gpu 24GiB", ["leave --batch-size out"]),
    Case("fit --gpu 300MiB", ["batch of 1", "needs"]),
    Case("fit {tmp}/net.py:Fixed --input 4 --loss sum --gpu 24GiB",
         ["does not grow with the batch", "check the input"], files={"net.py": NET}),
    Case("fit {tmp}/net.py:Asks --input 4 --gpu 24GiB --on-cpu",
         ["looks at values", "one batch with nincost memory"], files={"net.py": NET}),
    Case("fit two-1x2 --gpu 24GiB", ["unknown model 'two-1x2'"]),
    Case("fit --ranks 2", ["no budget", "24GiB"]),
    Case("fit --gpu 24GiB --ranks 4 --global-batch 6", ["does not divide by 4", "give 8"]),
    Case("fit --gpu 300MiB --global-batch 4", ["batch of 1 on each rank needs", "nincost plan"]),
]  # fmt: skip
