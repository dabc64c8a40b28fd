"""Settings of a bucket, each a resource of its own, of which a bucket has one."""

from typing import Final

from pulumi_aws import s3

from mlsandbox.providers.aws.api import Api, Passing
from mlsandbox.providers.aws.declaration import Create, Declaration, Delete, Describe, Update, uses
from mlsandbox.providers.aws.meaning import Meaning
from mlsandbox.providers.protocol import Properties

_OWNER: Final = frozenset({"bucket", "expectedBucketOwner"})


def _passing(operation: str, *more: str) -> tuple[Passing, ...]:
    """What passes after a bucket was made: it is not known everywhere, or something else of it is being set."""
    return tuple(Passing(operation, code) for code in ("NoSuchBucket", "OperationAborted", *more))


@uses("put_bucket_versioning")
def _suspend(api: Api, id: str, outputs: Properties) -> None:
    # Versioning can never be taken back; a bucket that never had it is left alone.
    if (outputs.get("versioningConfiguration") or {}).get("status") == "Enabled":
        api.call("put_bucket_versioning", Bucket=id, VersioningConfiguration={"Status": "Suspended"})


VERSIONING: Final = Declaration(
    resource=s3.BucketVersioning,
    service="s3",
    key="Bucket",
    create=Create("put_bucket_versioning", id=("bucket",)),
    passing=_passing("put_bucket_versioning"),
    read=Describe("get_bucket_versioning", "Status && {VersioningConfiguration: @}"),
    updates=(Update("versioningConfiguration", "mfa", by="put_bucket_versioning"),),
    delete=_suspend,
    replaces=_OWNER,
    local=frozenset({"expectedBucketOwner", "mfa"}),
    delete_first=True,
)

ENCRYPTION: Final = Declaration(
    resource=s3.BucketServerSideEncryptionConfiguration,
    service="s3",
    key="Bucket",
    names={
        "rules": "ServerSideEncryptionConfiguration.Rules",
        "rules.blockedEncryptionTypes": "BlockedEncryptionTypes.EncryptionType",
    },
    create=Create("put_bucket_encryption", id=("bucket",)),
    passing=_passing("put_bucket_encryption"),
    read=Describe("get_bucket_encryption", "@"),
    updates=(Update("rules", by="put_bucket_encryption"),),
    delete=Delete("delete_bucket_encryption"),
    replaces=_OWNER,
    local=frozenset({"expectedBucketOwner"}),
    delete_first=True,
    meaning=Meaning(sets=frozenset({"rules"})),
)

_BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@uses("delete_public_access_block")
def _unblock(api: Api, id: str, outputs: Properties) -> None:
    if not outputs.get("skipDestroy"):
        api.call("delete_public_access_block", Bucket=id)


PUBLIC_ACCESS_BLOCK: Final = Declaration(
    resource=s3.BucketPublicAccessBlock,
    service="s3",
    key="Bucket",
    names={name: f"PublicAccessBlockConfiguration.{name[0].upper()}{name[1:]}" for name in _BLOCKS},
    defaults=dict.fromkeys(_BLOCKS, False),
    create=Create("put_public_access_block", id=("bucket",)),
    passing=_passing("put_public_access_block"),
    read=Describe("get_public_access_block", "@"),
    updates=(Update(*_BLOCKS, by="put_public_access_block"),),
    delete=_unblock,
    replaces=frozenset({"bucket"}),
    local=frozenset({"skipDestroy"}),
    delete_first=True,
)

OWNERSHIP: Final = Declaration(
    resource=s3.BucketOwnershipControls,
    service="s3",
    key="Bucket",
    names={"rule": "OwnershipControls.Rules"},
    create=Create("put_bucket_ownership_controls", id=("bucket",)),
    passing=_passing("put_bucket_ownership_controls"),
    read=Describe("get_bucket_ownership_controls", "@"),
    updates=(Update("rule", by="put_bucket_ownership_controls"),),
    delete=Delete("delete_bucket_ownership_controls"),
    replaces=frozenset({"bucket"}),
    delete_first=True,
)

POLICY: Final = Declaration(
    resource=s3.BucketPolicy,
    cloudformation="AWS::S3::BucketPolicy",
    service="s3",
    key="Bucket",
    create=Create("put_bucket_policy", id=("bucket",)),
    passing=_passing("put_bucket_policy", "MalformedPolicy"),
    read=Describe("get_bucket_policy", "@"),
    updates=(Update("policy", by="put_bucket_policy"),),
    delete=Delete("delete_bucket_policy"),
    replaces=frozenset({"bucket"}),
    delete_first=True,
)

LIFECYCLE: Final = Declaration(
    resource=s3.BucketLifecycleConfiguration,
    service="s3",
    key="Bucket",
    names={"rules": "LifecycleConfiguration.Rules"},
    defaults={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
    create=Create("put_bucket_lifecycle_configuration", id=("bucket",)),
    passing=_passing("put_bucket_lifecycle_configuration"),
    read=Describe(
        "get_bucket_lifecycle_configuration",
        "{LifecycleConfiguration: @, TransitionDefaultMinimumObjectSize: TransitionDefaultMinimumObjectSize}",
    ),
    updates=(Update("rules", "transitionDefaultMinimumObjectSize", by="put_bucket_lifecycle_configuration"),),
    delete=Delete("delete_bucket_lifecycle"),
    replaces=_OWNER,
    local=frozenset({"expectedBucketOwner", "timeouts"}),
    delete_first=True,
    meaning=Meaning(sets=frozenset({"rules", "rules.transitions", "rules.noncurrentVersionTransitions"})),
)


@uses("put_bucket_logging")
def _stop_logging(api: Api, id: str, outputs: Properties) -> None:
    api.call("put_bucket_logging", Bucket=id, BucketLoggingStatus={})


_LOGGED: Final = ("targetBucket", "targetPrefix", "targetGrants", "targetObjectKeyFormat")

LOGGING: Final = Declaration(
    resource=s3.BucketLogging,
    service="s3",
    key="Bucket",
    names={name: f"BucketLoggingStatus.LoggingEnabled.{name[0].upper()}{name[1:]}" for name in _LOGGED},
    create=Create("put_bucket_logging", id=("bucket",)),
    passing=_passing("put_bucket_logging"),
    read=Describe("get_bucket_logging", "LoggingEnabled && {BucketLoggingStatus: @}"),
    updates=(Update(*_LOGGED, by="put_bucket_logging"),),
    delete=_stop_logging,
    replaces=_OWNER,
    local=frozenset({"expectedBucketOwner"}),
    delete_first=True,
    meaning=Meaning(sets=frozenset({"targetGrants"})),
)

DECLARATIONS: Final = (VERSIONING, ENCRYPTION, PUBLIC_ACCESS_BLOCK, OWNERSHIP, POLICY, LIFECYCLE, LOGGING)
