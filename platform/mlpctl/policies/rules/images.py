"""Rules for image registries."""

import fnmatch
from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import any_of, is_on, key_fault, parts
from mlpctl.policies.estate import Resource, token
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, ONLY_PROD, Field, Severity, rule
from mlpctl.review.iam.broad import lets_in_everybody
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.iam.everybody import is_for_everybody

_SCANS: Final = ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")
_TEMPLATE: Final = token(aws.ecr.RepositoryCreationTemplate)


@rule(
    "ML-ECR-01",
    aws.ecr.Repository,
    reason="Known vulnerabilities of an image would only be found by those who use them.",
    remedy="Set scanOnPush in imageScanningConfiguration, or add a RegistryScanningConfiguration that includes it.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=["fsbp:ECR.1", "cis-eks:5.1.1", "nist:RA-5", "checkov:CKV_AWS_163"],
    fields=[Field("ImageRegistry", "repositories.*.scanOnPush"), Field("ImageRegistry", "account.scanning")],
)
def images_are_scanned(repository: Resource) -> Iterator[str]:
    """Images are scanned for vulnerabilities when they are pushed."""
    if is_on(repository.get("imageScanningConfiguration.scanOnPush")):
        return
    registries = repository.estate.of(aws.ecr.RegistryScanningConfiguration)
    if not any_of(registries, lambda each: _scans(each, repository)):
        yield "is not scanned: scanOnPush is off, and no rule of the registry includes it"


def _scans(registry: Resource, repository: Resource) -> bool:
    """Whether a rule of the registry includes a repository.

    A filter without a wildcard matches every name that contains it:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    if registry.get("region") != repository.get("region"):
        return False
    patterns = [
        str(each.get("filter"))
        for rule in parts(registry, "rules")
        if rule.get("scanFrequency") in _SCANS
        for each in parts(rule, "repositoryFilters")
    ]
    if not patterns:
        return False
    # Every name matches this one, so that the name may be unknown.
    if "*" in patterns:
        return True
    name = str(repository.get("name", ""))
    return any(fnmatch.fnmatchcase(name, each if "*" in each else f"*{each}*") for each in patterns)


@rule(
    "ML-ECR-02",
    aws.ecr.Repository,
    aws.ecr.RepositoryCreationTemplate,
    reason="A tag that can be moved makes the same deployment run another image tomorrow.",
    remedy="Set imageTagMutability to IMMUTABLE, or to IMMUTABLE_WITH_EXCLUSION for tags that nobody deploys.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=["fsbp:ECR.2", "nist:CM-2", "nist:CM-8(1)", "checkov:CKV_AWS_51"],
    fields=[Field("ImageRegistry", "repositories.*.mutableTags", says="excludes all tags")],
)
def tags_are_immutable(repository: Resource) -> Iterator[str]:
    """The tags of images cannot be moved."""
    setting = repository.get("imageTagMutability", "MUTABLE")
    if setting == "IMMUTABLE_WITH_EXCLUSION":
        filters = [str(each.get("filter")) for each in parts(repository, "imageTagMutabilityExclusionFilters")]
        if any(not each.strip("*") for each in filters):
            yield "lets tags be moved: imageTagMutabilityExclusionFilters excludes all tags"
    elif setting != "IMMUTABLE":
        yield f"lets tags be moved: imageTagMutability is {setting}"


@rule(
    "ML-ECR-03",
    aws.ecr.Repository,
    aws.ecr.RepositoryCreationTemplate,
    reason="Images of many gigabytes would be kept and paid for without end.",
    remedy="Add a LifecyclePolicy, or use ImageRegistry.",
    severity=Severity.LOW,
    levels=ALWAYS,
    serves=["fsbp:ECR.3", "nist:CM-2"],
)
def images_expire(repository: Resource) -> Iterator[str]:
    """A repository has a lifecycle policy."""
    if repository.type == _TEMPLATE:
        if not repository.has("lifecyclePolicy"):
            yield "makes repositories without a lifecycle policy: lifecyclePolicy is not set"
    elif not repository.referring(aws.ecr.LifecyclePolicy, "repository"):
        yield "has no lifecycle policy"


@rule(
    "ML-ECR-04",
    aws.ecr.Repository,
    reason="Access to images with weights or code inside can then be revoked and is recorded, key by key.",
    remedy="Set encryptionType to KMS with a kmsKey in encryptionConfigurations; this replaces the repository.",
    severity=Severity.MEDIUM,
    levels=ONLY_PROD,
    serves=["nist:SC-13", "nist:SC-28(1)", "checkov:CKV_AWS_136"],
)
def images_are_encrypted(repository: Resource) -> Iterator[str]:
    """A repository is encrypted with a key of the account."""
    settings = [*parts(repository, "encryptionConfigurations")]
    if not settings:
        yield "has no key of the account: it has no encryptionConfigurations"
    for each in settings:
        kind = each.get("encryptionType", "AES256")
        if not str(kind).startswith("KMS"):
            yield f"has no key of the account: encryptionType is {kind}"
        elif fault := key_fault(each, "kmsKey"):
            yield f"is encrypted with AWS's key instead of one of the account: {fault}"


@rule(
    "ML-ECR-05",
    aws.ecr.RepositoryPolicy,
    aws.ecr.RegistryPolicy,
    aws.ecr.RepositoryCreationTemplate,
    aws.ecrpublic.Repository,
    reason="Everybody could pull the images, and with them code and weights, or push others.",
    remedy="Name the accounts in the policy's Principal, or the organization in a condition aws:PrincipalOrgID.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=["cis-eks:5.1.2", "checkov:CKV_AWS_32"],
)
def repositories_are_not_public(resource: Resource) -> Iterator[str]:
    """No policy lets everybody use a repository."""
    if resource.type == token(aws.ecrpublic.Repository):
        yield "lets everybody pull its images: it is in the public registry"
        return
    path = "repositoryPolicy" if resource.type == _TEMPLATE else "policy"
    policy = resource.document(path)
    for statement in statements(policy) if lets_in_everybody(policy) else ():
        if is_for_everybody(statement):
            yield f"lets everybody use images: Principal of {statement.get('Sid') or 'a statement'} is *"
