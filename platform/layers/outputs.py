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
        **network.outputs(),
        **keys.outputs(),
        **data.outputs(),
        repositories=registries.images.repository_urls,
        cluster_name=cluster.cluster_name,
        cluster_endpoint=cluster.cluster_endpoint,
        cluster_security_group_id=cluster.security_group_id,
        cluster_access=cluster.access,
        kubeconfig=cluster.kubeconfig,
        gpu_pools=[*compute.gpu_pools],
        inference_endpoints={name: service.endpoint_url for name, service in serving.services.items()},
    )
