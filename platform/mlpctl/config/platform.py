"""What one stack of the platform is made of."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from mlplatform import Bucket, Cluster, GpuPool, Images, Inference, Keys, Vpc, Workload, names
from mlplatform.cluster import ControlPlaneLog
from mlplatform.identity import service_account_of
from mlplatform.network import Nat
from mlplatform.registry import Scanning
from mlplatform.spec import Spec

Name = Annotated[str, AfterValidator(names.name)]
"""A name of the author's choice."""

MAX_TAGS = 40
"""AWS allows 50 tags on a resource, and ours need room: https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""


TAG: Final = re.compile(r"[\w\s.:/=+@-]*")
MAX_TAG_KEY: Final = 128
MAX_TAG: Final = 256
"""What IAM, the strictest, takes: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html"""

OWN_IMAGE: Final = re.compile(r"\d{12}\.dkr\.ecr\.[\w.-]+/(.+/)?(?P<repository>[^/:@]+)(:(?P<tag>[^@]+))?(@.+)?$")
"""An image in a repository of ECR, whose name's last part is the one in `images.repositories`."""

_TAG_WORDS: Final = "letters, digits, spaces and _ . : / = + - @"

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

    tags: dict[str, str] = Field(default={}, max_length=MAX_TAGS)
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

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of every taggable resource."""
        return {**self.tags, "owner": self.owner, "environment": self.profile.value}

    @field_validator("tags")
    @classmethod
    def _tags_are_free(cls, value: dict[str, str]) -> dict[str, str]:
        # IAM takes two keys that differ in case only for one.
        lower = [key.lower() for key in value]
        taken = [
            key
            for key in value
            if key.lower().startswith(("aws:", "mlplatform:")) or key.lower() in ("name", "owner", "environment")
        ]
        if taken:
            raise ValueError(
                f"{', '.join(taken)}: allowed: keys other than Name, owner, environment, aws:… and mlplatform:…"
            )
        twice = [key for key in value if lower.count(key.lower()) > 1]
        if twice:
            raise ValueError(f"{', '.join(twice)}: allowed: keys that differ in more than their case")
        for text, longest in [*((key, MAX_TAG_KEY) for key in value), *((each, MAX_TAG) for each in value.values())]:
            if len(text) > longest or not TAG.fullmatch(text):
                raise ValueError(f"{text}: allowed: at most {longest} {_TAG_WORDS}")
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
    def _caches_reach_what_they_cache(self) -> Self:
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-vpc-endpoint-considerations
        if self.images.pull_through and self.network.nat is Nat.NONE:
            raise ValueError(
                "network.nat is none; allowed: single or perZone, since the first pull through a cache of "
                "images.pullThrough leaves the network"
            )
        return self

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
    def _models_run_images_that_stay(self) -> Self:
        _refuse(
            f"inference.{name}.image is {model.image}; allowed: a tag of images.repositories.{repository}.releaseTags "
            f"({', '.join(self.images.repositories[repository].release_tags)}), since others are deleted in time"
            for name, model in self.inference.items()
            if (found := OWN_IMAGE.match(model.image))
            and (repository := found["repository"]) in self.images.repositories
            and not self.images.repositories[repository].releases(found["tag"] or "")
        )
        return self

    @model_validator(mode="after")
    def _workloads_use_what_exists(self) -> Self:
        there = {"buckets": [*self.buckets], "images": [*self.images.repositories]}
        _refuse(
            f"workloads.{name}.{kind} has {unknown}; allowed: names of {section} ({', '.join(there[kind]) or 'none'})"
            for name, workload in self.workloads.items()
            for kind, section in (("buckets", "buckets"), ("images", "images.repositories"))
            for unknown in getattr(workload, kind)
            if unknown not in there[kind]
        )
        return self

    @model_validator(mode="after")
    def _a_service_account_has_one_role(self) -> Self:
        first: dict[tuple[str, str], str] = {}
        _refuse(
            f"workloads.{name} is for service account {account} in namespace {namespace}; allowed: another than that "
            f"of workloads.{first[namespace, account]}, since a service account has one role"
            for name, (namespace, account) in (
                (name, service_account_of(name, workload)) for name, workload in self.workloads.items()
            )
            if first.setdefault((namespace, account), name) != name
        )
        return self

    @model_validator(mode="after")
    def _retained_data_keeps_its_key(self) -> Self:
        kept = {f"buckets.{name}": bucket.retain for name, bucket in self.buckets.items()}
        kept |= {f"images.repositories.{name}": each.retain for name, each in self.images.repositories.items()}
        _refuse(
            f"{place}.retain is true; allowed: false, since keys.retain is false: the data would outlive its key"
            for place, retain in kept.items()
            if retain and not self.keys.retain
        )
        return self

    @model_validator(mode="after")
    def _prod_keeps_its_guards(self) -> Self:
        repositories = {f"images.repositories.{name}": each for name, each in self.images.repositories.items()}
        scanned = self.images.account is not None and self.images.account.scanning is Scanning.ENHANCED
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
            **{f"{place}.retain has to be true": each.retain for place, each in repositories.items()},
            **{
                f"{place}.scanOnPush has to be true": each.scan_on_push or scanned
                for place, each in repositories.items()
            },
        }
        if self.profile is Profile.PROD:
            _refuse(f"{guard} in profile prod" for guard, kept in guards.items() if not kept)
        return self


def _refuse(problems: Iterable[str]) -> None:
    """Raise all problems as one `ValueError`, a line each, if there are any."""
    if told := "\n".join(problems):
        raise ValueError(told)
