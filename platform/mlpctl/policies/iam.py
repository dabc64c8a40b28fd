"""What IAM policies allow and deny, for rules."""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import pulumi_aws as aws

from mlpctl.policies.checks import parts
from mlpctl.policies.estate import Class, Estate, NotEvaluated, Resource, token
from mlpctl.review.iam.conditions import matches_all
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.iam.patterns import matches
from mlpctl.review.values.plain import Secret, Unknown, items

IDENTITY: Final = (aws.iam.Policy, aws.iam.RolePolicy, aws.iam.UserPolicy, aws.iam.GroupPolicy, aws.iam.Role)
"""Resources with permissions of identities."""

_Sources: TypeAlias = tuple[tuple[Class, str], ...]
"""Classes, with the input that names policies."""

ATTACHMENTS: Final[_Sources] = (
    (aws.iam.RolePolicyAttachment, "policyArn"),
    (aws.iam.UserPolicyAttachment, "policyArn"),
    (aws.iam.GroupPolicyAttachment, "policyArn"),
    (aws.iam.PolicyAttachment, "policyArn"),
    (aws.iam.RolePolicyAttachmentsExclusive, "policyArns"),
    (aws.iam.UserPolicyAttachmentsExclusive, "policyArns"),
    (aws.iam.GroupPolicyAttachmentsExclusive, "policyArns"),
    (aws.iam.Role, "managedPolicyArns"),
)
"""Resources that attach managed policies, with the input that names them."""

_ALL_OF_A_KIND: Final = re.compile(r"\*+|[A-Za-z-]+[:/]\*+([:/]\*+)*")
_ALL_OF_S3: Final = re.compile(r"\*+(/\*+)?")
"""The last part of ARNs that cover every resource of a kind: `*`, `role/*`, `secret:*`; `*/*` of S3."""

_KINDS_OF_IAM: Final = ("role", "user", "group", "policy")

_ARNS_OF: Final = {
    "ebs": ("ec2",),
    "ec2-instance-connect": ("ec2",),
    "ssm": ("ssm", "ec2"),
    "sts": ("iam",),
}
"""Services whose actions are for resources of others."""

_MANAGED: Final = re.compile(r"arn:[\w-]+:iam::aws:policy/(?:.*/)?([\w+=,.@-]+)")

_ACCOUNT: Final = re.compile(r"(?:arn:[\w-]+:(?:iam|sts)::)?(\d{12})(?::.*)?")

_WITHOUT_TLS: Final = [[(operator, "aws:securetransport", ["false"])] for operator in ("bool", "boolifexists")]
"""The conditions of a denial of requests without TLS. `IfExists` adds requests without the key, and all have it:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""

_ACCOUNT_KEYS: Final = frozenset({"aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourceowner"})

_SAYS_LITTLE: Final = frozenset(
    {
        *("aws:securetransport", "s3:tlsversion", "aws:useragent", "aws:referer"),
        *("aws:currenttime", "aws:epochtime", "aws:requestedregion"),
    }
)
"""Condition keys, in lower case, that leave a statement's permissions for all resources as they are."""


def denies_without_tls(document: Mapping[str, Any], actions: str) -> bool:
    """Whether a policy denies everybody all `actions`, e.g. `s3:*`, on requests without TLS."""
    return any(
        {actions.lower(), "*"} & {str(action).lower() for action in items(each.get("Action"))}
        and each.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and [*conditions(each)] in _WITHOUT_TLS
        for each in statements(document, "Deny")
    )


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """The conditions of a statement, all of which must hold: operator and key in lower case, and the values."""
    found = statement.get("Condition")
    for operator, keys in found.items() if isinstance(found, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            name, texts = str(operator).lower(), [str(each) for each in items(values)]
            yield name, str(key).lower(), [each.lower() for each in texts] if name.startswith("bool") else texts


def is_conditional(statement: Mapping[str, Any]) -> bool:
    """Whether a statement has a condition that limits what it is for, and not only e.g. TLS or a time."""
    return any(
        key not in _SAYS_LITTLE and not matches_all(operator, key, values)
        for operator, key, values in conditions(statement)
    )


def written(statement: Mapping[str, Any], actions: Iterable[str]) -> list[str]:
    """The actions of a statement, as it names them, that contain one of `actions`."""
    wanted = [each.lower() for each in actions]
    if "NotAction" in statement:
        excluded = [str(each) for each in items(statement["NotAction"])]
        rest = [each for each in wanted if not any(_matches(each, pattern) for pattern in excluded)]
        return [f"all actions but {', '.join(excluded)}"] if rest else []
    found = [str(each) for each in items(statement.get("Action"))]
    return [each for each in found if any(_matches(action, each) for action in wanted)]


def covers_all(statement: Mapping[str, Any], service: str) -> bool:
    """Whether a statement is for all resources of a service, or all of a kind, at least in an account or a region."""
    resources = items(statement.get("Resource"))
    # A statement without them has NotResource.
    return not resources or any(
        _covers(str(each), of) for each in resources for of in _ARNS_OF.get(service, (service,))
    )


def documents(identity: Resource) -> Iterator[Mapping[str, Any]]:
    """The policies of a resource of `IDENTITY`, those that are known first.

    Raises:
        NotEvaluated: after the known ones, if a policy is not known yet.
    """
    unknown: NotEvaluated | None = None
    for holder in parts(identity, "inlinePolicies") if identity.type == token(aws.iam.Role) else [identity]:
        try:
            yield holder.document("policy")
        except NotEvaluated as error:
            unknown = error
    if unknown:
        raise unknown


def granted(identity: Resource, found: Iterable[str]) -> Iterator[str]:
    """The violations found in a resource of `IDENTITY`, unless it only limits what other policies grant."""
    for each in found:
        if is_boundary(identity):
            return
        yield each


def is_boundary(policy: Resource) -> bool:
    """Whether a managed policy is a permissions boundary and is not attached as well. A boundary grants nothing.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    if policy.type != token(aws.iam.Policy):
        return False
    bounds = ((aws.iam.Role, "permissionsBoundary"), (aws.iam.User, "permissionsBoundary"))
    return _named_by(policy, bounds) and not _named_by(policy, ATTACHMENTS)


def accounts(statement: Mapping[str, Any]) -> set[str]:
    """IDs of the accounts whose principals a statement is for; `*` for accounts that it does not name."""
    principal = statement.get("Principal")
    named = items(principal.get("AWS")) if isinstance(principal, Mapping) else items(principal)
    found = {match[1] for each in named if (match := _ACCOUNT.fullmatch(str(each)))}
    if "*" not in named and "NotPrincipal" not in statement:
        return found
    limits = [values for operator, key, values in conditions(statement) if _names_accounts(operator, key)]
    matches = [_ACCOUNT.fullmatch(each) for each in limits[0]] if limits else [None]
    return found | {match[1] if match else "*" for match in matches}


def attaches_by(attachment: Resource) -> str:
    """The input of a resource of `ATTACHMENTS` that names the policies."""
    return next(by for kind, by in ATTACHMENTS if token(kind) == attachment.type)


def managed(attachment: Resource) -> Iterator[str]:
    """Names of the AWS managed policies that a resource of `ATTACHMENTS` attaches, e.g. `AdministratorAccess`.

    Raises:
        NotEvaluated: after the known ones, if a policy is not known yet and may be one of AWS.
    """
    by = attaches_by(attachment)
    unknown = False
    for each in items(attachment.inputs.get(by)):
        if isinstance(each, str) and (match := _MANAGED.fullmatch(each)):
            yield match[1]
        unknown = unknown or isinstance(each, Unknown | Secret)
    if unknown and not any(each.type == token(aws.iam.Policy) for each in attachment.referred(by)):
        raise NotEvaluated(f"{by} is not known yet")


def _names_accounts(operator: str, key: str) -> bool:
    return key in _ACCOUNT_KEYS and operator in ("stringequals", "stringlike", "arnequals", "arnlike")


def _matches(action: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(action, pattern.lower())


def _covers(resource: str, service: str) -> bool:
    """Whether the pattern of an ARN covers all resources of a service."""
    # `?*` and `**` match what `*` matches, except for names without a letter.
    segments = re.sub(r"[*?]*\*[*?]*", "*", resource).split(":", 5)
    if segments[-1].endswith("*") and len(segments) < 6:
        segments += ["*"] * (6 - len(segments))
    if len(segments) < 6 or not fnmatch.fnmatchcase(service, segments[2]):
        return False
    if service == "iam" and any(matches(segments[5], f"{kind}/zz") for kind in _KINDS_OF_IAM):
        return True
    return bool((_ALL_OF_S3 if service == "s3" else _ALL_OF_A_KIND).fullmatch(segments[5]))


def _named_by(policy: Resource, sources: _Sources) -> bool:
    """Whether an input of a resource of the stack names a managed policy."""
    estate = policy.estate
    named = estate.once(("policies named by", sources), lambda: frozenset(_naming(estate, sources)))
    return not named.isdisjoint({policy.urn, *policy.names, policy.id} - {""})


def _naming(estate: Estate, sources: _Sources) -> Iterator[str]:
    """The URNs of the policies that inputs depend on; the ARNs in the inputs, and the names at their ends."""
    for kind, by in sources:
        for each in estate.of(kind):
            yield from each.depends.get(by, ())
            for text in (value for value in items(each.inputs.get(by)) if isinstance(value, str)):
                yield from (text, text.split("/")[-1])
