"""The regions of AWS and their partitions, as botocore lists them."""

from collections.abc import Mapping
from functools import lru_cache

from botocore.loaders import create_loader


@lru_cache(maxsize=1)
def partitions() -> Mapping[str, str]:
    """The partition of each region, e.g. `aws` of `eu-central-1`."""
    listed = create_loader().load_data("partitions")["partitions"]
    return {
        region: partition["id"] for partition in listed for region in partition["regions"] if not _is_global(region)
    }


def _is_global(region: str) -> bool:
    """Whether it stands for services without a region: `aws-global`."""
    return region.endswith("-global")
