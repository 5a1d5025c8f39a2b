"""A training: loss and accuracy by epoch, speed and memory beside what was predicted."""
