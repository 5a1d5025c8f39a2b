"""Trainings side by side, each beside what was published of it."""
