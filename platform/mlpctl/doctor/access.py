"""Checks of the cluster's access entries and of the permissions boundary."""

from collections.abc import Iterator
from typing import Final

from awsfacts.partitions import partition_of
from mlpctl.doctor.account import cluster, identity
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Check, Finding, Found, Level, Wanted
from mlpctl.doctor.references import Reference, asked, existence
from mlplatform.compute.eks_cluster.spec import principal_of


def _principals(wanted: Wanted) -> list[Reference]:
    found = []
    for entry, access in wanted.platform.cluster.access.items():
        name = access.role or (access.principal_arn or "").rpartition("/")[2]
        is_user = ":user/" in (access.principal_arn or "")
        operation, argument, kind = ("GetUser", "UserName", "user") if is_user else ("GetRole", "RoleName", "role")
        field = f"cluster.access.{entry}.{'role' if access.role else 'principalArn'}"
        question = Question("iam", operation, {argument: name})
        found.append(Reference(field, f"IAM {kind} {name}", question, "Create it, or correct the name."))
    return found


def _own_principals(wanted: Wanted, answers: Answers) -> list[Reference]:
    """The principals of the caller's account."""
    account = (answers.get(identity(wanted)) or {}).get("Account")
    owners = [(each.principal_arn or "::::").split(":")[4] for each in wanted.platform.cluster.access.values()]
    return [each for owner, each in zip(owners, _principals(wanted), strict=True) if owner in ("", account)]


def _access(wanted: Wanted, answers: Answers) -> Iterator[Found]:
    answers(identity(wanted))
    own = _own_principals(wanted, answers)
    for access, reference in zip(wanted.platform.cluster.access.values(), _principals(wanted), strict=True):
        if reference in own:
            yield from existence([reference], answers)
        else:
            owner = (access.principal_arn or "").split(":")[4]
            fact, fix = f"The {reference.what} is in the account {owner}", "Check it with credentials of that account."
            yield Finding(Level.NOT_CHECKED, fact, field=reference.field, fix=fix)


def _creator(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    spec, question = wanted.platform.cluster, identity(wanted)
    if not spec.creator_is_admin or answers.exists(cluster(wanted)):
        return
    arn = _principal(answers(question)["Arn"])
    for entry, access in spec.access.items():
        same = access.role == arn[-1] if access.role else principal_of(access.principal_arn or "") == arn
        if same:
            fact = f"The identity that would create the cluster, {arn[-1]}, is also in access, and EKS allows one entry"
            fix = f"Remove cluster.access.{entry}, or set cluster.creatorIsAdmin: false."
            yield Finding(Level.BLOCKS, fact, question, f"cluster.access.{entry}", fix)


def _principal(arn: str) -> tuple[str, ...]:
    """The identity of a caller, whose ARN is that of a session if it assumed a role."""
    _, partition, _, _, account, resource = arn.split(":", 5)
    kind, _, name = resource.partition("/")
    if kind == "assumed-role":
        return (partition, account, "role", name.partition("/")[0])
    return (partition, account, kind, resource.rpartition("/")[2])


def _boundary(wanted: Wanted, answers: Answers) -> list[Reference]:
    name = wanted.platform.permissions_boundary
    account = (answers.get(identity(wanted)) or {}).get("Account")
    if not name or not account:
        return []
    arn = f"arn:{partition_of(wanted.region)}:iam::{account}:policy/{name}"
    question = Question("iam", "GetPolicy", {"PolicyArn": arn})
    return [
        Reference("permissionsBoundary", f"IAM policy {arn}", question, "Create it, or correct the path and the name.")
    ]


def _existing_boundary(wanted: Wanted, answers: Answers) -> Iterator[Found]:
    if wanted.platform.permissions_boundary:
        answers(identity(wanted))
        yield from existence(_boundary(wanted, answers), answers)


CHECKS: Final = (
    Check(
        "access.principals", "roles and users of `cluster.access`", _access, lambda w, a: asked(_own_principals(w, a))
    ),
    Check("access.creator", "the creator of the cluster", _creator, lambda w, _: (identity(w), cluster(w))),
    Check(
        "access.boundary",
        "the policy of `permissionsBoundary`",
        _existing_boundary,
        lambda w, a: asked(_boundary(w, a)),
    ),
)
