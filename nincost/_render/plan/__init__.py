"""The ways to train a model that fit: their memory, batch and commands."""
