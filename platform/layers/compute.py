"""The cluster and its GPU nodes."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

import mlplatform as ml
from layers.foundation import Foundation
from layers.registries import Registries
from layers.site import Site
from mlpctl.config import Platform
from mlplatform.compute.eks_cluster.kubeconfig import with_credentials_of


@dataclass(frozen=True)
class Compute:
    """A cluster, its pools by name, and the provider for objects in it."""

    cluster: ml.EksCluster
    gpu_pools: dict[str, ml.GpuNodePool]
    kubernetes: k8s.Provider


def create(site: Site, platform: Platform, base: Foundation, registries: Registries) -> Compute:
    """Create the cluster with its system nodes, then the GPU pools that join it."""
    network, keys = base.network, base.keys
    cluster = ml.EksCluster(
        "cluster",
        {
            "cluster": platform.cluster,
            "secrets_store": platform.uses_secrets,
            "shared_filesystems": bool(platform.shared_filesystems),
            "secrets_key_arn": keys.secrets_key_arn,
            "pod_subnet_ids": network.pod_subnet_ids,
            "logs_key_arn": keys.logs_key_arn,
            "subnet_ids": network.private_subnet_ids,
            "disks_key_arn": keys.disks_key_arn,
            "cached_repository_arns": registries.cached_repository_arns,
            "partition": site.partition,
            "permissions_boundary_arn": site.permissions_boundary_arn,
            "role_path": site.role_path,
            "tags": site.tags,
            "protect": site.protect,
        },
        # Nodes that start before the network's routes and endpoints exist cannot reach the cluster.
        pulumi.ResourceOptions(depends_on=[network]),
    )
    gpu_pools = {
        name: ml.GpuNodePool(
            name,
            {
                "pool": pool,
                **cluster.joining(),
                "account_id": site.account_id,
                "region": site.region,
                "subnet_ids": network.private_subnets_in(pool.zones),
                "disks_key_arn": keys.disks_key_arn,
                "cached_repository_arns": registries.cached_repository_arns,
                "partition": site.partition,
                "permissions_boundary_arn": site.permissions_boundary_arn,
                "role_path": site.role_path,
                "tags": site.tags,
                "protect": site.protect,
            },
            pulumi.ResourceOptions(depends_on=[cluster]),
        )
        for name, pool in platform.gpu_pools.items()
    }
    return Compute(cluster, gpu_pools, _kubernetes(cluster))


def _kubernetes(cluster: ml.EksCluster) -> k8s.Provider:
    """The provider for objects in the cluster. It authenticates with the credentials of the AWS provider."""
    kubeconfig = with_credentials_of(pulumi.Config("aws"), cluster.kubeconfig)
    return k8s.Provider("cluster", kubeconfig=kubeconfig, opts=pulumi.ResourceOptions(depends_on=[cluster]))
