"""Where datasets, models and run artifacts are kept."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NotRequired

import pulumi
import pulumi_aws as aws
from pydantic import Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from mlplatform import grammar, iam
from mlplatform.args import TagArgs
from mlplatform.arguments import ArgumentsError, Problem, checked
from mlplatform.component import PACKAGE, Component
from mlplatform.spec import Spec

_KEPT_BY_OTHER_RESOURCES = (
    "lifecycleRules",
    "logging",
    "policy",
    "serverSideEncryptionConfiguration",
    "versioning",
)

ALGORITHM: Final = "s3:x-amz-server-side-encryption"
KEY: Final = "s3:x-amz-server-side-encryption-aws-kms-key-id"
CALLERS_KEY: Final = "s3:x-amz-server-side-encryption-customer-algorithm"
"""What an upload says of its encryption, as a policy sees it:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys"""

MAX_DAYS: Final = 36_500
"""A hundred years; what S3 itself takes is a 32-bit integer:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html"""


class BucketRole(Enum):
    """What a bucket is for."""

    RAW = "raw"
    CURATED = "curated"
    FEATURES = "features"
    MODELS = "models"
    ARTIFACTS = "artifacts"
    CHECKPOINTS = "checkpoints"


ROLE_DEFAULTS: Final[Mapping[BucketRole, Mapping[str, Any]]] = {
    # Read once to be refined, then kept for the next time.
    BucketRole.RAW: {"infrequentAccessDays": 30},
    BucketRole.CURATED: {"infrequentAccessDays": 90},
    BucketRole.FEATURES: {},
    # A model that was overwritten can be served again for a year.
    BucketRole.MODELS: {"noncurrentDays": 365},
    BucketRole.ARTIFACTS: {},
    # A run may be resumed or looked into months later. They are large, so they become cheaper, and what was overwritten
    # goes after a week.
    BucketRole.CHECKPOINTS: {
        "infrequentAccessDays": 30,
        "noncurrentDays": 7,
        "expireDays": 14,
        "expirePrefixes": ["tmp/"],
    },
}
"""Defaults of a bucket's life cycle that its role sets."""

OBJECT_PREFIX: Final = re.compile(r"(?!/)[ -)+-~]{1,200}")
"""Beginning of an object's key. S3 takes more, but a slash in front, or a star that matches nothing, is a mistake:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


class DataBucketSpec(Spec):
    """A bucket for datasets, models or artifacts. Uploads name no encryption, or `aws:kms` with the ARN of its key."""

    role: BucketRole = BucketRole.ARTIFACTS
    """What the bucket is for; its `mlplatform:role` tag, and defaults of the fields below: `raw` moves to infrequent
    access after 30 days, `curated` after 90; `models` keeps overwritten objects for 365; `checkpoints` moves after 30,
    keeps overwritten objects for 7, and deletes after 14 what is below `tmp/`, and nothing else."""

    noncurrent_days: int = Field(default=30, ge=1, le=MAX_DAYS)
    """Days until overwritten and deleted objects are gone for good."""

    abort_upload_days: int = Field(default=7, ge=1, le=MAX_DAYS)
    """Days until the parts of an upload that never finished are deleted."""

    infrequent_access_days: int | None = Field(default=None, ge=30, le=MAX_DAYS)
    """Days until objects move to the cheaper infrequent-access class, 30 at least. Default: never."""

    expire_days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    """Days until objects are deleted. Default: never."""

    expire_prefixes: list[str] = Field(default=[], max_length=20)
    """Beginnings of the keys of the objects that `expireDays` is for, e.g. `tmp/`. Default, and where the list is
    empty: all objects."""

    retain: bool = True
    """Keep the bucket and what is in it when the stack is destroyed. False: it is emptied and deleted."""

    @model_validator(mode="before")
    @classmethod
    def _role_sets_defaults(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "role" not in value:
            return value
        said = {to_camel(name): each for name, each in value.items()}
        role = getattr(value["role"], "value", value["role"])
        sets = next((sets for each, sets in ROLE_DEFAULTS.items() if each.value == role), {})
        together = {**sets, **said}
        expire, all_expire = together.get("expireDays"), not together.get("expirePrefixes")
        # A default never makes what the author says wrong.
        gives_way = {
            "expirePrefixes": expire is None,
            "infrequentAccessDays": all_expire
            and isinstance(expire, int)
            and expire <= sets.get("infrequentAccessDays", 0),
        }
        return {**value, **{name: each for name, each in sets.items() if name not in said and not gives_way.get(name)}}

    @field_validator("expire_prefixes")
    @classmethod
    def _prefixes_differ(cls, value: list[str]) -> list[str]:
        if wrong := [each for each in value if not OBJECT_PREFIX.fullmatch(each)]:
            raise ValueError(
                f"{', '.join(map(repr, wrong))}: allowed: 1 to 200 printable ASCII characters, the first no slash and "
                "none a *, which stands for itself"
            )
        if again := [f"{one} in {other}" for one in value for other in value if one != other and one.startswith(other)]:
            raise ValueError(f"{', '.join(again)}: allowed: prefixes of which none begins with another")
        return value

    @model_validator(mode="after")
    def _expiring_objects_expire_some_day(self) -> "DataBucketSpec":
        if self.expire_prefixes and self.expire_days is None:
            raise ValueError("expireDays is missing; allowed: days, since expirePrefixes says what expires")
        return self

    @model_validator(mode="after")
    def _objects_move_before_they_expire(self) -> "DataBucketSpec":
        move, expire = self.infrequent_access_days, self.expire_days
        # Of objects below a prefix, S3 deletes those that it would have moved later:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
        if self.expire_prefixes:
            return self
        if move is not None and expire is not None and expire <= move:
            raise ValueError(f"expireDays is {expire}; allowed: more than infrequentAccessDays ({move})")
        return self


class DataBucketArgs(TagArgs):
    """What a `DataBucket` is given."""

    bucket: DataBucketSpec
    """The bucket."""

    data_key_arn: pulumi.Input[str]
    """Key that objects are encrypted with."""

    protect: NotRequired[bool]
    """Refuse to delete or replace the bucket and its settings. Default: false."""


class DataBucket(Component):
    """A private, versioned bucket, encrypted with the platform's key and reached by TLS only.

    Clients name no encryption, which gets the bucket's, or `aws:kms` together with the ARN of the bucket's key. Any
    other upload is refused with AccessDenied, `aws:kms` without a key too: S3 would take a key of its own. Where a tool
    sets `aws:kms` by itself, switch that off or give it the key as well, e.g. `--sse-kms-key-id` of the AWS CLI.
    """

    bucket_name: pulumi.Output[str]
    """The bucket's physical name."""

    bucket_arn: pulumi.Output[str]
    """The bucket's ARN."""

    def __init__(self, name: str, args: DataBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(DataBucketArgs, self, name, args)
        if name.startswith(grammar.BUCKET_BEGINS):
            reserved = ", ".join(grammar.BUCKET_BEGINS)
            raise ArgumentsError(
                f"DataBucket {name}", [Problem("name", f"is {name}; allowed: none of S3's own ({reserved}…)")]
            )
        super().__init__(name, args, opts)
        wanted = args["bucket"]
        # What protects the data stays with it: a bucket that is kept keeps its settings too.
        kept = self.guarded(retain_on_delete=wanted.retain)

        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            force_destroy=not wanted.retain,
            tags=self.tags_for(f"{name}-bucket", {f"{PACKAGE}:role": wanted.role.value}),
            # A refresh reads these into the bucket as well, and the next update would take them away:
            # https://github.com/pulumi/pulumi-aws/issues/6244
            opts=self.guarded(retain_on_delete=wanted.retain, ignore_changes=[*_KEPT_BY_OTHER_RESOURCES]),
        )
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=kept,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=kept,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": args["data_key_arn"],
                    },
                    "bucket_key_enabled": True,
                }
            ],
            opts=kept,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=kept,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=lifecycle_rules(wanted),
            # Rules for non-current versions are refused before versions exist.
            opts=self.guarded(retain_on_delete=wanted.retain, depends_on=[versioning]),
        )
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=pulumi.Output.all(arn=bucket.arn, key_arn=args["data_key_arn"]).apply(
                lambda known: bucket_policy(**known)
            ),
            # S3 answers a conflict when both are written at once.
            opts=self.guarded(retain_on_delete=wanted.retain, depends_on=[closed]),
        )

        self.bucket_name = bucket.id
        self.bucket_arn = bucket.arn
        self._done()


def bucket_policy(arn: str, key_arn: str) -> str:
    """Refuse requests without TLS 1.2, and uploads that would be encrypted with another key than the bucket's own.

    An upload that names no encryption gets the bucket's. One that names `aws:kms` and no key would get the key that AWS
    manages for S3, not the bucket's: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html. Copies and
    multipart uploads are `s3:PutObject` with the same headers.
    """
    objects = f"{arn}/*"
    return iam.document(
        iam.deny(
            ["s3:*"],
            on=[arn, objects],
            to="*",
            when={"Bool": {"aws:SecureTransport": "false"}},
            sid="OnlyTls",
        ),
        iam.deny(
            ["s3:*"],
            on=[arn, objects],
            to="*",
            when={"NumericLessThan": {"s3:TlsVersion": "1.2"}},
            sid="OnlyModernTls",
        ),
        *(
            iam.deny(["s3:PutObject"], on=[objects], to="*", when=when, sid=sid)
            for sid, when in (
                # Uploads that name no encryption get the bucket's: only a header that is there can be wrong.
                ("OnlyKms", {"StringNotEquals": {ALGORITHM: "aws:kms"}, "Null": {ALGORITHM: "false"}}),
                ("OnlyThisKey", {"StringNotEquals": {KEY: key_arn}, "Null": {KEY: "false"}}),
                ("KmsOnlyWithAKey", {"StringEquals": {ALGORITHM: "aws:kms"}, "Null": {KEY: "true"}}),
                ("NoKeyOfTheCaller", {"Null": {CALLERS_KEY: "false"}}),
            )
        ),
    )


def lifecycle_rules(bucket: DataBucketSpec) -> list[dict[str, Any]]:
    """The bucket's lifecycle, as one rule each for what it does."""
    rules: list[dict[str, Any]] = [
        {
            "id": "abort-uploads",
            "abort_incomplete_multipart_upload": {"days_after_initiation": bucket.abort_upload_days},
        },
        {
            "id": "expire-noncurrent",
            "noncurrent_version_expiration": {"noncurrent_days": bucket.noncurrent_days},
        },
        # A deleted object leaves a marker, which slows listings for ever. S3 takes this action neither beside days nor
        # with a filter by tags: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html
        {"id": "expire-delete-markers", "expiration": {"expired_object_delete_marker": True}},
    ]
    if bucket.infrequent_access_days is not None:
        rules.append(
            {
                "id": "infrequent-access",
                "transitions": [{"days": bucket.infrequent_access_days, "storage_class": "STANDARD_IA"}],
            }
        )
    if bucket.expire_days is not None:
        rules += [
            {
                "id": f"expire-{prefix}" if prefix else "expire",
                "expiration": {"days": bucket.expire_days},
                "filter": {"prefix": prefix},
            }
            for prefix in bucket.expire_prefixes or [""]
        ]
    return [{"status": "Enabled", "filter": {"prefix": ""}, **rule} for rule in rules]
