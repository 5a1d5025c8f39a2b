"""Published training runs, each set up by what its source says; cases.py lists them."""
