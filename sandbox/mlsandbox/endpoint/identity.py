"""The identity behind an access key, according to moto's IAM and STS."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from botocore.utils import ArnParser
from moto.core.config import default_user_config
from moto.core.utils import utcnow
from moto.iam.models import AccessKey, IAMBackend, iam_backends
from moto.sts.models import STSBackend, sts_backends

from mlsandbox.ground.layout import ACCOUNT_ID, ADMIN_ROLE, SANDBOX_USER, Credentials

PARTITION = "aws"


@dataclass(frozen=True)
class Identity:
    """The owner of an access key."""

    arn: str
    """The ARN that STS returns: `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/…`."""

    principal_arn: str
    """ARN of the IAM user or role, as in access entries."""

    user_id: str
    """Unique ID: `AIDA…` of a user, `AROA…:session` of a role session."""

    session: str
    """Name of the role session; empty for a user."""

    secret: str
    """The secret access key."""


def ensure_account(key: Credentials) -> None:
    """Create the sandbox's account with AWS's managed policies, one user with exactly this access key, and a role.

    The role is that of the account's administrators, which an organization creates before any platform.
    Resources that already exist are not changed.
    """
    # By default, moto omits AWS's managed policies; its option would load them (4 MB) for every partition.
    default_user_config["iam"]["load_aws_managed_policies"] = True
    try:
        iam = iam_backends[ACCOUNT_ID][PARTITION]
        if not iam.aws_managed_policies:
            # An earlier request may have created the account without them.
            iam.aws_managed_policies = iam._init_aws_policies()
            iam.managed_policies = iam._init_managed_policies()
    finally:
        default_user_config["iam"]["load_aws_managed_policies"] = False
    if SANDBOX_USER not in iam.users:
        iam.create_user(PARTITION, SANDBOX_USER)
    if all(role.name != ADMIN_ROLE for role in iam.roles.values()):
        _create_admin_role(iam)
    user = iam.users[SANDBOX_USER]
    if key.access_key_id in iam.access_keys:
        return
    # moto generates keys; this one must be the key in the sandbox's environment.
    access_key: AccessKey = user.create_access_key(prefix="AKIA")
    access_key.access_key_id = key.access_key_id
    access_key.secret_access_key = key.secret_access_key
    iam.access_keys[key.access_key_id] = access_key


def _create_admin_role(iam: IAMBackend) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{PARTITION}:iam::{ACCOUNT_ID}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam.create_role(ADMIN_ROLE, json.dumps(trust), "/", None, "Administrators of the account", [], "3600")
    iam.attach_role_policy(f"arn:{PARTITION}:iam::aws:policy/AdministratorAccess", ADMIN_ROLE)


def find(access_key_id: str, session_token: str | None = None) -> Identity | None:
    """The identity that a key belongs to; None for an unknown, inactive or expired key, or a wrong session token."""
    for _, _, sts in list(sts_backends.iter_backends()):
        assert isinstance(sts, STSBackend)
        role = sts.get_assumed_role_from_access_key(access_key_id)
        if role is None:
            continue
        if role.expiration < utcnow() or (session_token is not None and session_token != role.session_token):
            return None
        return Identity(role.arn, role.role_arn, role.user_id, role.session_name, role.secret_access_key)
    for _, _, iam in list(iam_backends.iter_backends()):
        assert isinstance(iam, IAMBackend)
        key = iam.access_keys.get(access_key_id)
        if key is None or key.status != "Active" or key.user_name is None:
            continue
        user = iam.get_user(key.user_name)
        return Identity(user.arn, user.arn, user.id, "", key.secret_access_key)
    return None


def principal_exists(arn: str) -> bool:
    """Whether the IAM user or role `arn` exists. Principals of other accounts are assumed to exist."""
    parts = ArnParser().parse_arn(arn)
    if parts["account"] not in iam_backends:
        return True
    iam = iam_backends[parts["account"]][parts["partition"]]
    if parts["resource"].startswith("role/"):
        return any(role.arn == arn for role in list(iam.roles.values()))
    return any(user.arn == arn for user in list(iam.users.values()))


def trusts(role_arn: str, service: str) -> bool:
    """Whether the role exists in this sandbox and `service` (e.g. `eks.amazonaws.com`) may assume it."""
    parts = ArnParser().parse_arn(role_arn)
    for role in list(iam_backends[parts["account"]][parts["partition"]].roles.values()):
        if role.arn == role_arn:
            return service in _trusted_services(role.assume_role_policy_document)
    return False


def _trusted_services(document: str | dict[str, Any]) -> set[str]:
    policy = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    found: set[str] = set()
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow":
            found.update([services] if isinstance(services, str) else services)
    return found
