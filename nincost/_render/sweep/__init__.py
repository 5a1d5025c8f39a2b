"""A sweep's cells: their settings, figures, and why some failed."""
