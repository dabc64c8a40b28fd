"""Admission policies for all pods of the cluster, and the namespaces that are not those of models."""

from dataclasses import dataclass

import pulumi

import mlplatform as ml
from layers.compute import Compute
from layers.foundation import Foundation
from layers.registries import Registries
from layers.site import Site
from mlpctl.config import Platform
from mlplatform.lookups import s3_cidrs


@dataclass(frozen=True)
class Guardrails:
    """The guardrails of a cluster."""

    policies: ml.ClusterGuardrails
    namespaces: dict[str, pulumi.Output[str]]
    """Namespaces that the stack creates, by name; a namespace is known after its guards exist."""


def create(site: Site, platform: Platform, base: Foundation, registries: Registries, compute: Compute) -> Guardrails:
    """Create the policies and the namespaces."""
    repositories = platform.images.repositories
    args: ml.ClusterGuardrailsArgs = {
        "guardrails": platform.guardrails,
        "registry_url": registries.images.registry_url,
        "repository_urls": registries.images.repository_urls,
        "release_tags": {name: each.release_tags for name, each in repositories.items()},
        "caches": [*platform.images.pull_through],
        "images": platform.named_images,
        "workload_namespaces": platform.workload_namespaces,
        "vpc_cidrs": base.network.vpc_cidrs,
    }
    if ports := platform.ports_called(platform.guardrails.namespaces):
        args["model_ports"] = ports
    if platform.guarded_on_s3:
        args["s3_cidrs"] = s3_cidrs(site.region)
    policies = ml.ClusterGuardrails("guardrails", args, pulumi.ResourceOptions(providers=[compute.kubernetes]))
    return Guardrails(policies, policies.created())
