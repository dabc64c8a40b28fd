"""Buckets for datasets, models and artifacts."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import pulumi
from pydantic import Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from mlplatform.args import ProtectArgs, TagArgs
from mlplatform.buckets import MAX_DAYS, basic_rules, check_name, private_bucket, rules_for_all
from mlplatform.checks.arguments import checked
from mlplatform.component import PACKAGE, Component
from mlplatform.spec import Spec


class BucketRole(Enum):
    """What a bucket is for."""

    RAW = "raw"
    CURATED = "curated"
    FEATURES = "features"
    MODELS = "models"
    ARTIFACTS = "artifacts"
    CHECKPOINTS = "checkpoints"


ROLE_DEFAULTS: Final[Mapping[BucketRole, Mapping[str, Any]]] = {
    # Usually read once for processing, then kept.
    BucketRole.RAW: {"infrequentAccessDays": 30},
    BucketRole.CURATED: {"infrequentAccessDays": 90},
    BucketRole.FEATURES: {},
    # An overwritten model can be restored for a year.
    BucketRole.MODELS: {"noncurrentDays": 365},
    BucketRole.ARTIFACTS: {},
    # A run may be resumed or examined months later. Checkpoints are large, so they move to a cheaper storage class, and
    # overwritten ones are deleted after a week.
    BucketRole.CHECKPOINTS: {
        "infrequentAccessDays": 30,
        "noncurrentDays": 7,
        "expireDays": 14,
        "expirePrefixes": ["tmp/"],
    },
}
"""Lifecycle defaults of each bucket role."""

OBJECT_PREFIX: Final = re.compile(r"(?!/)[ -)+-~]{1,200}")
"""Key prefix. S3 allows more, but a leading slash or a `*`, which is not a wildcard here, is probably a mistake:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


class DataBucketSpec(Spec):
    """A bucket for datasets, models or artifacts.

    Uploads must either set no encryption headers or request `aws:kms` with the ARN of the bucket's key.
    """

    role: BucketRole = BucketRole.ARTIFACTS
    """Purpose of the bucket. It sets the tag `mlplatform:role` and defaults of the fields below. Objects of `raw` move
    to infrequent access after 30 days, those of `curated` after 90. `models` keeps overwritten objects for 365 days.
    Objects of `checkpoints` move after 30 days, overwritten ones are kept for 7 days, and only those below `tmp/` are
    deleted, after 14 days."""

    noncurrent_days: int = Field(default=30, ge=1, le=MAX_DAYS)
    """Days after which overwritten and deleted objects are permanently deleted."""

    abort_upload_days: int = Field(default=7, ge=1, le=MAX_DAYS)
    """Days after which the parts of incomplete multipart uploads are deleted."""

    infrequent_access_days: int | None = Field(default=None, ge=30, le=MAX_DAYS)
    """Days after which objects move to the cheaper infrequent access class, at least 30. Default: never."""

    expire_days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    """Days after which objects are deleted. Default: never."""

    expire_prefixes: list[str] = Field(default=[], max_length=20)
    """Key prefixes of the objects that `expireDays` applies to, e.g. `tmp/`. Default, also for an empty list: all
    objects."""

    retain: bool = True
    """Retain the bucket and its objects when the stack is destroyed. False: the bucket is emptied and deleted."""

    @model_validator(mode="before")
    @classmethod
    def _role_sets_defaults(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "role" not in value:
            return value
        given = {to_camel(name): each for name, each in value.items()}
        role = getattr(value["role"], "value", value["role"])
        sets = next((sets for each, sets in ROLE_DEFAULTS.items() if each.value == role), {})
        together = {**sets, **given}
        expire, all_expire = together.get("expireDays"), not together.get("expirePrefixes")
        # A default is dropped if it would make the author's values invalid.
        dropped = {
            "expirePrefixes": expire is None,
            "infrequentAccessDays": all_expire
            and isinstance(expire, int)
            and expire <= sets.get("infrequentAccessDays", 0),
        }
        return {**value, **{name: each for name, each in sets.items() if name not in given and not dropped.get(name)}}

    @field_validator("expire_prefixes")
    @classmethod
    def _prefixes_differ(cls, value: list[str]) -> list[str]:
        if wrong := [each for each in value if not OBJECT_PREFIX.fullmatch(each)]:
            raise ValueError(
                f"{', '.join(map(repr, wrong))}: allowed: 1 to 200 printable ASCII characters, without a leading slash "
                "and without *, which is not a wildcard here"
            )
        if again := [f"{one} in {other}" for one in value for other in value if one != other and one.startswith(other)]:
            raise ValueError(f"{', '.join(again)}: allowed: prefixes of which none begins with another")
        return value

    @model_validator(mode="after")
    def _expire_prefixes_need_days(self) -> "DataBucketSpec":
        if self.expire_prefixes and self.expire_days is None:
            raise ValueError("expireDays is missing; allowed: days, since expirePrefixes is set")
        return self

    @model_validator(mode="after")
    def _objects_move_before_they_expire(self) -> "DataBucketSpec":
        move, expire = self.infrequent_access_days, self.expire_days
        # With prefixes, expiration takes precedence, and S3 deletes objects that it would have moved later:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
        if self.expire_prefixes:
            return self
        if move is not None and expire is not None and expire <= move:
            raise ValueError(f"expireDays is {expire}; allowed: more than infrequentAccessDays ({move})")
        return self


class DataBucketArgs(ProtectArgs, TagArgs):
    """Arguments of `DataBucket`."""

    bucket: DataBucketSpec
    """The bucket."""

    data_key_arn: pulumi.Input[str]
    """ARN of the KMS key for objects."""


class DataBucket(Component):
    """A private, versioned bucket, encrypted with the platform's key and accessible only over TLS.

    Uploads either request no encryption and get the bucket's default, or request `aws:kms` with the ARN of the bucket's
    key. S3 rejects any other upload with AccessDenied. This includes `aws:kms` without a key, which would use the AWS
    managed key of S3. If a tool sets `aws:kms` itself, turn this off or also pass the key, e.g. `--sse-kms-key-id` of
    the AWS CLI.
    """

    bucket_name: pulumi.Output[str]
    """The bucket's physical name."""

    bucket_arn: pulumi.Output[str]
    """The bucket's ARN."""

    def __init__(self, name: str, args: DataBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(DataBucketArgs, self, name, args)
        check_name(self, name)
        super().__init__(name, args, opts)
        wanted = args["bucket"]
        bucket = private_bucket(
            self,
            name,
            args["data_key_arn"],
            lifecycle_rules(wanted),
            retain=wanted.retain,
            tags={f"{PACKAGE}:role": wanted.role.value},
        )

        self.bucket_name = bucket.id
        self.bucket_arn = bucket.arn
        self._done()


def lifecycle_rules(bucket: DataBucketSpec) -> list[dict[str, Any]]:
    """The bucket's lifecycle rules, one per action."""
    rules = basic_rules(bucket.abort_upload_days, bucket.noncurrent_days)
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
    return rules_for_all(rules)
