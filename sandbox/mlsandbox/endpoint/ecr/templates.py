"""Templates of the repositories that ECR makes itself, for a pull-through cache or a replica."""

from typing import Final

from moto.core.utils import utcnow
from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

from mlsandbox.endpoint.ecr.backend import Call, Operation, Shape
from mlsandbox.endpoint.ecr.errors import TemplateExists, TemplateNotFound
from mlsandbox.endpoint.validation import page

_FILTERS: Final = "imageTagMutabilityExclusionFilters"

_MEMBERS: Final = (
    "appliedFor",
    "customRoleArn",
    "description",
    "encryptionConfiguration",
    "imageTagMutability",
    _FILTERS,
    "lifecyclePolicy",
    "repositoryPolicy",
    "resourceTags",
)


def create_repository_creation_template(call: Call, request: Shape) -> Shape:
    """Say how repositories below a prefix are made."""
    prefix = request["prefix"]
    if prefix in call.kept.templates:
        raise TemplateExists(
            f"A repository creation template with the prefix '{prefix}' already exists in the registry with id "
            f"'{call.registry}'"
        )
    template: Shape = {
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "imageTagMutability": "MUTABLE",
        "resourceTags": [],
        **{member: request[member] for member in _MEMBERS if member in request},
    }
    _check(template)
    call.kept.templates[prefix] = {"prefix": prefix, **template, "createdAt": utcnow(), "updatedAt": utcnow()}
    return _answer(call, prefix)


def describe_repository_creation_templates(call: Call, request: Shape) -> Shape:
    """The registry's templates, all or those of some prefixes. A prefix without one is left out."""
    wanted = request.get("prefixes") or [*call.kept.templates]
    found = [call.kept.templates[prefix] for prefix in wanted if prefix in call.kept.templates]
    templates, token = page(found, request)
    return {"registryId": call.registry, "repositoryCreationTemplates": templates, "nextToken": token}


def update_repository_creation_template(call: Call, request: Shape) -> Shape:
    """Change a template; repositories that it made stay as they are."""
    template = dict(_find(call, request["prefix"]))
    if "imageTagMutability" in request:
        # A mutability comes with its filters.
        template.pop(_FILTERS, None)
    template |= {member: request[member] for member in _MEMBERS if member in request}
    # An empty text is how AWS takes a policy or a role away.
    template = {member: value for member, value in template.items() if value != ""}
    _check(template)
    call.kept.templates[request["prefix"]] = {**template, "updatedAt": utcnow()}
    return _answer(call, request["prefix"])


def delete_repository_creation_template(call: Call, request: Shape) -> Shape:
    """Forget a template."""
    answer = {"registryId": call.registry, "repositoryCreationTemplate": _find(call, request["prefix"])}
    del call.kept.templates[request["prefix"]]
    return answer


OPERATIONS: Final[dict[str, Operation]] = {
    "CreateRepositoryCreationTemplate": create_repository_creation_template,
    "DescribeRepositoryCreationTemplates": describe_repository_creation_templates,
    "UpdateRepositoryCreationTemplate": update_repository_creation_template,
    "DeleteRepositoryCreationTemplate": delete_repository_creation_template,
}


def _answer(call: Call, prefix: str) -> Shape:
    return {"registryId": call.registry, "repositoryCreationTemplate": call.kept.templates[prefix]}


def _find(call: Call, prefix: str) -> Shape:
    if prefix not in call.kept.templates:
        raise TemplateNotFound(
            f"The repository creation template with the prefix '{prefix}' does not exist in the registry with id "
            f"'{call.registry}'"
        )
    return call.kept.templates[prefix]


def _check(template: Shape) -> None:
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
