"""Container images: the stack's repositories, and caches of public registries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NotRequired

import pulumi
import pulumi_aws as aws

from mlplatform import grammar, iam, roles
from mlplatform.args import AccountArgs, BoundaryArgs, PartitionArgs, ProtectArgs, RegionArgs
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, what_is
from mlplatform.component import Component
from mlplatform.lookups import look_up
from mlplatform.refusals import shown
from mlplatform.registries.image_registry import places as image_places
from mlplatform.registries.image_registry.spec import (
    UPSTREAM_URLS,
    ImageRegistrySpec,
    ImageRepository,
    PullThrough,
    RegistrySettings,
    Scanning,
    cache_maker_policy,
    expire_untagged,
    lifecycle,
    registry_url,
    repository_arn,
    repository_lifecycle,
    repository_policy,
)
from mlplatform.validators import refused


class ImageRegistryArgs(AccountArgs, RegionArgs, PartitionArgs, BoundaryArgs, ProtectArgs):
    """Arguments of `ImageRegistry`."""

    images: ImageRegistrySpec
    """The images."""

    images_key_arn: pulumi.Input[str]
    """ARN of the KMS key for images."""

    credential_arns: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARNs of the secrets in the caches' `credentials`, by the caches' names, if the program creates the secrets.
    Default: they are looked up."""

    namespace: NotRequired[str]
    """Prefix of the repositories' names. Default: `<project>/<stack>`."""

    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Tags for every child resource that supports tags, and for the repositories that a cache creates."""


class ImageRegistry(Component):
    """Encrypted image repositories with immutable release tags that never expire, and caches of public registries."""

    registry_url: pulumi.Output[str]
    """Host name of the account's registry in this region."""

    repository_urls: pulumi.Output[dict[str, str]]
    """URLs to push images to and pull them from, by the repositories' names."""

    repository_arns: pulumi.Output[dict[str, str]]
    """ARNs of the repositories, by name."""

    cached_repository_arns: pulumi.Output[dict[str, str]]
    """ARNs of the repositories that each cache creates, by the cache's name. Each ends in `/*`."""

    def __init__(self, name: str, args: ImageRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ImageRegistryArgs, self, name, args)
        wanted = args["images"]
        namespace = _namespace(what_is(self, name), args.get("namespace"), wanted.repositories)
        if problems := [*image_places.problems(wanted, namespace, args)]:
            raise ArgumentsError(what_is(self, name), problems)
        super().__init__(name, args, opts)
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
            self._settings(name, wanted, wanted.account, namespace, args)

        self.registry_url = owner.apply(lambda known: registry_url(**known))
        self.repository_urls = _by_name({each: made.repository_url for each, made in repositories.items()})
        self.repository_arns = _by_name({each: made.arn for each, made in repositories.items()})
        self.cached_repository_arns = _by_name(cached)
        self._done()

    def _repository(
        self, child: str, physical: str, wanted: ImageRepository, args: ImageRegistryArgs
    ) -> "aws.ecr.Repository":
        # If the repository is retained, so are the settings that protect its images.
        kept = self.child(retain_on_delete=wanted.retain)
        repository = aws.ecr.Repository(
            child,
            # A fixed name, because clients push and pull by it.
            name=physical,
            **_mutability(wanted.mutable_tags),
            image_scanning_configuration={"scan_on_push": wanted.scan_on_push},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args["images_key_arn"]}],
            force_delete=not wanted.retain,
            tags=self.tags_for(child),
            opts=self.guarded(retain_on_delete=wanted.retain),
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
        policy = pulumi.Output.all(
            repository_arns=[arns[each] for each in sorted(caches)], key_arn=args["images_key_arn"]
        ).apply(lambda known: cache_maker_policy(**known))
        role, policies = roles.role(
            self,
            f"{name}-cache-maker",
            iam.trust("ecr.amazonaws.com"),
            inline={f"{name}-cache-maker-policy": policy},
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
                opts=self.child(depends_on=policies),
            )
            aws.ecr.PullThroughCacheRule(
                f"{child}-cache",
                ecr_repository_prefix=prefix,
                upstream_registry_url=UPSTREAM_URLS[cache.upstream],
                credential_arn=self._credentials(prefix, cache, args.get("credential_arns", {})),
                # Images cached before the template exists would be neither encrypted with this key nor immutable.
                # A prefix has one rule, so the old rule must be deleted before a new one is created.
                opts=self.child(depends_on=[template], delete_before_replace=True),
            )

    def _credentials(
        self, cache: str, wanted: PullThrough, given: Mapping[str, pulumi.Input[str]]
    ) -> pulumi.Input[str] | None:
        """The ARN of a cache's secret. It is looked up, because AWS adds random characters to it."""
        secret, options = wanted.credentials, self.asking()
        if secret is None or cache in given:
            return given.get(cache)
        found = look_up(
            lambda: aws.secretsmanager.get_secret(name=secret, opts=options),
            f"the secret {secret} of pullThrough.{cache}.credentials",
            f"Create it first: `aws secretsmanager create-secret --name {secret}`, with username and accessToken.",
        )
        return str(found.arn)

    def _settings(
        self, name: str, images: ImageRegistrySpec, wanted: RegistrySettings, namespace: str, args: ImageRegistryArgs
    ) -> None:
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
                # Otherwise the copy of a moved tag would have no tag, and would expire.
                **_mutability(images.mutable_tags),
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


def _mutability(mutable_tags: Sequence[str]) -> dict[str, Any]:
    if not mutable_tags:
        return {"image_tag_mutability": "IMMUTABLE"}
    return {
        "image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION",
        "image_tag_mutability_exclusion_filters": [{"filter": tag, "filter_type": "WILDCARD"} for tag in mutable_tags],
    }


def _namespace(what: str, given: str | None, repositories: Iterable[str]) -> str:
    """The prefix of the repositories' names.

    Raises:
        ArgumentsError: a name would not be valid in ECR.
    """
    namespace = given or f"{pulumi.get_project()}/{pulumi.get_stack()}"
    state = f"is {shown(given)}" if given else "is missing; required for this project and stack"
    made = (f"{namespace}/{name}" for name in repositories)
    if problems := [
        Problem("namespace", f"{state}: the repository would be {repository}; {error}")
        for repository, error in refused(made, grammar.repository)
    ]:
        raise ArgumentsError(what, problems)
    return namespace


def _by_name(outputs: Mapping[str, Any]) -> pulumi.Output[dict[str, str]]:
    """Outputs by name. If there are none, an empty mapping: `Output.all` would return a list."""
    return pulumi.Output.from_input(dict(outputs))


def _cached_arn(prefix: str, owner: pulumi.Output[dict[str, str]]) -> pulumi.Output[str]:
    return owner.apply(lambda known: repository_arn(f"{prefix}/*", **known))
