"""The cases of Liger-Kernel's benchmark scripts that measure PyTorch's own operators.

Each is written again from what the script of a row's day does: which tensors and modules it makes,
what it keeps, what it runs before it measures. Nothing here imports nincost: the files run in the
interpreter of the torch that is wanted.
"""
