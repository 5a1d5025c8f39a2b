"""`nincost.memory` and `nincost.fit`, which choose the engine that answers.

A step on one GPU is recorded on the meta device (`_memory`); one on several ranks, or compiled, is
run by PyTorch itself on the emulated GPU (`_emulator/described`).
"""
