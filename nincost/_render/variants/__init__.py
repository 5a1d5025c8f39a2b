"""The built-in variants: what each costs, and where it comes from."""
