"""Rules for what policies of roles, users and groups allow."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from awsfacts.tables import read_table
from mlpctl.policies import iam
from mlpctl.policies.estate import Resource, token
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Severity, rule
from mlpctl.review.iam.broad import ESCALATES, wildcards
from mlpctl.review.iam.evaluation import statements
from mlpctl.review.iam.patterns import matches
from mlpctl.review.values.plain import items

_ATTACHMENTS: Final = tuple(kind for kind, _ in iam.ATTACHMENTS if kind not in iam.IDENTITY)

_IDENTITY: Final = frozenset(map(token, iam.IDENTITY))
_ATTACHING: Final = frozenset(token(kind) for kind, _ in iam.ATTACHMENTS)

_ADMINISTRATORS: Final = ("AdministratorAccess",)
_ESCALATING: Final = ("IAMFullAccess",)
"""AWS managed policies: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html"""

_ESCALATION: Final = "can raise its own permissions"
"""The key in `actions.yaml` that `ESCALATES` belongs to."""


@rule(
    "ML-IAM-01",
    *iam.IDENTITY,
    *_ATTACHMENTS,
    reason="A leaked credential or a fault in one workload would cost the whole account.",
    remedy="Allow the actions and the resources that the identity needs.",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    serves=[
        "fsbp:IAM.1",
        "cis-aws:1.16",
        "nist:AC-6",
        "nist:AC-6(2)",
        "nist:AC-6(10)",
        "soc2:CC6.3",
        "iso:A.8.2",
        "checkov:CKV_AWS_1",
        "checkov:CKV_AWS_274",
    ],
)
def identity_is_no_administrator(identity: Resource) -> Iterator[str]:
    """No policy of an identity allows all actions on all resources."""
    yield from iam.granted(identity, _administration(identity))


def _administration(identity: Resource) -> Iterator[str]:
    for name in _attached(identity):
        if name in _ADMINISTRATORS:
            yield f"allows all actions on all resources: it attaches {name}"
    for statement in _statements(identity):
        found = [str(each) for each in items(statement.get("Action"))]
        actions = ["all actions"] if any(map(_is_everything, found)) else []
        if "NotAction" in statement:
            # Whoever can write policies can do everything.
            actions = iam.written(statement, ESCALATES)
        if actions and iam.covers_all(statement, "*"):
            yield f"allows {', '.join(actions)} on all resources"


def _is_everything(pattern: str) -> bool:
    """Whether a pattern matches all actions, among them every harmful one."""
    return "*" in pattern and all(
        matches(pattern.lower(), action.lower())
        for by_service in _harms().values()
        for actions in by_service.values()
        for action in actions
    )


@rule(
    "ML-IAM-02",
    *iam.IDENTITY,
    reason="The actions of a service include those that delete data, change permissions or are added in future.",
    remedy="List the actions that are needed; a prefix such as ec2:Describe* is allowed.",
    severity=Severity.LOW,
    levels=FROM_STAGING,
    serves=["fsbp:IAM.21", "checkov:CKV_AWS_49"],
)
def identity_has_no_wildcard_actions(identity: Resource) -> Iterator[str]:
    """No policy of an identity allows all actions of a service, or all actions but some."""
    yield from iam.granted(identity, _wildcards(identity))


def _wildcards(identity: Resource) -> Iterator[str]:
    for document in iam.documents(identity):
        for each in sorted(wildcards(document)):
            action = each.removeprefix("action ")
            yield f"allows {'all actions' if not action.strip('*?:') else action}"


@rule(
    "ML-IAM-03",
    *iam.IDENTITY,
    *_ATTACHMENTS,
    reason="Whoever controls the identity could get further permissions, other identities' credentials or all data.",
    remedy="Name the resources, or add a condition that limits them.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=[
        "soc2:CC3.3",
        "checkov:CKV_AWS_107",
        "checkov:CKV_AWS_108",
        "checkov:CKV_AWS_109",
        "checkov:CKV_AWS_110",
    ],
)
def identity_cannot_escalate(identity: Resource) -> Iterator[str]:
    """No policy of an identity allows, on all resources, to raise permissions, or to get credentials or data."""
    yield from iam.granted(identity, _risks(identity))


def _risks(identity: Resource) -> Iterator[str]:
    for name in _attached(identity):
        if name in _ESCALATING:
            yield f"can raise its own permissions: it attaches {name}"
    for statement in _statements(identity):
        for harm, by_service in () if iam.is_conditional(statement) else _harms().items():
            found = [
                action
                for service, actions in by_service.items()
                if iam.covers_all(statement, service)
                for action in iam.written(statement, actions)
            ]
            if found:
                yield f"{harm}: it allows {' and '.join(dict.fromkeys(found))} on all resources"


def _attached(identity: Resource) -> Iterator[str]:
    return iam.managed(identity) if identity.type in _ATTACHING else iter(())


def _statements(identity: Resource) -> Iterator[Mapping[str, Any]]:
    """The statements that allow something in the policies of an identity, if it is one."""
    for document in iam.documents(identity) if identity.type in _IDENTITY else ():
        yield from statements(document)


@cache
def _harms() -> Mapping[str, Mapping[str, list[str]]]:
    """Actions by the harm that they do on all resources, and by service."""
    table: Mapping[str, list[str]] = read_table("actions.yaml", "mlpctl.policies")
    found: dict[str, dict[str, list[str]]] = {}
    for harm, actions in table.items():
        for action in [*actions, *(ESCALATES if harm == _ESCALATION else ())]:
            found.setdefault(harm, {}).setdefault(action.split(":")[0], []).append(action)
    return found
