"""Container image registries."""

from dataclasses import dataclass

import pulumi

import mlplatform as ml
from layers.foundation import Foundation
from layers.site import Site
from mlpctl.config import Platform


@dataclass(frozen=True)
class Registries:
    """The registries of a platform."""

    images: ml.ImageRegistry
    cached_repository_arns: list[pulumi.Output[str]]
    """Repositories that nodes may create by pulling images through a cache."""


def create(site: Site, platform: Platform, base: Foundation) -> Registries:
    """Create the image registry."""
    images = ml.ImageRegistry(
        "images",
        {
            "images": platform.images,
            "images_key_arn": base.keys.images_key_arn,
            "account_id": site.account_id,
            "region": site.region,
            "partition": site.partition,
            "permissions_boundary_arn": site.permissions_boundary_arn,
            "role_path": site.role_path,
            "tags": site.tags,
            "protect": site.protect,
        },
    )
    return Registries(images, [images.cached_repository_arns[name] for name in platform.images.pull_through])
