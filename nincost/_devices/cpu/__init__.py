"""What operators do on the CPU, a file a family: what runs, and what is allocated.

Each rule was read from PyTorch's source and agrees to the byte with `torch.profiler`'s record of a
real step (tests/memory/test_cpu_proof.py).
"""
