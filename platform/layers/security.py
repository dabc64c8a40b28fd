"""The IAM roles of workloads."""

from dataclasses import dataclass

import mlplatform as ml
from layers.compute import Compute
from layers.foundation import Foundation
from layers.registries import Registries
from layers.site import Site
from layers.storage import Storage
from mlpctl.config import Platform


@dataclass(frozen=True)
class Security:
    """Workload identities by their names in the stack file."""

    workloads: dict[str, ml.WorkloadIdentity]


def create(
    site: Site, platform: Platform, base: Foundation, data: Storage, registries: Registries, compute: Compute
) -> Security:
    """Create a role for each workload."""
    return Security(
        {
            name: ml.WorkloadIdentity(
                name,
                {
                    "workload": workload,
                    "cluster_name": compute.cluster.cluster_name,
                    "bucket_arns": {each: data.bucket_arns[each] for each in workload.buckets},
                    "data_key_arn": base.keys.data_key_arn,
                    "repository_arns": registries.images.repository_arns,
                    "secrets_key_arn": base.keys.secrets_key_arn,
                    "account_id": site.account_id,
                    "region": site.region,
                    "partition": site.partition,
                    "permissions_boundary_arn": site.permissions_boundary_arn,
                    "role_path": site.role_path,
                    "tags": site.tags,
                },
            )
            for name, workload in platform.workloads.items()
        }
    )
