"""How long a step takes: by phase, layer and operator, and what bounds it."""
