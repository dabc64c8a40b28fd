"""Rules for who may assume a role, and what certain roles may do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi_aws as aws

from mlpctl.policies import iam
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Severity, rule
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.values.plain import items


@dataclass(frozen=True)
class _Pipelines:
    """A provider of OIDC tokens for pipelines, and what the claims of a token say."""

    name: str
    host: re.Pattern[str]
    repository: Mapping[str, re.Pattern[str]]
    """By claim: the start of a pattern that matches one repository only."""

    ref: Mapping[str, re.Pattern[str]]
    """By claim: the start of a pattern that matches certain branches, tags or environments only."""


_NAME: Final = r"[^*?/:]+"
_SOMETHING: Final = r"(?=[^*?])"

_PIPELINES: Final = (
    # https://docs.github.com/en/actions/reference/security/oidc
    _Pipelines(
        "GitHub Actions",
        re.compile(r"(?:.*/)?token\.actions\.(?:githubusercontent\.com|[\w-]+\.ghe\.com)(?:/.*)?"),
        {
            "sub": re.compile(rf"(?:[^*?]*:)?repo(?:sitory)?:{_NAME}/{_NAME}(?::|$)"),
            "repository": re.compile(rf"{_NAME}/{_NAME}$"),
            "repository_id": re.compile(r"\d+$"),
        },
        {
            "sub": re.compile(
                rf"[^*?]*:(?:ref:refs/(?:heads|tags)/|environment:|job_workflow_ref:){_SOMETHING}|[^*?]*:pull_request$"
            ),
            "ref": re.compile(rf"refs/(?:heads|tags)/{_SOMETHING}"),
            "environment": re.compile(_SOMETHING),
            "job_workflow_ref": re.compile(rf"{_NAME}/{_NAME}/{_SOMETHING}"),
        },
    ),
    # Of an own host too, by its name: https://docs.gitlab.com/ci/cloud_services/aws/
    _Pipelines(
        "GitLab CI",
        re.compile(r"(?:.*/)?[\w.-]*gitlab[\w.-]*(?::\d+)?(?:/.*)?", re.IGNORECASE),
        {"sub": re.compile(rf"project_path:{_NAME}(?:/{_NAME})+(?::|$)")},
        {"sub": re.compile(rf"[^*?]*:ref_type:[^:]+:ref:{_SOMETHING}")},
    ),
)

_EQUAL: Final = frozenset({"stringequals", "stringequalsignorecase"})
_LIKE: Final = frozenset({"stringlike"})
_ALWAYS_THERE: Final = frozenset({"sub", "repository", "repository_id", "ref", "job_workflow_ref"})
"""Claims that every token of a provider has."""

_SETS: Final = re.compile("^for(?:any|all)values?:")


@rule(
    "ML-IAM-04",
    aws.iam.Role,
    reason="Pipelines of other repositories, or of any branch, could assume the role.",
    remedy="Compare the claim sub with a repository and its branch, tag or environment, by StringEquals or StringLike.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=["checkov:CKV_AWS_358"],
)
def pipelines_are_of_one_repository(role: Resource) -> Iterator[str]:
    """A role for GitHub or GitLab pipelines names repositories, and branches, tags, environments or pull requests."""
    for statement in statements(role.document("assumeRolePolicy")):
        for provider in _providers(statement):
            claims = [*_claims(statement, provider)]
            if not any(_all_match(values, provider.repository.get(claim)) for claim, values in claims):
                yield f"can be assumed by {provider.name} of any repository{_shown(claims)}"
            elif not any(_all_match(values, provider.ref.get(claim)) for claim, values in claims):
                yield f"can be assumed by {provider.name} of any branch{_shown(claims)}"


@rule(
    "ML-IAM-05",
    aws.iam.Role,
    reason="Code in a notebook or a training job could use all data and models of the account.",
    remedy="Attach a policy with the actions, buckets and keys that the jobs need.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["checkov:CKV2_AWS_68"],
)
def sagemaker_role_is_narrow(role: Resource) -> Iterator[str]:
    """An execution role of SageMaker has no policy with full access to a service."""
    try:
        executes = _is_trusted(role, "sagemaker.amazonaws.com")
    except NotEvaluated:
        # The trust policy is irrelevant to a role without such a policy.
        if not any(True for _ in _full_access(role)):
            return
        raise
    if executes:
        yield from _full_access(role)


def _full_access(role: Resource) -> Iterator[str]:
    """What gives a role full access."""
    attachments = [role] if role.has("managedPolicyArns") else []
    for kind, by in ((aws.iam.RolePolicyAttachment, "role"), (aws.iam.PolicyAttachment, "roles")):
        attachments += role.referring(kind, by)
    attachments += role.referring(aws.iam.RolePolicyAttachmentsExclusive, "roleName")
    for attachment in attachments:
        for name in iam.managed(attachment):
            if name.endswith("FullAccess") or name in ("AdministratorAccess", "PowerUserAccess"):
                yield f"is an execution role of SageMaker with {name}"
    identities = [role, *role.referring(aws.iam.RolePolicy, "role")]
    for attachment in attachments:
        found = attachment.referred(iam.attaches_by(attachment))
        identities += [each for each in found if each.type == token(aws.iam.Policy)]
    for identity in identities:
        for statement in (each for document in iam.documents(identity) for each in statements(document)):
            actions = iam.written(statement, ["sagemaker:*"])
            if actions and iam.covers_all(statement, "sagemaker"):
                yield f"is an execution role of SageMaker that allows {', '.join(actions)} on all resources"


def _is_trusted(role: Resource, service: str) -> bool:
    """Whether a role may be assumed by a service."""
    for statement in statements(role.document("assumeRolePolicy")):
        principal = statement.get("Principal")
        if isinstance(principal, Mapping) and service in items(principal.get("Service")):
            return True
    return False


def _providers(statement: Mapping[str, Any]) -> Iterator[_Pipelines]:
    """The providers whose tokens a statement accepts."""
    principal = statement.get("Principal")
    named = items(principal.get("Federated")) if isinstance(principal, Mapping) else []
    for provider in _PIPELINES:
        if any(provider.host.fullmatch(str(each)) for each in named):
            yield provider


def _claims(statement: Mapping[str, Any], provider: _Pipelines) -> Iterator[tuple[str, list[str]]]:
    """The claims that a token must have, each with the patterns of which it must match one.

    Equality knows no wildcards, so that `*` is a letter there. `IfExists` and `ForAllValues:` let a token without the
    claim pass, which is possible for claims that only some tokens have, such as `environment`.
    """
    for operator, key, values in iam.conditions(statement):
        host, _, claim = key.rpartition(":")
        plain = _SETS.sub("", operator).removesuffix("ifexists")
        may_lack = operator.startswith("forall") or operator.endswith("ifexists")
        if may_lack and claim not in _ALWAYS_THERE:
            continue
        if plain in _EQUAL | _LIKE and provider.host.fullmatch(host):
            yield claim, [re.sub(r"[*?]", "-", each) for each in values] if plain in _EQUAL else values


def _all_match(values: list[str], pattern: re.Pattern[str] | None) -> bool:
    return pattern is not None and all(pattern.match(each) for each in values)


def _shown(claims: list[tuple[str, list[str]]]) -> str:
    """The claims as the end of a sentence."""
    if not claims:
        return ": no condition compares its claim sub"
    return ": " + " and ".join(f"{claim} is {' or '.join(values)}" for claim, values in claims)
