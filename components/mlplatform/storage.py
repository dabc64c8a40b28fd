"""Where datasets, models and run artifacts are kept."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from mlplatform import iam
from mlplatform.args import given
from mlplatform.component import PACKAGE, Component
from mlplatform.spec import Spec, spec

_KEPT_BY_OTHER_RESOURCES = (
    "lifecycleRules",
    "logging",
    "policy",
    "serverSideEncryptionConfiguration",
    "versioning",
)

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


ROLE_DEFAULTS: Final[Mapping[BucketRole, Mapping[str, int]]] = {
    # Read once to be refined, then kept for the next time.
    BucketRole.RAW: {"infrequentAccessDays": 30},
    BucketRole.CURATED: {"infrequentAccessDays": 90},
    BucketRole.FEATURES: {},
    # A model that was overwritten can be served again for a year.
    BucketRole.MODELS: {"noncurrentDays": 365},
    BucketRole.ARTIFACTS: {},
    # Large, and worthless once the run has ended well.
    BucketRole.CHECKPOINTS: {"noncurrentDays": 1, "expireDays": 30},
}
"""Defaults of a bucket's days that its role sets."""


class Bucket(Spec):
    """A bucket for datasets, models or artifacts."""

    role: BucketRole = BucketRole.ARTIFACTS
    """What the bucket is for; its `mlplatform:role` tag, and defaults of the days below: `raw` moves to infrequent
    access after 30 days, `curated` after 90; `models` keeps overwritten objects for 365; `checkpoints` expires after 30
    and keeps overwritten ones for 1."""

    noncurrent_days: int = Field(default=30, ge=1, le=MAX_DAYS)
    """Days until overwritten and deleted objects are gone for good."""

    abort_upload_days: int = Field(default=7, ge=1, le=MAX_DAYS)
    """Days until the parts of an upload that never finished are deleted."""

    infrequent_access_days: int | None = Field(default=None, ge=30, le=MAX_DAYS)
    """Days until objects move to the cheaper infrequent-access class, 30 at least. Default: never."""

    expire_days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    """Days until objects are deleted. Default: never."""

    retain: bool = True
    """Keep the bucket and what is in it when the stack is destroyed. False: it is emptied and deleted."""

    @model_validator(mode="before")
    @classmethod
    def _role_sets_defaults(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "role" not in value:
            return value
        said = {to_camel(name) for name in value}
        role = getattr(value["role"], "value", value["role"])
        defaults = next((days for each, days in ROLE_DEFAULTS.items() if each.value == role), {})
        return {**value, **{name: days for name, days in defaults.items() if name not in said}}

    @model_validator(mode="after")
    def _objects_move_before_they_expire(self) -> "Bucket":
        move, expire = self.infrequent_access_days, self.expire_days
        if move is not None and expire is not None and expire <= move:
            raise ValueError(f"expireDays is {expire}; allowed: more than infrequentAccessDays ({move})")
        return self


class DataBucketArgs(TypedDict):
    """What a `DataBucket` is given."""

    bucket: Bucket
    """The bucket."""

    data_key_arn: pulumi.Input[str]
    """Key that objects are encrypted with."""

    protect: NotRequired[bool]
    """Refuse to delete or replace the bucket and its settings. Default: false."""

    tags: NotRequired[dict[str, str]]
    """Tags for every taggable child."""


class DataBucket(Component):
    """A private, versioned bucket, encrypted with the platform's key and reached by TLS only."""

    bucket_name: pulumi.Output[str]
    """The bucket's physical name."""

    bucket_arn: pulumi.Output[str]
    """The bucket's ARN."""

    def __init__(self, name: str, args: DataBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        args = given(name, args)
        wanted = spec(Bucket, args["bucket"])
        # What protects the data stays with it: a bucket that is kept keeps its settings too.
        kept = self.guarded(retain_on_delete=wanted.retain)

        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            force_destroy=not wanted.retain,
            tags={**self.tags_for(f"{name}-bucket"), f"{PACKAGE}:role": wanted.role.value},
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
    """Refuse requests without TLS 1.2, and uploads that name another encryption than the bucket's own key."""
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
            iam.deny(
                ["s3:PutObject"],
                on=[objects],
                to="*",
                # Uploads that name no encryption get the bucket's: only a header that is there can be wrong.
                when={"StringNotEquals": {header: wanted}, "Null": {header: "false"}},
                sid=sid,
            )
            for sid, header, wanted in (
                ("OnlyKms", "s3:x-amz-server-side-encryption", "aws:kms"),
                ("OnlyThisKey", "s3:x-amz-server-side-encryption-aws-kms-key-id", key_arn),
            )
        ),
    )


def lifecycle_rules(bucket: Bucket) -> list[dict[str, Any]]:
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
    ]
    if bucket.infrequent_access_days is not None:
        rules.append(
            {
                "id": "infrequent-access",
                "transitions": [{"days": bucket.infrequent_access_days, "storage_class": "STANDARD_IA"}],
            }
        )
    if bucket.expire_days is not None:
        rules.append({"id": "expire", "expiration": {"days": bucket.expire_days}})
    return [{**rule, "status": "Enabled", "filter": {"prefix": ""}} for rule in rules]
