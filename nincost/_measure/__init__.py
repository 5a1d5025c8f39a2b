"""Measures real steps on a GPU and holds predictions against them."""
