"""A predicted step beside the same step in PyTorch's own CUDA code, on the emulated GPU."""
