"""Checks whether the caller may do what an update does, by IAM's policy simulator."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mlpctl.doctor.account import identity
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Check, Finding, Level, Wanted

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "network": (
        "ec2:CreateVpc",
        "ec2:CreateSubnet",
        "ec2:CreateRouteTable",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
    ),
    "network.nat": ("ec2:AllocateAddress", "ec2:CreateNatGateway", "ec2:CreateInternetGateway"),
    "keys": ("kms:CreateKey", "kms:CreateAlias", "kms:PutKeyPolicy", "kms:EnableKeyRotation", "kms:CreateGrant"),
    "buckets": (
        "s3:CreateBucket",
        "s3:PutBucketPolicy",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
    ),
    "images.repositories": ("ecr:CreateRepository", "ecr:PutLifecyclePolicy"),
    "images.pullThrough": ("ecr:CreatePullThroughCacheRule", "ecr:CreateRepositoryCreationTemplate"),
    "sharedFilesystems": ("elasticfilesystem:CreateFileSystem", "elasticfilesystem:CreateMountTarget"),
    "cluster": (
        "eks:CreateCluster",
        "eks:CreateNodegroup",
        "eks:CreateAddon",
        "eks:CreateAccessEntry",
        "eks:CreatePodIdentityAssociation",
        "ec2:CreateLaunchTemplate",
        "ec2:RunInstances",
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "iam:PutRolePolicy",
        "iam:PassRole",
        "logs:CreateLogGroup",
        "logs:PutRetentionPolicy",
    ),
    "workloads": ("iam:CreatePolicy", "iam:TagRole"),
}
"""The main actions of an update, by the section of the stack file that needs them:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""


def sections(wanted: Wanted) -> dict[str, tuple[str, ...]]:
    """The actions for the sections that the stack file uses."""
    platform = wanted.platform
    unused = {
        "network": platform.network.existing is not None,
        "network.nat": platform.network.existing is not None or platform.network.nat.value == "none",
        "buckets": not platform.buckets,
        "images.repositories": not platform.images.repositories,
        "images.pullThrough": not platform.images.pull_through,
        "sharedFilesystems": not platform.shared_filesystems,
        "workloads": not platform.workloads,
    }
    return {section: actions for section, actions in ACTIONS.items() if not unused.get(section)}


def _role(wanted: Wanted, answers: Answers) -> Question | None:
    """The role of the caller, whose ARN also has its path; None for another kind of caller."""
    arn = (answers.get(identity(wanted)) or {}).get("Arn", "")
    kind, _, name = arn.rpartition(":")[2].partition("/")
    return Question("iam", "GetRole", {"RoleName": name.partition("/")[0]}) if kind == "assumed-role" else None


def _simulation(wanted: Wanted, answers: Answers) -> Question | None:
    """The simulation; None for the account's root user, or if the caller's ARN is not known yet."""
    role, arn = _role(wanted, answers), (answers.get(identity(wanted)) or {}).get("Arn", "")
    if role is not None:
        arn = (answers.get(role) or {}).get("Role", {}).get("Arn", "")
    if not arn or arn.endswith(":root"):
        return None
    actions = [action for each in sections(wanted).values() for action in each]
    arguments = {"PolicySourceArn": arn, "ActionNames": actions}
    return Question("iam", "SimulatePrincipalPolicy", arguments, "EvaluationResults")


def _permissions(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    arn = answers(identity(wanted))["Arn"]
    if arn.endswith(":root"):
        fix = "Use a role: a root user should not deploy."
        yield Finding(Level.WARNS, "The identity is the account's root user", identity(wanted), fix=fix)
        return
    role = _role(wanted, answers)
    if role is not None:
        answers(role)
    question = _simulation(wanted, answers)
    assert question is not None
    decisions: dict[str, Any] = {each["EvalActionName"]: each for each in answers(question)}
    for section, actions in sections(wanted).items():
        denied = {each: decisions[each] for each in actions if each in decisions and not _allows(decisions[each])}
        if not denied:
            yield Finding(Level.PASSES, f"{arn} may do what {section} needs", question, section)
            continue
        why = ", ".join(f"{action} ({_reason(each)})" for action, each in denied.items())
        fix = (
            "Allow these actions, at least for the resources of the stack. The simulation asks for all resources (`*`)."
        )
        yield Finding(Level.WARNS, f"IAM's simulator denies {arn} {why}", question, section, fix)


def _allows(decision: Mapping[str, Any]) -> bool:
    return bool(decision["EvalDecision"] == "allowed")


def _reason(decision: Mapping[str, Any]) -> str:
    """Why an action is denied: the first kind of policy that does not allow it."""
    if decision.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        return "a service control policy denies it"
    if decision.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return "the permissions boundary denies it"
    return "a policy denies it" if decision["EvalDecision"] == "explicitDeny" else "no policy allows it"


def _asks(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    following = (_role(wanted, answers), _simulation(wanted, answers))
    return (identity(wanted), *(each for each in following if each is not None))


CHECKS: Final = (Check("permissions.caller", "whether the caller may do what an update does", _permissions, _asks),)
