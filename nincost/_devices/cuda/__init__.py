"""What operators do on CUDA, a file a family: what runs, how outputs lie, what is allocated.

Sources are named by file of the PyTorch repository, release 2.14 (cuDNN 9.24, CCCL 13.0). A rule is
`derived` where the source alone gives the bytes, `modelled` where a closed library decides. No GPU
has confirmed them yet: `nincost validate` will.
"""
