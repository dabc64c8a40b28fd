"""The account and region of a platform, and the settings that all its resources share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import pulumi

from mlpctl.config import Platform
from mlplatform import iam
from mlplatform.lookups import caller


@dataclass(frozen=True)
class Site:
    """The account, region and common settings of one stack."""

    account_id: str
    partition: str
    region: str
    tags: Mapping[str, str]
    protect: bool
    """Whether resources that cannot be restored are protected."""

    permissions_boundary_arn: pulumi.Input[str] | None
    """Permissions boundary of every IAM role; None if the stack has none."""

    role_path: str | None
    """Path of every IAM role; None for IAM's default."""

    @classmethod
    def of(cls, platform: Platform) -> Self:
        """Look up the account of the current credentials.

        Raises:
            pulumi.RunError: AWS rejects the request, or the account is not in `allowedAccounts`.
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
            f"/{platform.role_path}" if platform.role_path else None,
        )
