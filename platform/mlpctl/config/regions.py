"""The AWS regions, their partitions and where EKS is available, according to botocore."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any


@lru_cache(maxsize=1)
def partitions() -> Mapping[str, str]:
    """The partition of each region, e.g. `aws` for `eu-central-1`."""
    listed = _data("partitions.json")["partitions"]
    return {
        region: partition["id"] for partition in listed for region in partition["regions"] if not _is_global(region)
    }


@lru_cache(maxsize=1)
def with_eks() -> frozenset[str]:
    """The regions where EKS is available."""
    listed = [partition["services"].get("eks", {}) for partition in _data("endpoints.json")["partitions"]]
    return frozenset(region for service in listed for region in service.get("endpoints", ()))


def problem(region: str) -> str | None:
    """What is allowed instead of a region; None if a stack can be deployed there."""
    if region not in partitions():
        return "an AWS region that botocore lists"
    return None if region in with_eks() else "a region for which botocore lists EKS"


def _data(name: str) -> Any:
    # Read the file directly: importing botocore's own loader takes a third of a second.
    return json.loads((files("botocore") / "data" / name).read_bytes())


def _is_global(region: str) -> bool:
    """Whether it is the pseudo region of global services, e.g. `aws-global`."""
    return region.endswith("-global")
