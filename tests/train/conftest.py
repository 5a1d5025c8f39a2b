"""Data that many trainings share."""

from __future__ import annotations

import os

import pytest

from nincost._train.data import Dataset, load
from nincost.errors import InputError


@pytest.fixture(scope="session")
def fashion() -> Dataset:
    """The real Fashion-MNIST, read once."""
    try:
        return load()
    except InputError as error:
        if os.environ.get("CI"):
            raise  # CI installs the data, and must not pass without
        pytest.skip(f"no Fashion-MNIST here: {error}")
