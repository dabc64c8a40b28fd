"""The spec of container images: repositories, caches of public registries, and rules for tags."""

import fnmatch
import functools
import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from awsfacts.partitions import dns_suffix
from mlplatform import iam, names
from mlplatform.grammar import CREDENTIALS_PREFIX, DIGEST, MAX_REPOSITORY, REPOSITORY, TAG
from mlplatform.spec import Spec

TAG_PATTERN: Final = r"^[0-9A-Za-z_*][0-9A-Za-z._*-]{0,127}$"
"""A tag with `*` as a wildcard. A pattern that begins with another character matches no tag:
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html"""

MAX_WILDCARDS: Final = 2
"""Maximum number of `*` in a pattern. A lifecycle policy allows four, an exclusion from immutability two:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"""

MAX_CACHES: Final = 50
"""Maximum number of pull through cache rules of a registry:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"""

NEVER_DAYS: Final = 36500
"""An age that no image reaches."""

PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html"""


class Upstream(Enum):
    """A public registry that images can be cached from."""

    ECR_PUBLIC = "public.ecr.aws"
    KUBERNETES = "registry.k8s.io"
    QUAY = "quay.io"
    DOCKER_HUB = "docker.io"
    GITHUB = "ghcr.io"


UPSTREAM_URLS: Final = {upstream: upstream.value for upstream in Upstream} | {
    Upstream.DOCKER_HUB: "registry-1.docker.io"
}
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"""

NEEDS_CREDENTIALS: Final = {Upstream.DOCKER_HUB, Upstream.GITHUB}


_OWNED: Final = {Upstream.DOCKER_HUB, Upstream.ECR_PUBLIC, Upstream.GITHUB, Upstream.QUAY}
"""Registries in which every repository has an owner; `docker.io/python` is short for `docker.io/library/python`."""


def path_problem(upstream: Upstream, path: str) -> str | None:
    """What is allowed instead of a repository's path in a registry; None for a valid one.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working-pulling.html
    """
    owner, slash, rest = path.partition("/")
    if upstream is Upstream.DOCKER_HUB and not slash:
        return f"library/{path}, or the owner's name before it, since the upstream is docker.io"
    if upstream is Upstream.DOCKER_HUB and "/" in rest:
        return f"an owner and a name, e.g. {owner}/{rest.rpartition('/')[2]}, since the upstream is docker.io"
    if upstream in _OWNED and not slash:
        return f"an owner and a name, e.g. vllm/{path}, since the upstream is {upstream.value}"
    return None


class Scanning(Enum):
    """How an account's images are scanned for known vulnerabilities."""

    BASIC = "basic"
    ENHANCED = "enhanced"


MAX_MUTABLE: Final = 5
"""Maximum number of patterns of mutable tags of a repository:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"""


class ImageRepository(Spec):
    """A repository for the images of one program."""

    release_tags: list[str] = Field(default=["v*"], min_length=1, max_length=10)
    """Tags of images that are deployed, with `*` as a wildcard. Images with such a tag never expire, and such tags
    cannot be moved. Deploy only images with such a tag."""

    keep_newest: int = Field(default=50, ge=1, le=10000)
    """An image with other tags is deleted when this many tagged images are newer. ECR counts released images too, but
    does not delete them. With many releases, use a higher number."""

    untagged_days: int = Field(default=14, ge=1, le=3650)
    """Days after which images without a tag are deleted."""

    mutable_tags: list[str] = Field(default=[], max_length=MAX_MUTABLE)
    """Tags that may be moved to another image, such as `cache-*`. Default: none."""

    scan_on_push: bool = True
    """Scan every pushed image for known vulnerabilities."""

    shared_with: list[str] = Field(default=[], max_length=50)
    """IDs of other AWS accounts that may pull, 12 digits each. Default: none."""

    retain: bool = True
    """Retain the repository and its images when the stack is destroyed. False: they are deleted."""

    def releases(self, tag: str) -> bool:
        """Whether an image with this tag never expires."""
        return any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.release_tags)

    @field_validator("release_tags", "mutable_tags")
    @classmethod
    def _tag_patterns_are_valid(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not re.fullmatch(TAG_PATTERN, each) or each.count("*") > MAX_WILDCARDS]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)}: allowed: letters, digits, _ . - (not . or - first), and at most "
                f"{MAX_WILDCARDS} *, e.g. v*"
            )
        return value

    @field_validator("shared_with")
    @classmethod
    def _accounts_have_twelve_digits(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not re.fullmatch(r"[0-9]{12}", each)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: allowed: AWS account IDs, 12 digits in quotes")
        return value

    @model_validator(mode="after")
    def _releases_do_not_move(self) -> Self:
        moving = [
            f"mutableTags has {mutable}; allowed: patterns that have no tag in common with releaseTags "
            f"({', '.join(self.release_tags)})"
            for mutable in self.mutable_tags
            if any(overlap(mutable, release) for release in self.release_tags)
        ]
        if moving:
            raise ValueError("\n".join(moving))
        return self


class PullThrough(Spec):
    """A pull through cache of a public registry: each requested image is fetched once and stored."""

    upstream: Upstream
    """The registry."""

    credentials: str | None = Field(default=None, max_length=512, pattern=rf"^{CREDENTIALS_PREFIX}[A-Za-z0-9_/+=.@-]+$")
    """Name of the secret in Secrets Manager with which ECR signs in to the registry. Never the secret itself. Required
    for `docker.io` and `ghcr.io`. The name begins with `ecr-pullthroughcache/`."""

    untagged_days: int = Field(default=14, ge=1, le=3650)
    """Days after which cached images without a tag are deleted. Tagged images are not deleted, and their tags cannot be
    moved."""

    @model_validator(mode="after")
    def _credentials_are_there_where_needed(self) -> Self:
        if self.upstream in NEEDS_CREDENTIALS and self.credentials is None:
            raise ValueError(f"credentials is missing; allowed: a secret's name, since {self.upstream.value} needs one")
        return self


class RegistrySettings(Spec):
    """Settings that an account has once per region, for all stacks."""

    scanning: Scanning = Scanning.ENHANCED
    """Scanning of all images of the account. `basic`: when an image is pushed, if its repository has `scanOnPush`.
    `enhanced`: continuously by Amazon Inspector, which charges per image."""

    replicate_to: list[str] = Field(default=[], max_length=25)
    """Other regions to which new images of this stack are copied, within the account. Copies are encrypted with a key
    that AWS owns. Default: none."""

    @field_validator("replicate_to")
    @classmethod
    def _regions_are_valid(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", each)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: allowed: regions such as eu-central-1")
        return value


class ImageRegistrySpec(Spec):
    """Container images."""

    repositories: dict[str, ImageRepository] = Field(default={})
    """Repositories by name. The name in AWS is `<project>/<stack>/<name>`."""

    pull_through: dict[str, PullThrough] = Field(default={}, max_length=MAX_CACHES)
    """Caches of public registries, by the prefix of the cached repositories: `docker.io/vllm/vllm-openai` is pulled as
    `<registry>/<name>/vllm/vllm-openai`. Each name is unique in an account and region."""

    account: RegistrySettings | None = None
    """Settings of the account's registry in this region. Set this in one stack only, because two stacks would overwrite
    each other's settings. Default: the stack does not manage them."""

    @model_validator(mode="after")
    def _names_are_names(self) -> Self:
        names.named({**self.repositories}, "repositories")
        names.named({**self.pull_through}, "pullThrough")
        short = [name for name in self.pull_through if len(name) < 2]
        if short:
            raise ValueError(f"pullThrough has {', '.join(short)}; allowed: names of 2 characters or more")
        return self

    @model_validator(mode="after")
    def _copies_can_have_the_mutable_tags(self) -> Self:
        if self.account and self.account.replicate_to and len(found := self.mutable_tags) > MAX_MUTABLE:
            raise ValueError(
                f"repositories have {len(found)} different mutableTags; allowed: {MAX_MUTABLE} in total if images are "
                "copied to other regions, since all copies have the same settings"
            )
        return self

    @property
    def mutable_tags(self) -> list[str]:
        """The patterns of tags that can be moved in any of the repositories."""
        return [*dict.fromkeys(tag for each in self.repositories.values() for tag in each.mutable_tags)]


class ImageFrom(Spec):
    """An image in a repository of the same stack, or in one of its caches of public registries."""

    repository: str | None = None
    """Name of a repository in `images.repositories`."""

    cache: str | None = None
    """Name of a cache in `images.pullThrough`. `path` is then the repository that is pulled through it."""

    path: str | None = Field(default=None, pattern=rf"^{REPOSITORY}$", examples=["vllm/vllm-openai"])
    """Repository in the cache's upstream registry, e.g. `vllm/vllm-openai`."""

    tag: str | None = Field(default=None, pattern=rf"^{TAG}$", examples=["v0.11.0"])
    """Tag of the image, e.g. its version; not `latest`."""

    digest: str | None = Field(default=None, pattern=rf"^{DIGEST}$")
    """Digest of the image, which identifies it exactly: `sha256:` and 64 hexadecimal digits. Required in profile
    prod."""

    @model_validator(mode="after")
    def _it_is_in_one_place(self) -> Self:
        if (self.repository is None) == (self.cache is None):
            raise ValueError(
                f"repository is {self.repository or 'missing'}; allowed: exactly one of repository and cache"
            )
        if (self.cache is None) != (self.path is None):
            raise ValueError(f"path is {self.path or 'missing'}; allowed: a path with cache, and only with it")
        if self.path and (longest := MAX_REPOSITORY - len(f"{self.cache}/")) < len(self.path):
            raise ValueError(
                f"path is {len(self.path)} characters long; allowed: up to {longest}, since the repository's name in "
                "ECR also contains the cache's name"
            )
        return self

    @model_validator(mode="after")
    def _it_is_pinned(self) -> Self:
        if (self.tag is None and self.digest is None) or self.tag == "latest":
            raise ValueError(f"tag is {self.tag or 'missing'}; allowed: a tag other than latest, a digest, or both")
        return self

    @property
    def version(self) -> str:
        """The part of a reference after the repository: `:v1`, `@sha256:…` or both."""
        return f"{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"


@functools.cache
def overlap(one: str, other: str) -> bool:
    """Whether some tag matches both patterns."""
    if not one or not other:
        return {*one, *other} <= {"*"}
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(one, other[1:]) or overlap(one[1:], other)
    return one[0] == other[0] and overlap(one[1:], other[1:])


def registry_url(account_id: str, region: str, partition: str) -> str:
    """Host name of a registry: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html."""
    return f"{account_id}.dkr.ecr.{region}.{dns_suffix(partition)}"


def reference(source: ImageFrom, repository_urls: Mapping[str, str], registry: str) -> str:
    """The reference of an image in a repository or a cache of the stack.

    Raises:
        ValueError: `repository_urls` has no URL of its repository.
    """
    if source.cache is not None:
        return f"{registry}/{source.cache}/{source.path}{source.version}"
    if source.repository is None or source.repository not in repository_urls:
        known = ", ".join(sorted(repository_urls)) or "none is given"
        raise ValueError(f"imageFrom.repository is {source.repository}; allowed: {known}")
    return f"{repository_urls[source.repository]}{source.version}"


def repository_arn(repository: str, account_id: str, region: str, partition: str) -> str:
    """The ARN of a repository. A name that ends in `/*` matches all repositories with this prefix."""
    return f"arn:{partition}:ecr:{region}:{account_id}:repository/{repository}"


def repository_lifecycle(repository: ImageRepository) -> str:
    """The lifecycle policy of a repository.

    Each pattern of released tags has its own rule, and these come first. An image that matches a rule cannot be expired
    by a later rule, although the later rule counts it. Several patterns in one rule would all have to match. A rule
    cannot select images that do not match a pattern.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
    """
    released = [
        _rule(f"Keep {tag}", tagged(tag), {"countType": "sinceImagePushed", "countUnit": "days"}, NEVER_DAYS)
        for tag in dict.fromkeys(repository.release_tags)
    ]
    others = _rule(
        f"Keep the newest {repository.keep_newest}",
        tagged("*"),
        {"countType": "imageCountMoreThan"},
        repository.keep_newest,
    )
    rest = [] if "*" in repository.release_tags else [others]
    return lifecycle([*released, *rest, expire_untagged(repository.untagged_days)])


def expire_untagged(days: int) -> dict[str, Any]:
    """The rule that expires images without a tag. ECR keeps those that belong to a tagged multi-platform image."""
    age = {"countType": "sinceImagePushed", "countUnit": "days"}
    return _rule(f"Delete untagged after {days} days", {"tagStatus": "untagged"}, age, days)


def tagged(pattern: str) -> dict[str, Any]:
    """A rule's selection of images with a tag that matches a pattern."""
    return {"tagStatus": "tagged", "tagPatternList": [pattern]}


def lifecycle(rules: Sequence[Mapping[str, Any]]) -> str:
    """A lifecycle policy of rules. The first has the highest priority."""
    numbered = [{"rulePriority": number, **rule} for number, rule in enumerate(rules, start=1)]
    return json.dumps({"rules": numbered}, sort_keys=True)


def repository_policy(accounts: Sequence[str], partition: str) -> str:
    """A repository policy that lets other accounts pull. Their own policies decide which principals may do so."""
    roots = [f"arn:{partition}:iam::{account}:root" for account in accounts]
    return iam.document(iam.allow(PULL, on=[], to={"AWS": roots}, sid="OtherAccountsPull"))


def cache_maker_policy(repository_arns: Sequence[str], key_arn: str) -> str:
    """Permissions with which ECR creates the repositories of the caches, with tags and a KMS key.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html
    """
    return iam.document(
        iam.allow(["ecr:CreateRepository", "ecr:TagResource"], on=repository_arns),
        iam.allow(["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"], on=[key_arn]),
    )


def filling_policy(repository_arns: Sequence[str]) -> str:
    """The permissions that nodes need besides `AmazonEC2ContainerRegistryPullOnly` to pull a new image through a cache.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
    """
    return iam.document(iam.allow(["ecr:CreateRepository"], on=repository_arns))


def _rule(description: str, selection: Mapping[str, Any], limit: Mapping[str, Any], count: int) -> dict[str, Any]:
    return {
        "description": description,
        "selection": {**selection, **limit, "countNumber": count},
        "action": {"type": "expire"},
    }
