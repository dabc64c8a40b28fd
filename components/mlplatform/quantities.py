"""Quantities of CPU and memory, as specs spell them."""

from decimal import Decimal
from typing import Final

_BYTES: Final = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "M": 10**6, "G": 10**9, "T": 10**12}
"""Units of memory in bytes:
https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#meaning-of-memory"""

MEMORY: Final = rf"^[1-9][0-9]*({'|'.join(_BYTES)})$"
"""Memory, e.g. `512Mi` or `8G`."""

CPU: Final = r"^([0-9]+(\.[0-9]{1,3})?|[0-9]+m)$"
"""CPU, e.g. `2`, `1.5` or `500m`."""


def mebibytes(quantity: str) -> int:
    """A memory quantity of a spec, e.g. `512Mi` or `8G`, in MiB, rounded up."""
    number = quantity.rstrip("MGTi")
    return -(-int(number) * _BYTES[quantity.removeprefix(number)] // 2**20)


def millicores(quantity: str) -> int:
    """A CPU quantity of a spec, `2`, `1.5` or `500m`, in thousandths of a core."""
    return int(quantity[:-1]) if quantity.endswith("m") else int(Decimal(quantity) * 1000)
