"""What tables for a terminal, and HTML for a notebook, are put together from."""
