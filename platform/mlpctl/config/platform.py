"""What one stack of the platform is made of."""

import re
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from mlpctl.config import rules
from mlpctl.review.cost.settings import CostSettings
from mlplatform import Bucket, Cluster, GpuPool, Images, Inference, Keys, Vpc, Workload, names
from mlplatform.spec import Spec
from mlplatform.workloads import service_account_of

Name = Annotated[str, AfterValidator(names.name)]
"""A name of the author's choice."""

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

    images: Images = Images()
    """Repositories of container images, and caches of public registries."""

    cluster: Cluster = Cluster()
    """The Kubernetes cluster."""

    gpu_pools: dict[Name, GpuPool] = Field(default={})
    """Pools of GPU nodes, by name."""

    inference: dict[Name, Inference] = Field(default={})
    """Models that answer requests, by name."""

    workloads: dict[Name, Workload] = Field(default={})
    """Programs in the cluster that use AWS, by name. One named like a model of `inference` gives that model its
    access; for others, `namespace` and `serviceAccount` say whose pods they are."""

    permissions_boundary: str | None = Field(default=None, pattern=r"^([\w+=,.@-]+/)*[\w+=,.@-]{1,128}$")
    """Name of the IAM policy, its path before it, that the account wants every role of this stack to be bounded by.
    Default: none; roles of `workloads` then have a boundary of the platform's own."""

    cost: CostSettings = CostSettings()
    """What the stack may cost a month, and the use that its cost is estimated with."""

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of every taggable resource."""
        return {**self.tags, "owner": self.owner, "environment": self.profile.value}

    @property
    def uses_secrets(self) -> bool:
        """Whether a model has secrets of Secrets Manager."""
        return any(model.secrets for model in self.inference.values())

    @property
    def models_on_s3(self) -> list[str]:
        """Models that use buckets: for their weights, or by the workload whose role they have."""
        owners = [service_account_of(name, each) for name, each in self.workloads.items() if each.buckets]
        return [name for name, model in self.inference.items() if model.model or (name, name) in owners]

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

    @field_validator("images")
    @classmethod
    def _images_are_copied_elsewhere(cls, value: Images, info: ValidationInfo) -> Images:
        region = (info.context or {}).get("region")
        if region and value.account and region in value.account.replicate_to:
            raise ValueError(f"account.replicateTo has {region}; allowed: regions other than the stack's own")
        return value

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if problems := [problem for rule in rules.RULES for problem in rule(self)]:
            raise ValueError("\n".join(problems))
        return self
