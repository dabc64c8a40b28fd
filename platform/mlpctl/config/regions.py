"""The regions of AWS and their partitions, as botocore lists them."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def partitions() -> Mapping[str, str]:
    """The partition of each region, e.g. `aws` of `eu-central-1`."""
    # The file alone: botocore's own loader takes a third of a second to import.
    listed = json.loads((files("botocore") / "data" / "partitions.json").read_bytes())["partitions"]
    return {
        region: partition["id"] for partition in listed for region in partition["regions"] if not _is_global(region)
    }


def _is_global(region: str) -> bool:
    """Whether it stands for services without a region: `aws-global`."""
    return region.endswith("-global")
