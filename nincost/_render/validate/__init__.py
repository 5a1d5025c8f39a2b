"""Predicted beside measured memory, a row for each case of the suite."""
