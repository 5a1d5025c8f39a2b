"""Fails as a library does that wants a file from the network."""

LIBRARY = """
class LocalEntryNotFoundError(FileNotFoundError):
    pass

def from_pretrained(name):
    raise OSError(f"cannot load {name}") from LocalEntryNotFoundError("no network")
"""
library = {}
exec(compile(LIBRARY, "/venv/lib/python3.11/site-packages/hub/files.py", "exec"), library)

library["from_pretrained"]("meta-llama/Llama-3.1-8B")
