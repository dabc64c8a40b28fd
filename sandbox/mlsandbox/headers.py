"""Headers of answers of the local AWS API that are not AWS's."""

from typing import Final

INJECTED: Final = "x-mlplatform-injected"
"""Of every failure that `mlsandbox fail` asked for: whatever its status, it is not a defect of the local API."""
