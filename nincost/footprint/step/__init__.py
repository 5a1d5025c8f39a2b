"""What a training step is: from the options to real calls of PyTorch."""
