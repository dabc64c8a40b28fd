"""What one stack of the platform is made of."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from mlplatform import Bucket, Cluster, GpuPool, Inference, Keys, Vpc
from mlplatform.cluster import ControlPlaneLog
from mlplatform.spec import Spec

MAX_NAME = 20
"""Longest name of an author's choice: every name made from it has to fit AWS limits, the tightest an IAM role's 64,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


def _name(value: str) -> str:
    if len(value) > MAX_NAME or not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", value):
        raise ValueError(
            f"allowed: lower-case letters a-z, digits and hyphens, a letter first, at most {MAX_NAME} characters"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
"""A name of the author's choice: a DNS label of at most `MAX_NAME` characters."""

MAX_TAGS = 40
"""AWS allows 50 tags on a resource, and ours need room: https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""


TAG: Final = re.compile(r"[\w\s.:/=+@-]*")
MAX_TAG_KEY: Final = 128
MAX_TAG: Final = 256
"""What IAM, the strictest, takes: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html"""

_TAG_WORDS: Final = "letters, digits, spaces and _ . : / = + - @"


def _tag_key(value: str) -> str:
    if not value or len(value) > MAX_TAG_KEY or not TAG.fullmatch(value):
        raise ValueError(f"allowed: 1 to {MAX_TAG_KEY} {_TAG_WORDS}")
    if value.lower().startswith(("aws:", "mlplatform:")) or value.lower() in ("name", "owner", "environment"):
        raise ValueError("allowed: keys other than Name, owner, environment, aws:… and mlplatform:…")
    return value


def _tag_value(value: str) -> str:
    if len(value) > MAX_TAG or not TAG.fullmatch(value):
        raise ValueError(f"allowed: at most {MAX_TAG} {_TAG_WORDS}")
    return value


TagKey = Annotated[str, AfterValidator(_tag_key)]
TagValue = Annotated[str, AfterValidator(_tag_value)]

YEAR_DAYS: Final = 365


class Profile(Enum):
    """What a stack is for; it sets defaults."""

    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


class Platform(Spec):
    """One stack of the platform."""

    profile: Profile
    """What the stack is for: `dev`, `staging` or `prod`. Sets the defaults of the fields below."""

    owner: str = Field(min_length=1, max_length=100)
    """Team that answers for this stack; becomes the `owner` tag."""

    tags: dict[TagKey, TagValue] = Field(default={}, max_length=MAX_TAGS)
    """More tags for everything that can have tags."""

    keys: Keys = Keys()
    """The encryption keys."""

    network: Vpc
    """The network."""

    buckets: dict[Name, Bucket] = Field(default={})
    """Buckets for datasets, models and artifacts, by name."""

    cluster: Cluster = Cluster()
    """The Kubernetes cluster."""

    gpu_pools: dict[Name, GpuPool] = Field(default={})
    """Pools of GPU nodes, by name."""

    inference: dict[Name, Inference] = Field(default={})
    """Models that answer requests, by name."""

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of every taggable resource."""
        return {**self.tags, "owner": self.owner, "environment": self.profile.value}

    @field_validator("tags")
    @classmethod
    def _tags_differ(cls, value: dict[str, str]) -> dict[str, str]:
        # IAM takes two keys that differ in case only for one.
        lower = [key.lower() for key in value]
        twice = [key for key in value if lower.count(key.lower()) > 1]
        if twice:
            raise ValueError(f"tags has {', '.join(twice)}; allowed: keys that differ in more than their case")
        return value

    @field_validator("owner")
    @classmethod
    def _owner_fits_a_tag(cls, value: str) -> str:
        if not TAG.fullmatch(value):
            raise ValueError(f"allowed: {_TAG_WORDS}")
        return value

    @field_validator("network")
    @classmethod
    def _zones_lie_in_the_region(cls, value: Vpc, info: ValidationInfo) -> Vpc:
        region = (info.context or {}).get("region")
        elsewhere = [zone for zone in value.zones if region and not re.match(rf"{region}[a-z]$", zone)]
        if elsewhere:
            raise ValueError(f"zones has {', '.join(elsewhere)}; allowed: zones of {region}, e.g. {region}a")
        return value

    @model_validator(mode="after")
    def _models_have_namespaces_of_their_own(self) -> Self:
        _refuse(
            f"inference has {name}; allowed: names other than default and kube-…, which are namespaces of Kubernetes"
            for name in self.inference
            if name == "default" or name.startswith("kube-")
        )
        return self

    @model_validator(mode="after")
    def _models_run_on_pools_that_exist(self) -> Self:
        pools = ", ".join(self.gpu_pools) or "none is defined"
        _refuse(
            f"inference.{name}.pool is {model.pool}; allowed: a pool of gpuPools ({pools})"
            for name, model in self.inference.items()
            if model.pool not in self.gpu_pools
        )
        return self

    @model_validator(mode="after")
    def _retained_data_keeps_its_key(self) -> Self:
        _refuse(
            f"buckets.{name}.retain is true; allowed: false, since keys.retain is false: the data would outlive its key"
            for name, bucket in self.buckets.items()
            if bucket.retain and not self.keys.retain
        )
        return self

    @model_validator(mode="after")
    def _prod_keeps_its_guards(self) -> Self:
        guards = {
            "cluster.publicAccessCidrs has to be empty": not self.cluster.public_access_cidrs,
            "cluster.deletionProtection has to be true": self.cluster.deletion_protection,
            "cluster.logTypes has to have audit and authenticator": {
                ControlPlaneLog.AUDIT,
                ControlPlaneLog.AUTHENTICATOR,
            }
            <= {*self.cluster.log_types},
            f"cluster.logDays has to be {YEAR_DAYS} or more": self.cluster.log_days >= YEAR_DAYS,
            f"network.flowLogDays has to be {YEAR_DAYS} or more": self.network.flow_log_days >= YEAR_DAYS,
            "keys.perDomain has to be true": self.keys.per_domain,
            "keys.retain has to be true": self.keys.retain,
            **{f"buckets.{name}.retain has to be true": bucket.retain for name, bucket in self.buckets.items()},
        }
        if self.profile is Profile.PROD:
            _refuse(f"{guard} in profile prod" for guard, kept in guards.items() if not kept)
        return self


def _refuse(problems: Iterable[str]) -> None:
    """Raise all problems as one `ValueError`, a line each, if there are any."""
    if told := "\n".join(problems):
        raise ValueError(told)
