"""Where container images are kept: the stack's repositories, and caches of public registries."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlplatform import iam
from mlplatform.component import Component
from mlplatform.images import UPSTREAM_URLS, ImageRepository, Images, PullThrough, RegistrySettings, Scanning
from mlplatform.lookups import look_up
from mlplatform.spec import spec

NEVER_DAYS: Final = 36500
"""An age that no image reaches."""

PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html"""


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
        self.repository_urls = _by_name({each: made.repository_url for each, made in repositories.items()})
        self.repository_arns = _by_name({each: made.arn for each, made in repositories.items()})
        self.cached_repository_arns = _by_name(cached)
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
                credential_arn=self._secret_arn(prefix, cache.credentials) if cache.credentials else None,
                # What is cached before there is a template would be neither encrypted with our key nor immutable.
                opts=self.child(depends_on=[template]),
            )

    def _secret_arn(self, cache: str, secret: str) -> str:
        """The ARN of a secret, whose end only AWS knows."""
        options = pulumi.InvokeOptions(parent=self)
        found = look_up(
            lambda: aws.secretsmanager.get_secret(name=secret, opts=options),
            f"the secret {secret} of pullThrough.{cache}.credentials",
            f"Make it beforehand: `aws secretsmanager create-secret --name {secret}`, with username and accessToken.",
        )
        return str(found.arn)

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


def _by_name(told: Mapping[str, Any]) -> pulumi.Output[dict[str, str]]:
    """Outputs by name; of none, an empty mapping, where `Output.all` would make a list."""
    return pulumi.Output.from_input(dict(told))


def _cached_arn(prefix: str, owner: pulumi.Output[dict[str, str]]) -> pulumi.Output[str]:
    return owner.apply(lambda known: repository_arn(f"{prefix}/*", **known))


def _rule(description: str, selection: Mapping[str, Any], limit: Mapping[str, Any], count: int) -> dict[str, Any]:
    return {
        "description": description,
        "selection": {**selection, **limit, "countNumber": count},
        "action": {"type": "expire"},
    }
