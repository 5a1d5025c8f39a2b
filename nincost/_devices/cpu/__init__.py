"""What operators allocate on the CPU, besides their outputs: a file a family.

Each rule was read from PyTorch's source and holds to the byte against `torch.profiler`'s record of
a real step (tests/footprint/test_cpu_proof.py).
"""

from nincost._devices.cpu import arithmetic, attention, norms
from nincost._devices.cpu import conv as convolution

__all__ = ["arithmetic", "attention", "convolution", "norms"]
