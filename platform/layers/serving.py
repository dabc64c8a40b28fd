"""Model serving."""

from dataclasses import dataclass

import pulumi

import mlplatform as ml
from layers.compute import Compute
from layers.foundation import Foundation
from layers.guardrails import Guardrails
from layers.registries import Registries
from layers.security import Security
from layers.site import Site
from layers.storage import Storage
from mlpctl.config import Platform
from mlplatform.lookups import s3_cidrs


@dataclass(frozen=True)
class Serving:
    """Inference services by their names in the stack file."""

    services: dict[str, ml.InferenceService]


def create(
    site: Site,
    platform: Platform,
    base: Foundation,
    data: Storage,
    registries: Registries,
    compute: Compute,
    security: Security,
    guardrails: Guardrails,
) -> Serving:
    """Create an inference service for each model."""
    s3 = s3_cidrs(site.region) if platform.models_on_s3 else []
    services = {}
    for name, inference in platform.inference.items():
        args: ml.InferenceServiceArgs = {
            "inference": inference,
            "repository_urls": registries.images.repository_urls,
            "registry_url": registries.images.registry_url,
            "bucket_names": data.bucket_names,
            "volume_handles": data.volume_handles,
            "region": site.region,
            "vpc_cidrs": base.network.vpc_cidrs,
            "protect": site.protect,
        }
        if name in platform.models_on_s3:
            args["s3_cidrs"] = s3
        # Pods get their role and mount their volumes when they start, so both must be created first.
        needed = [compute.gpu_pools[inference.pool], *security.workloads.values(), *data.shared_filesystems.values()]
        needed.append(guardrails.policies)
        options = pulumi.ResourceOptions(providers=[compute.kubernetes], depends_on=needed)
        services[name] = ml.InferenceService(name, args, options)
    return Serving(services)
