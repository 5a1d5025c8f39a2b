"""Measured times that `nincost time` is fitted to and tested on."""
