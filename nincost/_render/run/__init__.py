"""The formats of a script's run on the emulated GPU."""
