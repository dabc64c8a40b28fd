"""Storage for data."""

from dataclasses import dataclass

import pulumi

import mlplatform as ml
from layers.compute import Compute
from layers.foundation import Foundation
from layers.guardrails import Guardrails
from layers.site import Site
from mlpctl.config import Platform


@dataclass(frozen=True)
class Storage:
    """Buckets and shared file systems by their names in the stack file."""

    buckets: dict[str, ml.DataBucket]
    shared_filesystems: dict[str, ml.SharedFilesystem]

    @property
    def bucket_names(self) -> dict[str, pulumi.Output[str]]:
        """S3 names of the buckets, by their names in the stack file."""
        return {name: bucket.bucket_name for name, bucket in self.buckets.items()}

    @property
    def bucket_arns(self) -> dict[str, pulumi.Output[str]]:
        """ARNs of the buckets, by their names in the stack file."""
        return {name: bucket.bucket_arn for name, bucket in self.buckets.items()}

    @property
    def volume_handles(self) -> dict[str, pulumi.Output[str]]:
        """Volume handles of the shared file systems' access points, by `FILESYSTEM/ACCESSPOINT`."""
        return {place: handle for each in self.shared_filesystems.values() for place, handle in each.mounting().items()}


def create(site: Site, platform: Platform, base: Foundation, compute: Compute, guardrails: Guardrails) -> Storage:
    """Create the buckets and the file systems that pods of the cluster share."""
    buckets = {
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
    shared = {
        name: ml.SharedFilesystem(
            name,
            {
                "filesystem": filesystem,
                "vpc_id": base.network.vpc_id,
                "subnet_ids": base.network.private_subnets,
                "cluster_security_group_id": compute.cluster.security_group_id,
                "driver_role_name": compute.cluster.file_driver_role_name,
                "data_key_arn": base.keys.data_key_arn,
                "created_namespaces": guardrails.namespaces,
                "account_id": site.account_id,
                "region": site.region,
                "partition": site.partition,
                "tags": site.tags,
                "protect": site.protect,
            },
            pulumi.ResourceOptions(providers=[compute.kubernetes]),
        )
        for name, filesystem in platform.shared_filesystems.items()
    }
    return Storage(buckets, shared)
