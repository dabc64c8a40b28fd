"""Checks of policy documents: their length, and the principals and resources that AWS validates."""

import fnmatch
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.utils import ArnParser, InvalidArnException
from moto.iam.models import Role, iam_backends
from moto.kms.models import kms_backends

from mlsandbox.endpoint import identity
from mlsandbox.endpoint.limits.request import Refusal, Request

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, in characters without white space
INLINE: Final = 10_240
"""Total of a role's inline policies."""

MANAGED: Final = 6_144
TRUST: Final = 2_048
ATTACHED: Final = 10
"""Maximum number of managed policies per role."""

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
BUCKET: Final = 20_480

# https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
KEY: Final = 32_768

_PARTITION: Final = identity.PARTITION


def length(document: str) -> int:
    """The length of a policy as IAM counts it."""
    return sum(not letter.isspace() for letter in document)


def _trust(request: Request) -> Refusal | None:
    document = request.parameters.get("AssumeRolePolicyDocument") or request.parameters.get("PolicyDocument") or ""
    if length(document) > TRUST:
        return Refusal("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST}")
    if wrong := next(_unknown_principals(document, request.account), None):
        return Refusal("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{wrong}"')
    return None


def _inline(request: Request) -> Refusal | None:
    role = _role(request)
    others = role.policies if role else {}
    kept = {name: str(text) for name, text in others.items() if name != request.parameters["PolicyName"]}
    if sum(map(length, kept.values())) + length(request.parameters["PolicyDocument"]) > INLINE:
        name = request.parameters["RoleName"]
        return Refusal("LimitExceeded", f"Maximum policy size of {INLINE} bytes exceeded for role {name}")
    return None


def _managed(request: Request) -> Refusal | None:
    if length(request.parameters["PolicyDocument"]) > MANAGED:
        return Refusal("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED}")
    return None


def _attached(request: Request) -> Refusal | None:
    role = _role(request)
    if role is not None and len({*role.managed_policies, request.parameters["PolicyArn"]}) > ATTACHED:
        return Refusal("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {ATTACHED}")
    return None


def _bucket(request: Request) -> Refusal | None:
    text, bucket = str(request.parameters["Policy"]), request.parameters["Bucket"]
    if len(text.encode()) > BUCKET:
        return Refusal("MalformedPolicy", f"Policies are limited to {BUCKET} bytes")
    for statement in _statements(text):
        for resource in _list(statement.get("Resource")):
            if resource != "*" and not _within(resource, bucket):
                return Refusal("MalformedPolicy", "Policy has invalid resource")
    if next(_unknown_principals(text, request.account), None):
        return Refusal("MalformedPolicy", "Invalid principal in policy")
    return None


def _within(resource: str, bucket: str) -> bool:
    name = resource.partition(":::")[2].partition("/")[0]
    return fnmatch.fnmatchcase(bucket, name)


def _key(request: Request) -> Refusal | None:
    text = request.parameters.get("Policy")
    if not text:
        return None
    if len(text.encode()) > KEY:
        return Refusal("LimitExceededException", f"A key policy is limited to {KEY} bytes")
    if next(_unknown_principals(text, request.account), None):
        return Refusal(
            "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."
        )
    if not request.parameters.get("BypassPolicyLockoutSafetyCheck") and not _keeps_its_owner(text, request.account):
        return Refusal(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        )
    return None


def _keeps_its_owner(text: str, account: str) -> bool:
    """Whether a principal of the account can still change the policy."""
    return any(
        statement.get("Effect") == "Allow"
        and any(fnmatch.fnmatchcase("kms:putkeypolicy", action.lower()) for action in _list(statement.get("Action")))
        and any(_is_of(principal, account) for principal in _principals(statement))
        for statement in _statements(text)
    )


def _is_of(principal: str, account: str) -> bool:
    return principal in ("*", account) or f"::{account}:" in principal


def _log_key(request: Request) -> Refusal | None:
    """CloudWatch Logs checks immediately whether its service principal in the region can use the key."""
    key_id = request.parameters.get("kmsKeyId")
    if not key_id:
        return None
    keys = kms_backends[request.account][request.region]
    key = keys.keys.get(str(key_id).rpartition("/")[2])
    allowed = key is not None and any(
        f"logs.{request.region}.amazonaws.com" in _services(statement) for statement in _statements(key.policy)
    )
    if allowed:
        return None
    group = f"arn:{_PARTITION}:logs:{request.region}:{request.account}:log-group:{request.parameters['logGroupName']}"
    message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{group}'"
    # https://github.com/hashicorp/terraform-provider-aws/issues/29282
    return Refusal("AccessDeniedException", message)


CHECKS: Final[Mapping[str, Callable[[Request], Refusal | None]]] = {
    "iam:AttachRolePolicy": _attached,
    "iam:CreatePolicy": _managed,
    "iam:CreatePolicyVersion": _managed,
    "iam:CreateRole": _trust,
    "iam:PutRolePolicy": _inline,
    "iam:UpdateAssumeRolePolicy": _trust,
    "kms:CreateKey": _key,
    "kms:PutKeyPolicy": _key,
    "logs:AssociateKmsKey": _log_key,
    "logs:CreateLogGroup": _log_key,
    "s3:PutBucketPolicy": _bucket,
}


def _unknown_principals(text: str, account: str) -> Iterator[str]:
    """IAM users and roles of the account in a policy that do not exist; AWS replaces each principal by its ID."""
    for statement in _statements(text):
        for principal in _principals(statement):
            try:
                parts = ArnParser().parse_arn(principal)
            except InvalidArnException:
                continue
            kind = parts["resource"].partition("/")[0]
            if parts["service"] != "iam" or kind not in ("role", "user") or parts["account"] != account:
                continue
            if not identity.principal_exists(principal):
                yield principal


def _principals(statement: dict[str, Any]) -> list[str]:
    named = statement.get("Principal") or {}
    return [named] if isinstance(named, str) else _list(named.get("AWS"))


def _services(statement: dict[str, Any]) -> list[str]:
    named = statement.get("Principal") or {}
    return [] if isinstance(named, str) else _list(named.get("Service"))


def _statements(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text).get("Statement") or []
    except (ValueError, AttributeError):
        # moto itself rejects an invalid document.
        return []
    return [one for one in _list(found) if isinstance(one, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _role(request: Request) -> Role | None:
    roles = list(iam_backends[request.account][_PARTITION].roles.values())
    return next((role for role in roles if role.name == request.parameters["RoleName"]), None)
