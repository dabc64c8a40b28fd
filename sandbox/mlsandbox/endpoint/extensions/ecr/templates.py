"""Repository creation templates, for repositories that ECR creates for pull through caches and replication."""

from typing import Final

from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

from mlsandbox.endpoint.store import Call, Record, Stored

_FILTERS: Final = "imageTagMutabilityExclusionFilters"


def _check(call: Call, template: Record) -> None:
    """Reject templates that AWS rejects.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-create.html
    """
    sealed = template["encryptionConfiguration"]["encryptionType"] != "AES256"
    if (sealed or template["resourceTags"]) and not template.get("customRoleArn"):
        raise InvalidParameterException(
            "Invalid parameter at 'customRoleArn' failed to satisfy constraint: 'must not be null when KMS encryption "
            "or resource tags are specified'"
        )
    excluding = template["imageTagMutability"].endswith("_WITH_EXCLUSION")
    if excluding != bool(template.get(_FILTERS)):
        raise InvalidParameterException(
            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'required for "
            "a mutability with exclusion, and allowed only for it'"
        )
    if template.get("lifecyclePolicy"):
        EcrLifecyclePolicyValidator(template["lifecyclePolicy"]).validate()


TEMPLATE: Final = Stored(
    service="ecr",
    noun="RepositoryCreationTemplate",
    key="prefix",
    called="A repository creation template with the prefix",
    within="in the registry with id",
    exists="TemplateAlreadyExistsException",
    missing="TemplateNotFoundException",
    defaults={
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "imageTagMutability": "MUTABLE",
        "resourceTags": [],
    },
    # An update of the mutability also replaces its filters.
    together={"imageTagMutability": (_FILTERS,)},
    lenient=True,
    check=_check,
)
