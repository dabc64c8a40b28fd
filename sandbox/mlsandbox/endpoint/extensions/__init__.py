"""Where the local AWS API is more than moto: every extension and correction, in one tuple."""

from collections.abc import Mapping
from typing import Final

from mlsandbox.endpoint.eks.backend import SERVICE as EKS
from mlsandbox.endpoint.eks.service import OPERATIONS as EKS_OPERATIONS
from mlsandbox.endpoint.extensions import (
    bottlerocket,
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
)
from mlsandbox.endpoint.extensions.extension import Extension, Kind
from mlsandbox.endpoint.store import Stored

EXTENSIONS: Final[tuple[Extension, ...]] = (
    # An application of its own, which the server puts in the place of moto's.
    Extension(EKS, tuple(sorted(EKS_OPERATIONS)), Kind.KEPT),
    *ecr.EXTENSIONS,
    ec2.EXTENSION,
    efs.EXTENSION,
    iam.EXTENSION,
    kms.EXTENSION,
    logs.EXTENSION,
    placement.EXTENSION,
    *bottlerocket.EXTENSIONS,
    rds.EXTENSION,
    s3.EXTENSION,
    scaling_groups.EXTENSION,
)


STORED: Final[tuple[Stored, ...]] = ecr.STORED
"""The types that the sandbox's store answers for."""


def _operations(kind: Kind) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for each in EXTENSIONS:
        if each.kind is kind:
            found[each.service] = (*found.get(each.service, ()), *each.operations)
    return found


KEPT_BY_SANDBOX: Final = _operations(Kind.KEPT)
"""AWS operations by service that the sandbox answers from its own store; every other one is moto's."""

REFUSED: Final = _operations(Kind.REFUSED)
"""AWS operations by service that the sandbox refuses, since moto takes them for others."""


def apply() -> None:
    """Put every extension in place, for the whole process. A second time changes nothing."""
    for each in EXTENSIONS:
        each.apply()


__all__ = ["EXTENSIONS", "KEPT_BY_SANDBOX", "REFUSED", "STORED", "Extension", "Kind", "apply"]
