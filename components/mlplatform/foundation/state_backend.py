"""The bucket and the key for the state of Pulumi stacks."""

from typing import Self

import pulumi
from pydantic import Field, model_validator

from mlplatform.args import AccountArgs, PartitionArgs, ProtectArgs, RegionArgs, TagArgs
from mlplatform.buckets import MAX_DAYS, basic_rules, check_name, private_bucket, rules_for_all
from mlplatform.checks.arguments import checked
from mlplatform.component import PACKAGE, Component
from mlplatform.foundation.key_ring import KeyDomain, KeyRingSpec, sealing_key
from mlplatform.spec import Spec


class StateBackendSpec(Spec):
    """The bucket and the key for the state of Pulumi stacks."""

    lock_days: int = Field(default=30, ge=0, le=MAX_DAYS)
    """Days during which no version of a state can be deleted permanently, except with the permission
    `s3:BypassGovernanceRetention`. 0: versions are kept, but not locked."""

    noncurrent_days: int = Field(default=365, ge=1, le=MAX_DAYS)
    """Days after which overwritten and deleted states, histories and locks are permanently deleted."""

    rotation_days: int = Field(default=365, ge=90, le=2560)
    """Days between automatic rotations of the key."""

    deletion_window_days: int = Field(default=30, ge=7, le=30)
    """Waiting period in days, during which the deletion of the key can be canceled."""

    retain: bool = True
    """Retain bucket and key when the stack is destroyed. Without them, no stack with state in the bucket can be updated
    or destroyed. False: the bucket is emptied and deleted, which needs the permission
    `s3:BypassGovernanceRetention`."""

    @model_validator(mode="after")
    def _versions_expire_after_their_lock(self) -> Self:
        if self.noncurrent_days < self.lock_days:
            raise ValueError(
                f"noncurrentDays is {self.noncurrent_days}; allowed: at least lockDays ({self.lock_days}), since S3 "
                "deletes no locked version"
            )
        return self


class StateBackendArgs(AccountArgs, RegionArgs, PartitionArgs, ProtectArgs, TagArgs):
    """Arguments of `StateBackend`."""

    state: StateBackendSpec
    """The bucket and the key."""


class StateBackend(Component):
    """A private, versioned, locked bucket for the state of Pulumi stacks, and a KMS key for it and for their secrets.

    Pulumi overwrites the state of a stack, and deletes its lock after each update. In a versioned bucket, both keep the
    earlier versions, so Object Lock does not prevent them, and each earlier state can be restored. The bucket denies
    requests through S3 access points, for which the denials of a `DeployIdentity` would not apply.
    """

    bucket_name: pulumi.Output[str]
    """The bucket's physical name."""

    bucket_arn: pulumi.Output[str]
    """The bucket's ARN."""

    key_arn: pulumi.Output[str]
    """ARN of the key."""

    backend_url: pulumi.Output[str]
    """URL for `pulumi login`."""

    secrets_provider: pulumi.Output[str]
    """URL for the option `--secrets-provider` of `pulumi stack init`."""

    def __init__(self, name: str, args: StateBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(StateBackendArgs, self, name, args)
        check_name(self, name)
        super().__init__(name, args, opts)
        wanted, region = args["state"], args["region"]
        key = sealing_key(
            self,
            f"{name}-key",
            KeyRingSpec(
                rotation_days=wanted.rotation_days,
                deletion_window_days=wanted.deletion_window_days,
                retain=wanted.retain,
            ),
            frozenset({KeyDomain.DATA}),
            pulumi.Output.all(account_id=args["account_id"], region=region, partition=args.get("partition", "aws")),
        )
        bucket = private_bucket(
            self,
            name,
            key.arn,
            rules_for_all(basic_rules(abort_upload_days=1, noncurrent_days=wanted.noncurrent_days)),
            retain=wanted.retain,
            tags={f"{PACKAGE}:role": "state"},
            lockable=True,
            lock_days=wanted.lock_days or None,
            access_points=False,
        )

        self.bucket_name = bucket.id
        self.bucket_arn = bucket.arn
        self.key_arn = key.arn
        self.backend_url = pulumi.Output.format("s3://{0}?region={1}", bucket.id, region)
        # The key's ID, because Pulumi writes the URL into stack files: an alias could be moved to another key.
        self.secrets_provider = pulumi.Output.format("awskms://{0}?region={1}", key.key_id, region)
        self._done()
