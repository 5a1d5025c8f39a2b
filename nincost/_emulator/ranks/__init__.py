"""One rank of many: what torch.distributed finds of the others, and which ranks are run."""
