"""The differences between the local AWS API and moto: all extensions and corrections, in one tuple."""

from collections.abc import Mapping
from typing import Final

from mlsandbox.endpoint.eks.backend import SERVICE as EKS
from mlsandbox.endpoint.eks.service import OPERATIONS as EKS_OPERATIONS
from mlsandbox.endpoint.extensions import (
    bottlerocket,
    codebuild,
    ec2,
    ecr,
    efs,
    iam,
    kms,
    logs,
    placement,
    rds,
    s3,
    scaling_groups,
    service_quotas,
)
from mlsandbox.endpoint.extensions.extension import Extension, Kind
from mlsandbox.endpoint.store import Stored

EXTENSIONS: Final[tuple[Extension, ...]] = (
    # A separate application, which replaces moto's in the server.
    Extension(EKS, tuple(sorted(EKS_OPERATIONS)), Kind.KEPT),
    *ecr.EXTENSIONS,
    ec2.EXTENSION,
    efs.EXTENSION,
    iam.EXTENSION,
    kms.EXTENSION,
    logs.EXTENSION,
    placement.EXTENSION,
    *bottlerocket.EXTENSIONS,
    *codebuild.EXTENSIONS,
    rds.EXTENSION,
    s3.EXTENSION,
    s3.OBJECTS,
    scaling_groups.EXTENSION,
    service_quotas.EXTENSION,
)


STORED: Final[tuple[Stored, ...]] = (*ecr.STORED, codebuild.PROJECT)
"""The resource types that the sandbox's store serves."""


def _operations(kind: Kind) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for each in EXTENSIONS:
        if each.kind is kind:
            found[each.service] = (*found.get(each.service, ()), *each.operations)
    return found


KEPT_BY_SANDBOX: Final = _operations(Kind.KEPT)
"""AWS operations that the sandbox serves from its own state, by service; moto serves all others."""

REFUSED: Final = _operations(Kind.REFUSED)
"""AWS operations that the sandbox rejects because moto mistakes them for others, by service."""


def apply() -> None:
    """Apply every extension, for the whole process. Idempotent."""
    for each in EXTENSIONS:
        each.apply()


__all__ = ["EXTENSIONS", "KEPT_BY_SANDBOX", "REFUSED", "STORED", "Extension", "Kind", "apply"]
