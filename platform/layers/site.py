"""Where a platform lies, and what all its resources share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import pulumi

from mlpctl.config import Platform
from mlplatform import iam
from mlplatform.lookups import caller


@dataclass(frozen=True)
class Site:
    """The account, region and rules of one stack."""

    account_id: str
    partition: str
    region: str
    tags: Mapping[str, str]
    protect: bool
    """Whether what cannot be restored is protected."""

    permissions_boundary_arn: pulumi.Input[str] | None
    """Policy that bounds every IAM role; None without one."""

    @classmethod
    def of(cls, platform: Platform) -> Self:
        """Look up whose credentials these are.

        Raises:
            pulumi.RunError: AWS refuses, or the account is not among `allowedAccounts`.
        """
        account_id, partition = caller(platform.allowed_accounts)
        boundary = platform.permissions_boundary
        return cls(
            account_id,
            partition,
            pulumi.Config("aws").require("region"),
            platform.all_tags,
            platform.protect,
            iam.own_policy(boundary, account_id, partition) if boundary else None,
        )
