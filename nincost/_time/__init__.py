"""How long a step takes on a card: its kernels' work, their time by physics and a fit, the host."""
