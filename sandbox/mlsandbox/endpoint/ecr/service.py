"""ECR on moto's server: its own operations by moto, those that it lacks beside them."""

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from botocore import xform_name
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.models import ECRBackend, Image, Repository
from moto.ecr.responses import ECRResponse
from moto.kms.models import kms_backends

from mlsandbox.endpoint.ecr import caches, lifecycle_policy, templates
from mlsandbox.endpoint.ecr.backend import Call, Operation
from mlsandbox.endpoint.ecr.errors import KmsProblem, TagExists
from mlsandbox.endpoint.validation import check

SERVICE: Final = "ecr"

OPERATIONS: Final[Mapping[str, Operation]] = {**caches.OPERATIONS, **templates.OPERATIONS}
"""What the sandbox serves of ECR, by AWS's operation names; every other one is moto's."""


def _served(name: str, operation: Operation) -> Callable[[ECRResponse], ActionResult]:
    def answer(self: ECRResponse) -> ActionResult:
        request = json.loads(self.body or "{}")
        check(get_service_model(SERVICE).operation_model(name), request, InvalidParameterException)
        return ActionResult(operation(Call(self.ecr_backend), request))

    return answer


_create_repository = ECRBackend.create_repository
_put_image_tag_mutability = ECRBackend.put_image_tag_mutability


def _create_repository_with_a_key(self: ECRBackend, *given: Any, **named: Any) -> Repository:
    """AWS makes grants on the key and so needs one that is there and enabled; moto takes any text."""
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
    """AWS asks for fitting filters at every change, moto at creation only."""
    self.validate_image_tag_mutability_params_compatibility(
        image_tag_mutability, filters.get("image_tag_mutability_exclusion_filters")
    )
    return _put_image_tag_mutability(self, registry_id, repository_name, image_tag_mutability, **filters)


def _images_that_lose_their_tag(self: ECRBackend, repository: Repository, proposed_image_tag: str) -> list[Image]:
    """AWS takes an exclusion filter for a pattern, moto for a regular expression; and AWS has another error."""
    holders = [image for image in repository.images if proposed_image_tag in image.image_tags]
    filters = repository.image_tag_mutability_exclusion_filters or ()
    excluded = any(fnmatchcase(proposed_image_tag, each["filter"]) for each in filters)
    if holders and repository.is_tag_immutable() is not excluded:
        raise TagExists(
            f"The image tag '{proposed_image_tag}' already exists in the '{repository.name}' repository and cannot be "
            "overwritten because the tag is immutable."
        )
    return holders


def apply() -> None:
    """Put everything in place, for the whole process. A second time changes nothing."""
    for name, operation in OPERATIONS.items():
        setattr(ECRResponse, xform_name(name), _served(name, operation))
    lifecycle_policy.apply()
    ECRBackend.create_repository = _create_repository_with_a_key  # type: ignore[method-assign]  # as meant
    ECRBackend._resolve_image_tag_mutability = _images_that_lose_their_tag  # type: ignore[method-assign]  # as meant
    ECRBackend.put_image_tag_mutability = _put_image_tag_mutability_with_its_filters  # type: ignore[assignment,method-assign]  # as meant
