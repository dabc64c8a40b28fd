"""Elastic Container Registry: repositories, and what a registry has once."""

from typing import Any, Final

from pulumi_aws import ecr

from mlsandbox.providers.aws.api import Api
from mlsandbox.providers.aws.declaration import (
    AutoName,
    Create,
    Declaration,
    Delete,
    Describe,
    Singleton,
    Tags,
    Update,
    uses,
)
from mlsandbox.providers.aws.meaning import Meaning
from mlsandbox.providers.protocol import Properties

_AES: Final = [{"encryptionType": "AES256"}]
_MUTABILITY: Final = ("imageTagMutability", "imageTagMutabilityExclusionFilters")

REPOSITORY: Final = Declaration(
    resource=ecr.Repository,
    cloudformation="AWS::ECR::Repository",
    service="ecr",
    key="repositoryName",
    names={
        "arn": "repositoryArn",
        "encryptionConfigurations": "encryptionConfiguration",
        "name": "repositoryName",
        "repositoryUrl": "repositoryUri",
    },
    defaults={
        "encryptionConfigurations": _AES,
        "imageScanningConfiguration": {"scanOnPush": False},
        "imageTagMutability": "MUTABLE",
    },
    create=Create("create_repository", id=("name",)),
    read=Describe("describe_repositories", "repositories[0]", key="repositoryNames"),
    updates=(
        Update(*_MUTABILITY, by="put_image_tag_mutability"),
        Update("imageScanningConfiguration", by="put_image_scanning_configuration"),
    ),
    delete=Delete("delete_repository", properties={"forceDelete": "force"}),
    tags=Tags("tag_resource", "untag_resource", key="resourceArn", by="arn", listed="list_tags_for_resource"),
    name=AutoName("name", 256, shape=str.lower),
    replaces=frozenset({"encryptionConfigurations", "name"}),
    local=frozenset({"forceDelete"}),
    chosen=frozenset({"encryptionConfigurations.kmsKey"}),
)

LIFECYCLE_POLICY: Final = Declaration(
    resource=ecr.LifecyclePolicy,
    service="ecr",
    key="repositoryName",
    names={"policy": "lifecyclePolicyText", "repository": "repositoryName"},
    create=Create("put_lifecycle_policy", id=("repository",)),
    read=Describe("get_lifecycle_policy", "@"),
    delete=Delete("delete_lifecycle_policy"),
    # Terraform's provider knows no update: aws_ecr_lifecycle_policy.
    replaces=frozenset({"policy", "repository"}),
    # https://github.com/pulumi/pulumi-aws/pull/2085
    delete_first=True,
)

REPOSITORY_POLICY: Final = Declaration(
    resource=ecr.RepositoryPolicy,
    service="ecr",
    key="repositoryName",
    names={"policy": "policyText", "repository": "repositoryName"},
    create=Create("set_repository_policy", id=("repository",)),
    read=Describe("get_repository_policy", "@"),
    updates=(Update("policy", by="set_repository_policy"),),
    delete=Delete("delete_repository_policy"),
    replaces=frozenset({"repository"}),
)


@uses("get_registry_scanning_configuration")
def _scanning(api: Api, id: str) -> Properties:
    found = api.call("get_registry_scanning_configuration")
    return {"registryId": found["registryId"], **REGISTRY_SCANNING.found(found["scanningConfiguration"])}


@uses("put_registry_scanning_configuration")
def _start_scanning(api: Api, inputs: Properties) -> str:
    _scan(api, api.account, {}, inputs)
    return api.account


@uses("put_registry_scanning_configuration")
def _scan(api: Api, id: str, olds: Properties, news: Properties) -> None:
    wanted = REGISTRY_SCANNING.request("put_registry_scanning_configuration", news).parameters
    # Rules that are left out stay.
    api.call("put_registry_scanning_configuration", **{"rules": [], **wanted})


@uses("put_registry_scanning_configuration")
def _scan_by_default(api: Api, id: str, outputs: Properties) -> None:
    api.call("put_registry_scanning_configuration", scanType="BASIC", rules=[])


REGISTRY_SCANNING: Final = Declaration(
    resource=ecr.RegistryScanningConfiguration,
    cloudformation="AWS::ECR::RegistryScanningConfiguration",
    service="ecr",
    key=(),
    singleton=Singleton(
        "configuration of image scanning", lambda live: live["scanType"] == "BASIC" and not live.get("rules")
    ),
    create=_start_scanning,
    read=_scanning,
    updates=(Update("rules", "scanType", by=_scan, checked_as="put_registry_scanning_configuration"),),
    delete=_scan_by_default,
    meaning=Meaning(sets=frozenset({"rules", "rules.repositoryFilters"})),
)


@uses("describe_registry")
def _replication(api: Api, id: str) -> Properties | None:
    found = api.call("describe_registry")
    if not found["replicationConfiguration"]["rules"]:
        return None
    return {"registryId": found["registryId"], **REPLICATION.found(found)}


@uses("put_replication_configuration")
def _start_replicating(api: Api, inputs: Properties) -> str:
    _replicate(api, api.account, {}, inputs)
    return api.account


@uses("put_replication_configuration")
def _replicate(api: Api, id: str, olds: Properties, news: Properties) -> None:
    wanted = REPLICATION.request("put_replication_configuration", news).parameters
    api.call("put_replication_configuration", **{"replicationConfiguration": {"rules": []}, **wanted})


@uses("put_replication_configuration")
def _replicate_nothing(api: Api, id: str, outputs: Properties) -> None:
    api.call("put_replication_configuration", replicationConfiguration={"rules": []})


REPLICATION: Final = Declaration(
    resource=ecr.ReplicationConfiguration,
    cloudformation="AWS::ECR::ReplicationConfiguration",
    service="ecr",
    key=(),
    singleton=Singleton("configuration of replication"),
    create=_start_replicating,
    read=_replication,
    updates=(Update("replicationConfiguration", by=_replicate, checked_as="put_replication_configuration"),),
    delete=_replicate_nothing,
)

PULL_THROUGH_CACHE_RULE: Final = Declaration(
    resource=ecr.PullThroughCacheRule,
    cloudformation="AWS::ECR::PullThroughCacheRule",
    service="ecr",
    key="ecrRepositoryPrefix",
    create=Create("create_pull_through_cache_rule", id=("ecrRepositoryPrefix",)),
    read=Describe("describe_pull_through_cache_rules", "pullThroughCacheRules[0]", key="ecrRepositoryPrefixes"),
    updates=(Update("credentialArn", "customRoleArn", by="update_pull_through_cache_rule"),),
    delete=Delete("delete_pull_through_cache_rule"),
    replaces=frozenset({"ecrRepositoryPrefix", "upstreamRegistryUrl", "upstreamRepositoryPrefix"}),
    unlike_cloudformation={
        "credentialArn": "CloudFormation replaces; Terraform's provider updates",
        "customRoleArn": "CloudFormation replaces; Terraform's provider updates",
    },
)


@uses("describe_repository_creation_templates")
def _template(api: Api, id: str) -> Properties | None:
    answer = api.call("describe_repository_creation_templates", prefixes=[id])
    if not answer["repositoryCreationTemplates"]:
        return None
    (found,) = answer["repositoryCreationTemplates"]
    return {"registryId": answer["registryId"], **CREATION_TEMPLATE.found(found)}


_TEXTS: Final = ("customRoleArn", "description", "lifecyclePolicy", "repositoryPolicy")


@uses("update_repository_creation_template")
def _change_template(api: Api, id: str, olds: Properties, news: Properties) -> None:
    changed = {name for name in CREATION_TEMPLATE.updates[0].properties if olds.get(name) != news.get(name)}
    if changed & {*_MUTABILITY}:
        changed |= {*_MUTABILITY}
    wanted = CREATION_TEMPLATE.request("update_repository_creation_template", news, only=changed).parameters
    # To leave these out means to leave them as they are.
    gone: dict[str, Any] = {name: "" for name in _TEXTS if name in changed and not news.get(name)}
    if "resourceTags" in changed and not news.get("resourceTags"):
        gone["resourceTags"] = []
    api.call("update_repository_creation_template", **{**wanted, **gone, "prefix": id})


CREATION_TEMPLATE: Final = Declaration(
    resource=ecr.RepositoryCreationTemplate,
    cloudformation="AWS::ECR::RepositoryCreationTemplate",
    service="ecr",
    key="prefix",
    names={"appliedFors": "appliedFor", "encryptionConfigurations": "encryptionConfiguration"},
    defaults={"encryptionConfigurations": _AES, "imageTagMutability": "MUTABLE"},
    create=Create("create_repository_creation_template", id=("prefix",)),
    read=_template,
    updates=(
        Update(
            "appliedFors",
            "encryptionConfigurations",
            *_MUTABILITY,
            "resourceTags",
            *_TEXTS,
            by=_change_template,
            checked_as="update_repository_creation_template",
        ),
    ),
    delete=Delete("delete_repository_creation_template"),
    replaces=frozenset({"prefix"}),
    chosen=frozenset({"encryptionConfigurations.kmsKey"}),
    meaning=Meaning(documents=frozenset({"lifecyclePolicy", "repositoryPolicy"})),
)

DECLARATIONS: Final = (
    REPOSITORY,
    LIFECYCLE_POLICY,
    REPOSITORY_POLICY,
    REGISTRY_SCANNING,
    REPLICATION,
    PULL_THROUGH_CACHE_RULE,
    CREATION_TEMPLATE,
)
