"""Elastic Container Registry: repositories, and the settings of a registry."""

from typing import Final

from pulumi_aws import ecr

from mlsandbox.providers.aws.conventions import conventional, setting
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import AutoName, Create, Delete, Describe, Singleton, Tags, Update

_AES: Final = [{"encryptionType": "AES256"}]
_MUTABILITY: Final = ("imageTagMutability", "imageTagMutabilityExclusionFilters")

REPOSITORY: Final = Declaration(
    resource=ecr.Repository,
    cloudformation="AWS::ECR::Repository",
    **conventional(
        "ecr",
        "repository",
        "repositoryName",
        id=("name",),
        listed=True,
        delete=Delete("delete_repository", properties={"forceDelete": "force"}),
    ),
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
    updates=(
        Update(*_MUTABILITY, by="put_image_tag_mutability"),
        Update("imageScanningConfiguration", by="put_image_scanning_configuration"),
    ),
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
    # Terraform's provider has no update for it: aws_ecr_lifecycle_policy.
    replaces=frozenset({"policy", "repository"}),
    # https://github.com/pulumi/pulumi-aws/pull/2085
    delete_first=True,
)

REPOSITORY_POLICY: Final = setting(
    ecr.RepositoryPolicy,
    "ecr",
    "policy",
    put="set_repository_policy",
    get="get_repository_policy",
    back=Delete("delete_repository_policy"),
    of={"repository": "repositoryName"},
    names={"policy": "policyText", "repository": "repositoryName"},
)

REGISTRY_SCANNING: Final = setting(
    ecr.RegistryScanningConfiguration,
    "ecr",
    "rules",
    "scanType",
    put="put_registry_scanning_configuration",
    get="get_registry_scanning_configuration",
    result="merge(scanningConfiguration, {registryId: registryId})",
    back=Delete("put_registry_scanning_configuration", fixed={"scanType": "BASIC", "rules": []}),
    empty={"rules": []},
    cloudformation="AWS::ECR::RegistryScanningConfiguration",
    singleton=Singleton(
        "image scanning configuration", lambda live: live["scanType"] == "BASIC" and not live.get("rules")
    ),
)

REPLICATION: Final = setting(
    ecr.ReplicationConfiguration,
    "ecr",
    "replicationConfiguration",
    put="put_replication_configuration",
    get="describe_registry",
    result="replicationConfiguration.rules && @",
    back=Delete("put_replication_configuration", fixed={"replicationConfiguration": {"rules": []}}),
    empty={"replicationConfiguration": {"rules": []}},
    cloudformation="AWS::ECR::ReplicationConfiguration",
    singleton=Singleton("replication configuration"),
)

PULL_THROUGH_CACHE_RULE: Final = Declaration(
    resource=ecr.PullThroughCacheRule,
    cloudformation="AWS::ECR::PullThroughCacheRule",
    **conventional("ecr", "pullThroughCacheRule", "ecrRepositoryPrefix", id=("ecrRepositoryPrefix",), listed=True),
    updates=(Update("credentialArn", "customRoleArn", by="update_pull_through_cache_rule"),),
    replaces=frozenset({"ecrRepositoryPrefix", "upstreamRegistryUrl", "upstreamRepositoryPrefix"}),
    unlike_cloudformation={
        "credentialArn": "CloudFormation replaces; Terraform's provider updates",
        "customRoleArn": "CloudFormation replaces; Terraform's provider updates",
    },
)


_TEXTS: Final = ("customRoleArn", "description", "lifecyclePolicy", "repositoryPolicy")

CREATION_TEMPLATE: Final = Declaration(
    resource=ecr.RepositoryCreationTemplate,
    cloudformation="AWS::ECR::RepositoryCreationTemplate",
    **conventional(
        "ecr",
        "repositoryCreationTemplate",
        "prefix",
        id=("prefix",),
        listed=True,
        result="repositoryCreationTemplates[0] && merge(repositoryCreationTemplates[0], {registryId: registryId})",
    ),
    names={"appliedFors": "appliedFor", "encryptionConfigurations": "encryptionConfiguration"},
    defaults={"encryptionConfigurations": _AES, "imageTagMutability": "MUTABLE"},
    updates=(
        Update(
            "appliedFors",
            "encryptionConfigurations",
            *_MUTABILITY,
            "resourceTags",
            *_TEXTS,
            by="update_repository_creation_template",
            changed_only=True,
            together=_MUTABILITY,
            empty={**dict.fromkeys(_TEXTS, ""), "resourceTags": []},
        ),
    ),
    replaces=frozenset({"prefix"}),
    chosen=frozenset({"encryptionConfigurations.kmsKey"}),
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
