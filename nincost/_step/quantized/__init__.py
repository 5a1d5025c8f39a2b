"""Linear layers with quantized weights: by bitsandbytes, by torchao."""
