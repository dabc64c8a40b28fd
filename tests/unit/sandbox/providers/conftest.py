"""Fixtures for the tests of the provider."""

from typing import Any

import pytest

from mlsandbox.ground.layout import Layout


@pytest.fixture
def layout(bench: Any) -> Layout:
    """The folder of the sandbox whose AWS API `bench` uses."""
    found: Layout = bench.layout
    return found
