"""A graded hand calculation: its terms with their verdicts, the mistakes, the right sum."""
