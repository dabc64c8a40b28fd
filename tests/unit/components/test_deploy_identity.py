"""The roles of pipelines: who may assume them, and what IAM's evaluation of their policies allows.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import fnmatch
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from awsfacts.tables import read_table
from golden_types import declared
from mlpctl.review.iam.federation import open_issuers
from mlplatform import DeployIdentity, DeployIdentitySpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.delivery.deploy_identity import permissions
from mlplatform.delivery.deploy_identity.trust import issuers, trust_policy
from mlplatform.testing import Plan, declare
from mlsandbox.providers.aws import DECLARATIONS

ACCOUNT = "123456789012"
BUCKET = "arn:aws:s3:::states"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/mlplatform/deploy-roles"
ACCESS_POINT = f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/other"
ADMIN_PROJECTS = ("mlplatform-bootstrap", "private-runner")
GITHUB = {"repository": "org/platform", "environment": "production"}
GITLAB = {"project": "group/sub/platform", "branch": "main", "previewBranches": ["change/*"]}


def identity(**wanted: Any) -> Plan:
    args: Any = {"identity": wanted, "state_bucket_arn": BUCKET, "state_key_arn": KEY, "account_id": ACCOUNT}

    def program() -> None:
        made = DeployIdentity("deploy", args)
        pulumi.export("boundary", made.boundary_name)

    return declare(program)


def subjects(wanted: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    (issuer,) = issuers(DeployIdentitySpec.model_validate(wanted))
    return issuer.previews, issuer.deploys


# Who may assume the roles.


@pytest.mark.parametrize(
    ("wanted", "previews", "deploys"),
    [
        (
            {"github": GITHUB},
            ("repo:org/platform:pull_request",),
            ("repo:org/platform:environment:production",),
        ),
        (
            {"github": {"repository": "org@12/platform@34", "branch": "main", "previewBranches": ["main"]}},
            ("repo:org@12/platform@34:pull_request", "repo:org@12/platform@34:ref:refs/heads/main"),
            ("repo:org@12/platform@34:ref:refs/heads/main",),
        ),
        (
            {"github": {"repository": "org/platform", "environment": "prod: eu"}},
            ("repo:org/platform:pull_request",),
            ("repo:org/platform:environment:prod%3A eu",),
        ),
        (
            {"gitlab": GITLAB},
            ("project_path:group/sub/platform:ref_type:branch:ref:change/*",),
            ("project_path:group/sub/platform:ref_type:branch:ref:main",),
        ),
    ],
)
def test_subjects_are_exact(wanted: Mapping[str, Any], previews: tuple[str, ...], deploys: tuple[str, ...]) -> None:
    assert subjects(wanted) == (previews, deploys)


def test_the_trust_policy_compares_audience_and_subject() -> None:
    (issuer,) = issuers(DeployIdentitySpec.model_validate({"github": GITHUB}))
    policy = json.loads(trust_policy([(issuer, issuer.deploys)], ACCOUNT, "aws"))
    host = "token.actions.githubusercontent.com"
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
            "Condition": {
                "StringEquals": {
                    f"{host}:aud": "sts.amazonaws.com",
                    f"{host}:sub": ["repo:org/platform:environment:production"],
                }
            },
        }
    ]


def test_only_a_subject_with_a_wildcard_is_a_pattern_and_the_audience_never_is() -> None:
    (issuer,) = issuers(DeployIdentitySpec.model_validate({"gitlab": GITLAB}))
    preview, deploy = (
        json.loads(trust_policy([(issuer, each)], ACCOUNT, "aws"))["Statement"][0]["Condition"]
        for each in (issuer.previews, issuer.deploys)
    )
    assert preview["StringEquals"] == {"gitlab.com:aud": "sts.amazonaws.com"}
    assert [*preview["StringLike"]] == ["gitlab.com:sub"]
    assert [*deploy] == ["StringEquals"]


def test_no_role_is_open_to_other_repositories() -> None:
    for role in identity(github=GITHUB, gitlab=GITLAB).of(aws.iam.Role):
        assert open_issuers(json.loads(role.inputs["assumeRolePolicy"])) == set()


def test_an_account_s_existing_provider_is_used() -> None:
    made = identity(github=GITHUB, gitlab=GITLAB).of(aws.iam.OpenIdConnectProvider)
    assert {each.inputs["url"] for each in made} == {
        "https://token.actions.githubusercontent.com",
        "https://gitlab.com",
    }
    assert all("thumbprintLists" not in each.inputs for each in made)
    old = identity(github={**GITHUB, "providerExists": True}, gitlab=GITLAB)
    assert [each.name for each in old.of(aws.iam.OpenIdConnectProvider)] == ["deploy-gitlab"]
    assert "oidc-provider/token.actions" in old.one(aws.iam.Role, "deploy-apply").inputs["assumeRolePolicy"]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({}, "github and gitlab are both missing"),
        ({"github": {"repository": "org/platform"}}, "environment and branch are both set or both missing"),
        ({"github": {**GITHUB, "branch": "main"}}, "environment and branch are both set or both missing"),
        ({"github": {**GITHUB, "repository": "org/*"}}, "identity.github.repository"),
        ({"github": {**GITHUB, "repository": "*/platform"}}, "identity.github.repository"),
        ({"github": {**GITHUB, "repository": "org@12/platform"}}, "identity.github.repository"),
        ({"github": {**GITHUB, "environment": "*"}}, "identity.github.environment"),
        ({"github": {"repository": "org/platform", "branch": "*"}}, "identity.github.branch"),
        ({"github": {**GITHUB, "previewBranches": ["*"]}}, "previewBranches[0] is *"),
        ({"gitlab": {**GITLAB, "previewBranches": []}}, "identity.gitlab.previewBranches"),
        ({"gitlab": {**GITLAB, "previewBranches": ["a", "a*b"]}}, "previewBranches[1] is a*b"),
        ({"gitlab": {**GITLAB, "project": "platform"}}, "identity.gitlab.project"),
        ({"gitlab": {**GITLAB, "branch": "release/*"}}, "identity.gitlab.branch"),
        ({"gitlab": {**GITLAB, "host": "https://gitlab.com"}}, "identity.gitlab.host"),
        ({"github": GITHUB, "rolePath": "/"}, "identity.rolePath"),
        ({"github": GITHUB, "sessionHours": 13}, "identity.sessionHours"),
        ({"github": GITHUB, "adminProjects": ["*"]}, "identity.adminProjects"),
        ({"github": GITHUB, "adminProjects": ["a/b"]}, "identity.adminProjects"),
        ({"github": GITHUB, "adminProjects": ["x" * 101]}, "identity.adminProjects"),
        ({"github": GITHUB, "adminProjects": ["x"] * 11}, "identity.adminProjects"),
        (
            {
                "gitlab": {
                    **GITLAB,
                    "project": "g/" + "x" * 250,
                    "previewBranches": [f"{x}{'y' * 150}" for x in "abcde"],
                }
            },
            "allowed: 2048, IAM's limit",
        ),
    ],
)
def test_an_invalid_spec_is_rejected(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentsError) as error:
        identity(**wanted)
    assert sentence in str(error.value)


# What the roles may do.


@cache
def managed() -> Mapping[str, Any]:
    return {name: each["Document"] for name, each in json.loads(aws_managed_policies_data).items()}


def holds(statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    def named(element: str, text: str) -> bool:
        found = statement[element]
        patterns = [found] if isinstance(found, str) else found
        return any(fnmatch.fnmatchcase(text.lower(), each.lower()) for each in patterns)

    about = named("Action", action) if "Action" in statement else not named("NotAction", action)
    of = named("Resource", resource) if "Resource" in statement else not named("NotResource", resource)
    conditions = statement.get("Condition", {})
    assert {*conditions} <= {"StringEquals"}
    return about and of and all(context.get(key) == each for key, each in conditions.get("StringEquals", {}).items())


def verdict(documents: Iterable[Any], action: str, resource: str, context: Mapping[str, str]) -> bool | None:
    """True: allowed, False: denied, None: neither."""
    statements = [each for document in documents for each in document["Statement"]]
    found = {each["Effect"] for each in statements if holds(each, action, resource, context)}
    return False if "Deny" in found else True if "Allow" in found else None


def may(role: str, action: str, resource: str = "*", **context: str) -> bool:
    """Whether a role may do something, by its policies and its boundary."""
    given = {key.replace("_", ":"): each for key, each in context.items()}
    if role == "preview":
        policies = [json.loads(permissions.preview_policy(BUCKET, KEY, ACCOUNT, "aws"))]
        limits = permissions.roles_boundary(BUCKET, KEY)
        names: tuple[str, ...] = permissions.PREVIEW_POLICIES
    else:
        policies = [json.loads(permissions.apply_policy(ACCOUNT, "aws", "mlplatform/", BOUNDARY))]
        limits = permissions.apply_boundary(BUCKET, KEY, ACCOUNT, "aws", "mlplatform/", BOUNDARY, ADMIN_PROJECTS)
        names = permissions.APPLY_POLICIES
    policies += [managed()[name.split("/")[-1]] for name in names]
    return all(verdict(each, action, resource, given) is True for each in (policies, [json.loads(limits)]))


STATE = f"{BUCKET}/.pulumi/stacks/mlplatform/prod.json"


def test_a_preview_reads_the_state_and_its_secrets_and_writes_nothing() -> None:
    assert may("preview", "s3:GetObject", STATE) and may("preview", "s3:ListBucket", BUCKET)
    assert may("preview", "kms:Decrypt", KEY)
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert not may("preview", action, STATE), action
    for action in ("kms:Encrypt", "kms:ScheduleKeyDeletion", "ec2:RunInstances", "eks:UpdateClusterConfig"):
        assert not may("preview", action, KEY), action


def test_a_preview_reads_no_data() -> None:
    """Nothing that rules of this project count as data or credentials, whatever is attached to the role."""
    table = read_table("actions.yaml", "mlpctl.policies")
    harmful = {*table["can read all data"], *table["can get credentials of others"], *permissions.DATA}
    own = [json.loads(permissions.preview_policy(BUCKET, KEY, ACCOUNT, "aws"))]
    by_boundary = [json.loads(permissions.roles_boundary(BUCKET, KEY))]
    for action in sorted(each.replace("*", "") for each in harmful):
        denied = verdict(own, action, "arn:aws:s3:::data/a", {}) is False
        assert denied or not verdict(by_boundary, action, "*", {}), action
    assert not may("preview", "kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/2")
    assert not may("preview", "ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/secret")
    assert may("preview", "ssm:GetParameter", "arn:aws:ssm:us-east-1::parameter/aws/service/bottlerocket/x")


IAM_NAMES = {
    "efs": {"": "elasticfilesystem"},
    "s3": {
        "GetBucketEncryption": "GetEncryptionConfiguration",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "HeadBucket": "ListBucket",
        "ListObjectVersions": "ListBucketVersions",
    },
}
"""Actions with other names than their operations:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""


def reads() -> Iterator[str]:
    """The actions with which the sandbox's provider reads resources of the golden plans."""
    for each in DECLARATIONS:
        for operation in each.operations if each.token in declared() else ():
            if operation.startswith(("Describe", "Get", "List", "Head", "Batch")):
                names = IAM_NAMES.get(each.service, {})
                # It empties a bucket that is deleted.
                if operation != "ListObjectVersions":
                    yield f"{names.get('', each.service)}:{names.get(operation, operation)}"


def test_a_preview_can_refresh_every_type_of_the_stacks() -> None:
    found = sorted({*reads()})
    assert len(found) > 50
    files = f"arn:aws:elasticfilesystem:us-east-1:{ACCOUNT}:file-system/fs-1"
    assert [each for each in found if not may("preview", each, files)] == []


ROLE = f"arn:aws:iam::{ACCOUNT}:role/mlplatform/cluster-nodes"
OWN = f"arn:aws:iam::{ACCOUNT}:role/deploy-apply-0a1b2c3"


def test_an_update_writes_states_and_creates_resources_and_bounded_roles() -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert may("apply", action, STATE), action
    for action in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"):
        assert may("apply", action, KEY), action
    for action in ("ec2:RunInstances", "eks:CreateCluster", "kms:CreateKey", "s3:PutBucketPolicy"):
        assert may("apply", action, "arn:aws:s3:::models"), action
    for action in permissions.BOUNDED:
        assert may("apply", action, ROLE, iam_PermissionsBoundary=BOUNDARY), action
        assert not may("apply", action, ROLE), "without a boundary"
        assert not may("apply", action, ROLE, iam_PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess")
    assert all(may("apply", action, ROLE) for action in permissions.BY_PATH)


@pytest.mark.parametrize(
    ("actions", "resource"),
    [
        # Its own trust, permissions and boundary.
        ("iam:UpdateAssumeRolePolicy iam:PutRolePolicy iam:AttachRolePolicy iam:DeleteRolePolicy", OWN),
        ("iam:DeleteRolePermissionsBoundary iam:PutRolePermissionsBoundary iam:PassRole iam:TagRole", OWN),
        ("iam:DeleteRolePermissionsBoundary iam:CreateInstanceProfile", ROLE),
        ("iam:CreatePolicyVersion iam:DeletePolicy iam:SetDefaultPolicyVersion iam:DeletePolicyVersion", BOUNDARY),
        ("iam:CreatePolicy iam:CreateUser iam:CreateAccessKey iam:CreateLoginProfile iam:AddUserToGroup", "*"),
        # The OIDC providers.
        (
            "iam:CreateOpenIDConnectProvider iam:DeleteOpenIDConnectProvider iam:AddClientIDToOpenIDConnectProvider "
            "iam:UpdateOpenIDConnectProviderThumbprint",
            f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
        ),
        # The protection of the state.
        (
            "s3:DeleteBucket s3:PutBucketPolicy s3:DeleteBucketPolicy s3:PutBucketVersioning s3:PutBucketAcl "
            "s3:PutBucketObjectLockConfiguration s3:PutLifecycleConfiguration s3:PutBucketPublicAccessBlock "
            "s3:PutEncryptionConfiguration",
            BUCKET,
        ),
        ("s3:DeleteObjectVersion s3:BypassGovernanceRetention s3:PutObjectRetention s3:PutObjectLegalHold", STATE),
        # The same through an access point, whose ARN names another resource.
        (
            "s3:BypassGovernanceRetention s3:PutObjectRetention s3:PutObjectLegalHold",
            f"{ACCESS_POINT}/object/.pulumi/stacks/mlplatform/prod.json",
        ),
        ("s3:CreateAccessPoint s3:CreateAccessPointForObjectLambda s3:CreateMultiRegionAccessPoint", ACCESS_POINT),
        ("kms:ScheduleKeyDeletion kms:DisableKey kms:PutKeyPolicy kms:DisableKeyRotation kms:CreateGrant", KEY),
        # Ways to another identity.
        ("sts:AssumeRole organizations:LeaveOrganization account:CloseAccount", "*"),
        ("ssm:SendCommand ssm:StartSession ssm:ResumeSession ssm:StartAutomationExecution", "*"),
        ("ec2-instance-connect:SendSSHPublicKey ec2-instance-connect:SendSerialConsoleSSHPublicKey", "*"),
        ("codebuild:UpdateProject codebuild:UpdateProjectVisibility", "*"),
    ],
)
def test_an_update_can_not_change_what_limits_it(actions: str, resource: str) -> None:
    for action in actions.split():
        assert not may("apply", action, resource, iam_PermissionsBoundary="none"), action


@pytest.mark.parametrize("project", ADMIN_PROJECTS)
def test_an_update_can_not_write_the_states_that_administrators_use(project: str) -> None:
    """What `pkg/backend/diy` of pulumi/pulumi writes for a stack, and the layout of all."""
    for key in (
        f"stacks/{project}/account.json",
        f"stacks/{project}/account.json.bak",
        f"history/{project}/account/account-1.history.json",
        f"backups/{project}/account/account.1.json",
        f"journal/{project}/account/1/1.json",
        f"locks/organization/{project}/account/1.json",
        "meta.yaml",
    ):
        state = f"{BUCKET}/.pulumi/{key}"
        assert may("apply", "s3:GetObject", state), key
        assert not any(may("apply", action, state) for action in permissions.WRITE_STATE), key


def test_the_project_of_the_identity_and_those_of_the_spec_are_for_administrators() -> None:
    (denied,) = (
        each["Resource"]
        for each in json.loads(
            identity(github=GITHUB, adminProjects=["our-runner"]).one(aws.iam.Policy, "deploy-limits").inputs["policy"]
        )["Statement"]
        if each["Sid"] == "NotOfAdministrators"
    )
    assert denied == [
        f"{BUCKET}/.pulumi/meta.yaml",
        f"{BUCKET}/.pulumi/*/mlplatform/*",
        f"{BUCKET}/.pulumi/*/our-runner/*",
    ], "tests run in the project mlplatform"


def test_the_builds_of_a_runner_can_be_started_and_permissions_can_be_simulated() -> None:
    assert may("apply", "codebuild:StartBuild", f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/runner")
    assert may("apply", "codebuild:BatchGetBuilds", f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/runner")
    assert may("apply", "iam:SimulatePrincipalPolicy", OWN), "mlpctl doctor asks"


def test_a_role_of_a_stack_can_neither_raise_permissions_nor_write_states() -> None:
    limits = [json.loads(permissions.roles_boundary(BUCKET, KEY))]
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole", "sts:AssumeRole", "iam:CreateAccessKey"):
        assert not verdict(limits, action, ROLE, {}), action
    assert verdict(limits, "s3:PutObject", STATE, {}) is False
    for action in ("s3:BypassGovernanceRetention", "s3:PutObjectRetention", "s3:CreateAccessPoint"):
        assert verdict(limits, action, ACCESS_POINT, {}) is False, action
    for action in ("s3:GetObject", "ecr:BatchGetImage", "ec2:AttachVolume", "iam:CreateServiceLinkedRole"):
        assert verdict(limits, action, "arn:aws:s3:::models/a", {}), action


def test_policies_fit_iam_s_limits() -> None:
    """6,144 characters of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    projects = [f"{x}{'y' * 99}" for x in "abcdefghij"]
    plan = identity(github=GITHUB, gitlab=GITLAB, rolePath="x" * 199 + "/", adminProjects=projects)
    for each in plan.of(aws.iam.Policy):
        assert len(each.inputs["policy"].replace(" ", "")) <= 6_144, each.name


def test_boundaries_and_names() -> None:
    plan = identity(github=GITHUB, rolePath="teams/ml/", sessionHours=4)
    bounds = {each.name: each.inputs["permissionsBoundary"].split("/")[-1] for each in plan.of(aws.iam.Role)}
    assert bounds == {"deploy-apply": "deploy-limits", "deploy-preview": "deploy-roles"}
    assert plan.one(aws.iam.Policy, "deploy-roles").inputs["path"] == "/teams/ml/"
    assert plan.exports["boundary"] == "teams/ml/deploy-roles", "as `permissionsBoundary` of a stack file"
    assert {each.inputs["maxSessionDuration"] for each in plan.of(aws.iam.Role)} == {4 * 3600}
    assert all("path" not in each.inputs for each in plan.of(aws.iam.Role)), "not below the path that updates manage"
