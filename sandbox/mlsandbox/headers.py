"""Response headers of the local AWS API that AWS does not have."""

from typing import Final

INJECTED: Final = "x-mlplatform-injected"
"""Marks failures that `mlsandbox fail` requested. Regardless of the status code, they are not defects of the local
API."""
