"""What one stack of the platform is made of."""

from enum import Enum
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from mlplatform import Bucket, Cluster, GpuPool, Inference, Keys, Vpc
from mlplatform.spec import Spec

Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$")]
"""A name of the author's choice: a DNS label of at most 20 characters, so that every name made from it fits AWS limits
(the tightest is an IAM role's 64: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

MAX_TAGS = 40
"""AWS allows 50 tags on a resource, and ours need room: https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""


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

    tags: dict[str, str] = Field(default={}, max_length=MAX_TAGS)
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
    def _tags_are_free(cls, value: dict[str, str]) -> dict[str, str]:
        taken = [
            key for key in value if key.startswith(("aws:", "mlplatform:")) or key in ("Name", "owner", "environment")
        ]
        if taken:
            raise ValueError(
                f"{', '.join(taken)}: allowed: keys other than Name, owner, environment, aws:… and mlplatform:…"
            )
        return value

    @model_validator(mode="after")
    def _models_run_on_pools_that_exist(self) -> "Platform":
        missing = {name: model.pool for name, model in self.inference.items() if model.pool not in self.gpu_pools}
        if missing:
            pools = ", ".join(self.gpu_pools) or "none is defined"
            wrong = "; ".join(f"inference.{name}.pool is {pool}" for name, pool in missing.items())
            raise ValueError(f"{wrong}; allowed: a pool of gpuPools ({pools})")
        return self

    @model_validator(mode="after")
    def _prod_keeps_its_guards(self) -> "Platform":
        if self.profile is not Profile.PROD:
            return self
        weakened = [
            sentence
            for broken, sentence in (
                (self.cluster.public_access_cidrs, "cluster.publicAccessCidrs has to be empty"),
                (not self.cluster.deletion_protection, "cluster.deletionProtection has to be true"),
                (not self.keys.per_domain, "keys.perDomain has to be true"),
                (not self.keys.retain, "keys.retain has to be true"),
                *(
                    (not bucket.retain, f"buckets.{name}.retain has to be true")
                    for name, bucket in self.buckets.items()
                ),
            )
            if broken
        ]
        if weakened:
            raise ValueError(f"in profile prod {'; '.join(weakened)}")
        return self
