"""The stack outputs of the platform, for other stacks."""

from layers.compute import Compute
from layers.foundation import Foundation
from layers.registries import Registries
from layers.serving import Serving
from layers.site import Site
from layers.storage import Storage
from mlplatform.outputs import PlatformOutputs


def export(
    site: Site, base: Foundation, data: Storage, registries: Registries, compute: Compute, serving: Serving
) -> None:
    """Export every field of `PlatformOutputs`."""
    network, keys, cluster = base.network, base.keys, compute.cluster
    PlatformOutputs.export(
        region=site.region,
        vpc_id=network.vpc_id,
        vpc_cidrs=network.vpc_cidrs,
        private_subnet_ids=network.private_subnet_ids,
        public_subnet_ids=network.public_subnet_ids,
        pod_subnet_ids=network.pod_subnet_ids,
        data_key_arn=keys.data_key_arn,
        images_key_arn=keys.images_key_arn,
        logs_key_arn=keys.logs_key_arn,
        secrets_key_arn=keys.secrets_key_arn,
        disks_key_arn=keys.disks_key_arn,
        buckets=data.bucket_names,
        bucket_arns=data.bucket_arns,
        volume_handles=data.volume_handles,
        storage_classes={name: each.storage_class for name, each in data.shared_filesystems.items()},
        repositories=registries.images.repository_urls,
        cluster_name=cluster.cluster_name,
        cluster_endpoint=cluster.cluster_endpoint,
        cluster_security_group_id=cluster.security_group_id,
        cluster_access=cluster.access,
        kubeconfig=cluster.kubeconfig,
        gpu_pools=[*compute.gpu_pools],
        inference_endpoints={name: service.endpoint_url for name, service in serving.services.items()},
    )
