"""Where container images are kept: the stack's repositories, and caches of public registries."""

import fnmatch
import functools
import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, NotRequired, Self, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field, field_validator, model_validator

from mlplatform import iam, names
from mlplatform.component import Component
from mlplatform.spec import Spec, spec

TAG_PATTERN: Final = r"^[0-9A-Za-z._*-]{1,128}$"
"""A tag with `*` for any characters:
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html"""

MAX_WILDCARDS: Final = 2
"""`*` in a pattern at most. A life cycle policy takes four, an exclusion from immutability two:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"""

NEVER_DAYS: Final = 36500
"""An age that no image reaches."""

CREDENTIALS_PREFIX: Final = "ecr-pullthroughcache/"
"""How the name of a secret begins that ECR signs in to another registry with:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html"""

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


class Scanning(Enum):
    """How an account's images are scanned for known vulnerabilities."""

    BASIC = "basic"
    ENHANCED = "enhanced"


class ImageRepository(Spec):
    """A repository for the images of one program."""

    release_tags: list[str] = Field(default=["v*"], min_length=1, max_length=10)
    """Tags of images that are deployed, `*` standing for any characters. An image with such a tag never expires and
    the tag never moves: deploy no other."""

    keep_newest: int = Field(default=50, ge=1, le=10000)
    """Images with other tags are deleted once so many tagged images are newer."""

    untagged_days: int = Field(default=14, ge=1, le=3650)
    """Days until images without a tag are deleted."""

    mutable_tags: list[str] = Field(default=[], max_length=5)
    """Tags that may be moved to another image, such as `cache-*`. Default: none."""

    scan_on_push: bool = True
    """Look for known vulnerabilities in every image that is pushed."""

    shared_with: list[str] = Field(default=[], max_length=50)
    """AWS accounts that may pull, 12 digits each. Default: none but the stack's own."""

    retain: bool = True
    """Keep the repository and its images when the stack is destroyed. False: they are deleted."""

    def releases(self, tag: str) -> bool:
        """Whether an image with this tag never expires."""
        return any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.release_tags)

    @field_validator("release_tags", "mutable_tags")
    @classmethod
    def _patterns_are_ecr_s(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not re.match(TAG_PATTERN, each) or each.count("*") > MAX_WILDCARDS]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)}: allowed: letters, digits, . _ - and up to {MAX_WILDCARDS} times *, e.g. v*"
            )
        return value

    @field_validator("shared_with")
    @classmethod
    def _accounts_have_twelve_digits(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not re.fullmatch(r"\d{12}", each)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: allowed: AWS account numbers, 12 digits in quotes")
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
    """A cache of a public registry: an image that is asked for is fetched once, and kept."""

    upstream: Upstream
    """The registry."""

    credentials: str | None = Field(default=None, max_length=512, pattern=rf"^{CREDENTIALS_PREFIX}[\w/+=.@-]+$")
    """Name of the secret in Secrets Manager with which ECR signs in there. Never the secret itself. Needed for
    `docker.io` and `ghcr.io`; its name begins with `ecr-pullthroughcache/`."""

    untagged_days: int = Field(default=14, ge=1, le=3650)
    """Days until cached images without a tag are deleted. Those with a tag stay, and their tags never move."""

    @model_validator(mode="after")
    def _credentials_are_there_where_needed(self) -> Self:
        if self.upstream in NEEDS_CREDENTIALS and self.credentials is None:
            raise ValueError(f"credentials is missing; allowed: a secret's name, since {self.upstream.value} needs one")
        return self


class RegistrySettings(Spec):
    """What an account has once in each region, whatever the number of stacks."""

    scanning: Scanning = Scanning.ENHANCED
    """How every image of the account is scanned: `basic` when it is pushed, where its repository asks for it;
    `enhanced` all the time, by Amazon Inspector, which is paid per image."""

    replicate_to: list[str] = Field(default=[], max_length=25)
    """Other regions that this stack's new images are copied to, within the account. Copies are encrypted with a key of
    AWS's own. Default: none."""

    @field_validator("replicate_to")
    @classmethod
    def _regions_are_regions(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}", each)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: allowed: regions such as eu-central-1")
        return value


class Images(Spec):
    """Container images."""

    repositories: dict[str, ImageRepository] = Field(default={})
    """Repositories by name. In AWS each is called `<project>/<stack>/<name>`."""

    pull_through: dict[str, PullThrough] = Field(default={})
    """Caches of public registries, by the name that cached repositories begin with: `docker.io/vllm/vllm-openai` is
    pulled as `<registry>/<name>/vllm/vllm-openai`. An account has each such name once in a region."""

    account: RegistrySettings | None = None
    """Settings of the account's registry in this region. Only one stack may have this section: two would take them
    from each other. Default: the settings are someone else's."""

    @model_validator(mode="after")
    def _names_are_names(self) -> Self:
        names.named({**self.repositories}, "repositories")
        names.named({**self.pull_through}, "pullThrough")
        short = [name for name in self.pull_through if len(name) < 2]
        if short:
            raise ValueError(f"pullThrough has {', '.join(short)}; allowed: names of 2 characters or more")
        return self


class ImageRegistryArgs(TypedDict):
    """What an `ImageRegistry` is given."""

    images: Images
    """The images."""

    images_key_arn: pulumi.Input[str]
    """Key that images are encrypted with."""

    account_id: pulumi.Input[str]
    """AWS account of the registry, 12 digits."""

    region: pulumi.Input[str]
    """AWS region of the registry, e.g. `us-east-1`."""

    namespace: NotRequired[str]
    """What the repositories' names begin with. Default: `<project>/<stack>`."""

    partition: NotRequired[pulumi.Input[str]]
    """AWS partition. Default: `aws`."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Policy that bounds the IAM roles. Default: none."""

    tags: NotRequired[dict[str, str]]
    """Tags for every taggable child, and for the repositories that a cache makes."""


class ImageRegistry(Component):
    """Encrypted image repositories whose released tags neither move nor expire, and caches of public registries."""

    registry_url: pulumi.Output[str]
    """Host name of the account's registry in this region."""

    repository_urls: pulumi.Output[dict[str, str]]
    """What images are pushed to and pulled from, by the repositories' names."""

    repository_arns: pulumi.Output[dict[str, str]]
    """ARNs of the repositories, by name."""

    cached_repository_arns: pulumi.Output[dict[str, str]]
    """ARNs of the repositories that each cache makes, by the cache's name; each ends in `/*`."""

    def __init__(self, name: str, args: ImageRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        wanted = spec(Images, args["images"])
        namespace = args.get("namespace") or f"{pulumi.get_project()}/{pulumi.get_stack()}"
        owner = pulumi.Output.all(
            account_id=args["account_id"], region=args["region"], partition=args.get("partition", "aws")
        )

        repositories = {
            each: self._repository(f"{name}-{each}", f"{namespace}/{each}", repository, args)
            for each, repository in wanted.repositories.items()
        }
        cached = {each: _cached_arn(each, owner) for each in wanted.pull_through}
        if wanted.pull_through:
            self._caches(name, wanted.pull_through, cached, args)
        if wanted.account:
            self._settings(name, wanted.account, namespace, args)

        self.registry_url = owner.apply(lambda known: registry_url(**known))
        self.repository_urls = pulumi.Output.all(**{each: made.repository_url for each, made in repositories.items()})
        self.repository_arns = pulumi.Output.all(**{each: made.arn for each, made in repositories.items()})
        self.cached_repository_arns = pulumi.Output.all(**cached)
        self._done()

    def _repository(
        self, child: str, physical: str, wanted: ImageRepository, args: ImageRegistryArgs
    ) -> "aws.ecr.Repository":
        # What protects the images stays with them.
        kept = self.child(retain_on_delete=wanted.retain)
        repository = aws.ecr.Repository(
            child,
            # Fixed: whoever pushes and pulls goes by it.
            name=physical,
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION" if wanted.mutable_tags else "IMMUTABLE",
            image_tag_mutability_exclusion_filters=[
                {"filter": tag, "filter_type": "WILDCARD"} for tag in wanted.mutable_tags
            ]
            or None,
            image_scanning_configuration={"scan_on_push": wanted.scan_on_push},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args["images_key_arn"]}],
            force_delete=not wanted.retain,
            tags=self.tags_for(child),
            opts=kept,
        )
        aws.ecr.LifecyclePolicy(
            f"{child}-lifecycle", repository=repository.name, policy=repository_lifecycle(wanted), opts=kept
        )
        if wanted.shared_with:
            aws.ecr.RepositoryPolicy(
                f"{child}-policy",
                repository=repository.name,
                policy=pulumi.Output.from_input(args.get("partition", "aws")).apply(
                    lambda partition: repository_policy(wanted.shared_with, partition)
                ),
                opts=kept,
            )
        return repository

    def _caches(
        self,
        name: str,
        caches: Mapping[str, PullThrough],
        arns: Mapping[str, pulumi.Output[str]],
        args: ImageRegistryArgs,
    ) -> None:
        role = aws.iam.Role(
            f"{name}-cache-maker",
            assume_role_policy=iam.trust("ecr.amazonaws.com"),
            permissions_boundary=self.permissions_boundary,
            tags=self.tags_for(f"{name}-cache-maker"),
            opts=self.child(),
        )
        policy = aws.iam.RolePolicy(
            f"{name}-cache-maker-policy",
            role=role.id,
            policy=pulumi.Output.all(
                repository_arns=[arns[each] for each in sorted(caches)], key_arn=args["images_key_arn"]
            ).apply(lambda known: cache_maker_policy(**known)),
            opts=self.child(),
        )
        for prefix, cache in caches.items():
            child = f"{name}-{prefix}"
            template = aws.ecr.RepositoryCreationTemplate(
                f"{child}-template",
                prefix=prefix,
                description=f"Cache of {cache.upstream.value}",
                applied_fors=["PULL_THROUGH_CACHE"],
                image_tag_mutability="IMMUTABLE",
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": args["images_key_arn"]}],
                lifecycle_policy=lifecycle([expire_untagged(cache.untagged_days)]),
                custom_role_arn=role.arn,
                resource_tags=self.tags_for(f"{child}-cache"),
                opts=self.child(depends_on=[policy]),
            )
            aws.ecr.PullThroughCacheRule(
                f"{child}-cache",
                ecr_repository_prefix=prefix,
                upstream_registry_url=UPSTREAM_URLS[cache.upstream],
                credential_arn=self._secret_arn(cache.credentials) if cache.credentials else None,
                # What is cached before there is a template would be neither encrypted with our key nor immutable.
                opts=self.child(depends_on=[template]),
            )

    def _secret_arn(self, secret: str) -> pulumi.Output[str]:
        """The ARN of a secret, whose end only AWS knows."""
        found = aws.secretsmanager.get_secret_output(name=secret, opts=pulumi.InvokeOutputOptions(parent=self))
        return pulumi.Output.from_input(found.arn)

    def _settings(self, name: str, wanted: RegistrySettings, namespace: str, args: ImageRegistryArgs) -> None:
        enhanced = wanted.scanning is Scanning.ENHANCED
        aws.ecr.RegistryScanningConfiguration(
            f"{name}-scanning",
            scan_type="ENHANCED" if enhanced else "BASIC",
            rules=[
                {
                    "scan_frequency": "CONTINUOUS_SCAN",
                    "repository_filters": [{"filter": "*", "filter_type": "WILDCARD"}],
                }
            ]
            if enhanced
            else [],
            opts=self.child(),
        )
        if not wanted.replicate_to:
            return
        templates = [
            aws.ecr.RepositoryCreationTemplate(
                f"{name}-{region}-copies",
                region=region,
                prefix=namespace,
                description="Copies of images",
                applied_fors=["REPLICATION"],
                image_tag_mutability="IMMUTABLE",
                lifecycle_policy=lifecycle([expire_untagged(ImageRepository().untagged_days)]),
                opts=self.child(),
            )
            for region in wanted.replicate_to
        ]
        aws.ecr.ReplicationConfiguration(
            f"{name}-replication",
            replication_configuration={
                "rules": [
                    {
                        "destinations": [
                            {"region": region, "registry_id": args["account_id"]} for region in wanted.replicate_to
                        ],
                        "repository_filters": [{"filter": f"{namespace}/", "filter_type": "PREFIX_MATCH"}],
                    }
                ]
            },
            opts=self.child(depends_on=templates),
        )


def registry_url(account_id: str, region: str, partition: str) -> str:
    """Host name of a registry: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html."""
    return f"{account_id}.dkr.ecr.{region}.amazonaws.com{'.cn' if partition == 'aws-cn' else ''}"


def repository_arn(repository: str, account_id: str, region: str, partition: str) -> str:
    """The ARN of a repository, or of all below a name that ends in `/*`."""
    return f"arn:{partition}:ecr:{region}:{account_id}:repository/{repository}"


def repository_lifecycle(repository: ImageRepository) -> str:
    """The life cycle policy of a repository.

    Each pattern of released tags comes first and in a rule of its own: an image that one rule matches cannot be expired
    by a rule behind it, and several patterns in one rule would all have to match.
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
    """The rule by which images without a tag expire. ECR keeps those that an image with a tag is made of."""
    age = {"countType": "sinceImagePushed", "countUnit": "days"}
    return _rule(f"Delete untagged after {days} days", {"tagStatus": "untagged"}, age, days)


def tagged(pattern: str) -> dict[str, Any]:
    """A rule's selection of images with a tag of a pattern."""
    return {"tagStatus": "tagged", "tagPatternList": [pattern]}


def lifecycle(rules: Sequence[Mapping[str, Any]]) -> str:
    """A life cycle policy of rules, the first of the highest priority."""
    numbered = [{"rulePriority": number, **rule} for number, rule in enumerate(rules, start=1)]
    return json.dumps({"rules": numbered}, sort_keys=True)


def repository_policy(accounts: Sequence[str], partition: str) -> str:
    """Who else may pull from a repository: all of each account to whom its own policies allow it."""
    roots = [f"arn:{partition}:iam::{account}:root" for account in accounts]
    return iam.document(iam.allow(PULL, on=[], to={"AWS": roots}, sid="OtherAccountsPull"))


def cache_maker_policy(repository_arns: Sequence[str], key_arn: str) -> str:
    """What ECR may do to make the repositories of the caches, with tags and key.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html
    """
    return iam.document(
        iam.allow(["ecr:CreateRepository", "ecr:TagResource"], on=repository_arns),
        iam.allow(["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"], on=[key_arn]),
    )


def filling_policy(repository_arns: Sequence[str]) -> str:
    """What nodes need beside `AmazonEC2ContainerRegistryPullOnly`, to be the first who pull an image through a cache.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
    """
    return iam.document(iam.allow(["ecr:CreateRepository"], on=repository_arns))


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


def _cached_arn(prefix: str, owner: pulumi.Output[dict[str, str]]) -> pulumi.Output[str]:
    return owner.apply(lambda known: repository_arn(f"{prefix}/*", **known))


def _rule(description: str, selection: Mapping[str, Any], limit: Mapping[str, Any], count: int) -> dict[str, Any]:
    return {
        "description": description,
        "selection": {**selection, **limit, "countNumber": count},
        "action": {"type": "expire"},
    }
