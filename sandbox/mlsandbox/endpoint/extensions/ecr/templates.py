"""Templates of the repositories that ECR makes itself, for a pull-through cache or a replica."""

from typing import Final

from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

from mlsandbox.endpoint.store import Call, Record, Stored

_FILTERS: Final = "imageTagMutabilityExclusionFilters"


def _check(call: Call, template: Record) -> None:
    """Refuse what AWS does.

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
            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must be given "
            "for a mutability with exclusion, and for no other'"
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
    # A mutability comes with its filters.
    together={"imageTagMutability": (_FILTERS,)},
    lenient=True,
    check=_check,
)
