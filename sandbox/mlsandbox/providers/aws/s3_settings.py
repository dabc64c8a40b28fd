"""Bucket settings, each a separate resource that a bucket has once."""

from typing import Any, Final

from pulumi_aws import s3

from mlsandbox.providers.aws.api import Passing
from mlsandbox.providers.aws.conventions import setting
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import Delete


def _of_bucket(
    resource: Any, *properties: str, put: str, passing: tuple[str, ...] = (), owned: bool = True, **more: Any
) -> Declaration:
    """A setting of a bucket.

    `passing` contains transient errors in addition to those of every setting of a new bucket: the bucket is not visible
    everywhere yet, or another setting is being changed. `owned` means that the SDK has `expectedBucketOwner`, which AWS
    never returns.
    """
    codes = ("NoSuchBucket", "OperationAborted", *passing)
    owner = {"expectedBucketOwner"} if owned else set()
    return setting(
        resource,
        "s3",
        *properties,
        put=put,
        of={"bucket": "Bucket"},
        replaces=owner,
        local=frozenset({*owner, *more.pop("local", ())}),
        passing=tuple(Passing(put, code) for code in codes),
        **more,
    )


VERSIONING: Final = _of_bucket(
    s3.BucketVersioning,
    "versioningConfiguration",
    "mfa",
    put="put_bucket_versioning",
    get="get_bucket_versioning",
    result="Status && {VersioningConfiguration: @}",
    # Versioning can be suspended but not removed; a bucket that never had it is not changed.
    back=Delete(
        "put_bucket_versioning",
        fixed={"VersioningConfiguration": {"Status": "Suspended"}},
        when="versioningConfiguration.status == 'Enabled'",
    ),
    local=("mfa",),
)

ENCRYPTION: Final = _of_bucket(
    s3.BucketServerSideEncryptionConfiguration,
    "rules",
    put="put_bucket_encryption",
    get="get_bucket_encryption",
    back=Delete("delete_bucket_encryption"),
    names={
        "rules": "ServerSideEncryptionConfiguration.Rules",
        "rules.blockedEncryptionTypes": "BlockedEncryptionTypes.EncryptionType",
    },
)

_BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

PUBLIC_ACCESS_BLOCK: Final = _of_bucket(
    s3.BucketPublicAccessBlock,
    *_BLOCKS,
    put="put_public_access_block",
    get="get_public_access_block",
    back=Delete("delete_public_access_block", when="!skipDestroy"),
    owned=False,
    names={name: f"PublicAccessBlockConfiguration.{name[0].upper()}{name[1:]}" for name in _BLOCKS},
    defaults=dict.fromkeys(_BLOCKS, False),
    local=("skipDestroy",),
)

OWNERSHIP: Final = _of_bucket(
    s3.BucketOwnershipControls,
    "rule",
    put="put_bucket_ownership_controls",
    get="get_bucket_ownership_controls",
    back=Delete("delete_bucket_ownership_controls"),
    owned=False,
    names={"rule": "OwnershipControls.Rules"},
)

POLICY: Final = _of_bucket(
    s3.BucketPolicy,
    "policy",
    put="put_bucket_policy",
    get="get_bucket_policy",
    back=Delete("delete_bucket_policy"),
    passing=("MalformedPolicy",),
    owned=False,
    cloudformation="AWS::S3::BucketPolicy",
)

LIFECYCLE: Final = _of_bucket(
    s3.BucketLifecycleConfiguration,
    "rules",
    "transitionDefaultMinimumObjectSize",
    put="put_bucket_lifecycle_configuration",
    get="get_bucket_lifecycle_configuration",
    result="{LifecycleConfiguration: @, TransitionDefaultMinimumObjectSize: TransitionDefaultMinimumObjectSize}",
    back=Delete("delete_bucket_lifecycle"),
    names={"rules": "LifecycleConfiguration.Rules"},
    defaults={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
    local=("timeouts",),
)

_LOGGED: Final = ("targetBucket", "targetPrefix", "targetGrants", "targetObjectKeyFormat")

LOGGING: Final = _of_bucket(
    s3.BucketLogging,
    *_LOGGED,
    put="put_bucket_logging",
    get="get_bucket_logging",
    result="LoggingEnabled && {BucketLoggingStatus: @}",
    back=Delete("put_bucket_logging", fixed={"BucketLoggingStatus": {}}),
    names={name: f"BucketLoggingStatus.LoggingEnabled.{name[0].upper()}{name[1:]}" for name in _LOGGED},
)

OBJECT_LOCK: Final = _of_bucket(
    s3.BucketObjectLockConfiguration,
    "rule",
    "objectLockEnabled",
    put="put_object_lock_configuration",
    get="get_object_lock_configuration",
    result="ObjectLockConfiguration.Rule && @",
    # Object Lock itself cannot be disabled.
    back=Delete("put_object_lock_configuration", fixed={"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}),
    names={"rule": "ObjectLockConfiguration.Rule", "objectLockEnabled": "ObjectLockConfiguration.ObjectLockEnabled"},
    defaults={"objectLockEnabled": "Enabled"},
    local=("token",),
)

DECLARATIONS: Final = (VERSIONING, ENCRYPTION, PUBLIC_ACCESS_BLOCK, OWNERSHIP, POLICY, LIFECYCLE, LOGGING, OBJECT_LOCK)
