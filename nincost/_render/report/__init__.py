"""All of it: the page with its charts, and what profile and memory print as text."""
