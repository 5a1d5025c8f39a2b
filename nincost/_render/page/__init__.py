"""Pages: one HTML file each, with its style, scripts and data inside."""
