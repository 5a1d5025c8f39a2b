"""Many predictions at once: `plan` tries ways to train a model, `sweep` models times settings."""
