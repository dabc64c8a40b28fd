"""Repositories for images, and caches of other registries."""

from mlplatform.registries.image_registry.component import ImageRegistry, ImageRegistryArgs
from mlplatform.registries.image_registry.spec import ImageRegistrySpec

__all__ = ["ImageRegistry", "ImageRegistryArgs", "ImageRegistrySpec"]
