"""Runs a step on the meta device and records its operators and storages."""
