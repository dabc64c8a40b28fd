"""Storage for data."""

from dataclasses import dataclass

import pulumi

import mlplatform as ml
from layers.foundation import Foundation
from layers.site import Site
from mlpctl.config import Platform


@dataclass(frozen=True)
class Storage:
    """Buckets by their names in the stack file."""

    buckets: dict[str, ml.DataBucket]

    @property
    def bucket_names(self) -> dict[str, pulumi.Output[str]]:
        """S3 names of the buckets, by their names in the stack file."""
        return {name: bucket.bucket_name for name, bucket in self.buckets.items()}

    @property
    def bucket_arns(self) -> dict[str, pulumi.Output[str]]:
        """ARNs of the buckets, by their names in the stack file."""
        return {name: bucket.bucket_arn for name, bucket in self.buckets.items()}


def create(site: Site, platform: Platform, base: Foundation) -> Storage:
    """Create the buckets."""
    return Storage(
        {
            name: ml.DataBucket(
                name,
                {
                    "bucket": bucket,
                    "data_key_arn": base.keys.data_key_arn,
                    "tags": site.tags,
                    "protect": site.protect,
                },
            )
            for name, bucket in platform.buckets.items()
        }
    )
