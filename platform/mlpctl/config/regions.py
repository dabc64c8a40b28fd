"""The regions of AWS, their partitions and what they have, as botocore lists them."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any


@lru_cache(maxsize=1)
def partitions() -> Mapping[str, str]:
    """The partition of each region, e.g. `aws` of `eu-central-1`."""
    listed = _data("partitions.json")["partitions"]
    return {
        region: partition["id"] for partition in listed for region in partition["regions"] if not _is_global(region)
    }


@lru_cache(maxsize=1)
def with_eks() -> frozenset[str]:
    """The regions in which EKS is offered."""
    listed = [partition["services"].get("eks", {}) for partition in _data("endpoints.json")["partitions"]]
    return frozenset(region for service in listed for region in service.get("endpoints", ()))


def problem(region: str) -> str | None:
    """What is allowed instead of a region; None where it can have a stack."""
    if region not in partitions():
        return "a region that AWS has by botocore's list"
    return None if region in with_eks() else "a region that has EKS by botocore's list"


def _data(name: str) -> Any:
    # The file alone: botocore's own loader takes a third of a second to import.
    return json.loads((files("botocore") / "data" / name).read_bytes())


def _is_global(region: str) -> bool:
    """Whether it stands for services without a region: `aws-global`."""
    return region.endswith("-global")
