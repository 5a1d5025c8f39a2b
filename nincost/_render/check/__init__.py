"""A check: each layer by hand formula, by trace and by fvcore, and what explains differences."""
