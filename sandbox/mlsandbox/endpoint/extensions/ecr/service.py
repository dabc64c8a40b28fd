"""ECR on moto's server: moto's operations, with corrections, and those that moto lacks."""

from fnmatch import fnmatchcase
from typing import Any, Final

from moto.ecr.models import ECRBackend, Image, Repository
from moto.kms.models import kms_backends

from mlsandbox.endpoint.extensions.ecr import caches, lifecycle_policy, templates
from mlsandbox.endpoint.extensions.ecr.errors import KmsProblem, TagExists
from mlsandbox.endpoint.extensions.extension import Extension, Kind

SERVICE: Final = "ecr"

STORED: Final = (caches.RULE, templates.TEMPLATE)
"""ECR's types in the sandbox's store; moto serves all other operations."""

_create_repository = ECRBackend.create_repository
_put_image_tag_mutability = ECRBackend.put_image_tag_mutability


def _create_repository_with_a_key(self: ECRBackend, *given: Any, **named: Any) -> Repository:
    """AWS creates grants on the key, so the key must exist and be enabled; moto accepts any string."""
    key = (named.get("encryption_config") or {}).get("kmsKey")
    if key and not _usable(self, key):
        raise KmsProblem(f"The CMK '{key}' does not exist or is not enabled")
    return _create_repository(self, *given, **named)


def _usable(backend: ECRBackend, key: str) -> bool:
    keys = kms_backends[backend.account_id][backend.region_name].keys
    found = next((each for each in keys.values() if key in (each.id, each.arn)), None)
    return found is not None and found.key_state == "Enabled"


def _put_image_tag_mutability_with_its_filters(
    self: ECRBackend, registry_id: str, repository_name: str, image_tag_mutability: str, **filters: Any
) -> dict[str, str]:
    """AWS checks the filters at every change; moto checks them only at creation."""
    self.validate_image_tag_mutability_params_compatibility(
        image_tag_mutability, filters.get("image_tag_mutability_exclusion_filters")
    )
    return _put_image_tag_mutability(self, registry_id, repository_name, image_tag_mutability, **filters)


def _images_that_lose_their_tag(self: ECRBackend, repository: Repository, proposed_image_tag: str) -> list[Image]:
    """In AWS, an exclusion filter is a wildcard pattern; moto uses a regular expression, and a different error."""
    holders = [image for image in repository.images if proposed_image_tag in image.image_tags]
    filters = repository.image_tag_mutability_exclusion_filters or ()
    excluded = any(fnmatchcase(proposed_image_tag, each["filter"]) for each in filters)
    if holders and repository.is_tag_immutable() is not excluded:
        raise TagExists(
            f"The image tag '{proposed_image_tag}' already exists in the '{repository.name}' repository and cannot be "
            "overwritten because the tag is immutable."
        )
    return holders


def _correct() -> None:
    lifecycle_policy.apply()
    ECRBackend.create_repository = _create_repository_with_a_key  # type: ignore[method-assign]  # intended
    ECRBackend._resolve_image_tag_mutability = _images_that_lose_their_tag  # type: ignore[method-assign]  # intended
    ECRBackend.put_image_tag_mutability = _put_image_tag_mutability_with_its_filters  # type: ignore[assignment,method-assign]  # intended


EXTENSIONS: Final = (
    *(Extension(SERVICE, tuple(each.operations), Kind.KEPT) for each in STORED),
    Extension(
        SERVICE,
        ("CreateRepository", "PutImage", "PutImageTagMutability", "PutLifecyclePolicy"),
        Kind.CORRECTED,
        _correct,
    ),
)
