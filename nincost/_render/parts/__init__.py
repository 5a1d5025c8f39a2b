"""Pieces that many renderers use: tables for a terminal, and HTML for a notebook."""
