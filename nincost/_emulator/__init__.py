"""The emulated GPU: PyTorch's own CUDA code over a CUDA in which kernels do nothing."""
