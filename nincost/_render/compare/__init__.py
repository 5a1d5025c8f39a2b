"""Networks side by side: the layers that differ, and totals with their ratios to the first."""
