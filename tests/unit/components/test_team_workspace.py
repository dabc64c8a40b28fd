import json
from typing import Any

import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from pydantic import ValidationError

from mlplatform import TeamWorkspace, TeamWorkspaceSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.security.team_workspace.rights import EDITOR
from mlplatform.testing import Plan, declare

ARGS: dict[str, Any] = {
    "cluster_name": "main",
    "bucket_arns": {"data": "arn:aws:s3:::data-0"},
    "data_key_arn": "arn:aws:kms:us-east-1:123456789012:key/data",
    "repository_arns": {"research-train": "arn:aws:ecr:us-east-1:123456789012:repository/p/s/research-train"},
    "s3_cidrs": ["52.216.0.0/15"],
    "account_id": "123456789012",
    "region": "us-east-1",
}
TRAINER: dict[str, Any] = {"buckets": {"data": "readWrite"}, "images": {"research-train": "push"}}


def workspace(more: Any = None, **team: Any) -> Plan:
    wanted = {"namespaces": {"lab": {"quota": {"gpus": 2}}}, **team}
    return declare(lambda: TeamWorkspace("research", {**ARGS, "team": wanted, **(more or {})}))


def test_a_team_has_a_guarded_namespace_with_its_quota_and_label() -> None:
    plan = workspace()
    assert plan.one(k8s.core.v1.Namespace).inputs["metadata"]["labels"]["mlplatform.io/team"] == "research"
    assert plan.one(k8s.core.v1.ResourceQuota).inputs["spec"]["hard"]["requests.nvidia.com/gpu"] == "2"
    assert plan.one(k8s.networking.v1.NetworkPolicy).inputs["spec"]["podSelector"] == {}
    assert plan.one(k8s.core.v1.LimitRange)
    assert plan.of(k8s.rbac.v1.RoleBinding) == [], "nobody gets rights without being named"
    assert plan.of(aws.iam.Role) == []


def test_people_get_their_roles_in_the_team_s_namespaces_only() -> None:
    plan = workspace(editors=["research"], viewers=["auditors", "finance"], namespaces={"a": {}, "b": {}})
    assert plan.of(k8s.rbac.v1.ClusterRoleBinding) == []
    bindings = {each.name: each.inputs for each in plan.of(k8s.rbac.v1.RoleBinding)}
    assert {*bindings} == {f"research-{each}-{part}" for each in "ab" for part in ("editors", "viewers")}
    editors, viewers = bindings["research-a-editors"], bindings["research-a-viewers"]
    assert (editors["metadata"]["namespace"], editors["roleRef"]["kind"]) == ("a", "Role")
    assert [each["name"] for each in editors["subjects"]] == ["research"]
    assert (viewers["roleRef"]["kind"], viewers["roleRef"]["name"]) == ("ClusterRole", "view")
    assert [(each["kind"], each["name"]) for each in viewers["subjects"]] == [
        ("Group", "auditors"),
        ("Group", "finance"),
    ]


def test_editors_cannot_change_their_guards_or_rights() -> None:
    changed = {
        resource
        for rule in EDITOR
        for resource in rule["resources"]
        if not {*rule["verbs"]} <= {"get", "list", "watch"}
    }
    guards = {"resourcequotas", "limitranges", "networkpolicies", "roles", "rolebindings", "serviceaccounts"}
    assert not changed & {*guards, "daemonsets", "ingresses", "namespaces", "serviceaccounts/token", "*"}
    assert {"pods", "jobs", "deployments", "pods/exec", "pods/ephemeralcontainers"} <= changed
    verbs = {verb for rule in EDITOR for verb in rule["verbs"]}
    assert not verbs & {"*", "bind", "escalate", "impersonate"}


def test_a_service_account_reaches_only_the_team_s_prefix_and_repositories() -> None:
    plan = workspace(serviceAccounts={"trainer": TRAINER})
    policy = json.loads(plan.one(aws.iam.RolePolicy).inputs["policy"])
    objects = {each["Resource"][0] for each in policy["Statement"] if "s3:PutObject" in each["Action"]}
    assert objects == {"arn:aws:s3:::data-0/teams/research/*"}
    (listing,) = [each for each in policy["Statement"] if each["Action"] == ["s3:ListBucket"]]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "teams/research/*"}}
    (push,) = [each for each in policy["Statement"] if "ecr:PutImage" in each["Action"]]
    assert push["Resource"] == [ARGS["repository_arns"]["research-train"]]
    association = plan.one(aws.eks.PodIdentityAssociation).inputs
    assert (association["namespace"], association["serviceAccount"]) == ("lab", "trainer")
    account = plan.one(k8s.core.v1.ServiceAccount).inputs
    assert (account["metadata"]["namespace"], account["metadata"]["name"]) == ("lab", "trainer")
    assert account["automountServiceAccountToken"] is False


def test_resources_in_aws_have_the_team_s_tag_for_cost_allocation() -> None:
    plan = workspace({"tags": {"owner": "ml", "team": "platform"}}, serviceAccounts={"trainer": TRAINER})
    for kind in (aws.iam.Role, aws.iam.Policy, aws.eks.PodIdentityAssociation):
        tags = plan.one(kind).inputs["tags"]
        assert (tags["team"], tags["owner"]) == ("research", "ml")


def test_only_namespaces_whose_programs_use_buckets_may_call_s3() -> None:
    plan = workspace(
        namespaces={"lab": {}, "web": {}},
        serviceAccounts={"trainer": {"namespace": "lab", "buckets": {"data": "read"}}},
    )

    def reached(name: str) -> list[str]:
        egress = plan.one(k8s.networking.v1.NetworkPolicy, f"research-{name}-network-policy").inputs["spec"]["egress"]
        return [each["ipBlock"]["cidr"] for rule in egress for each in rule["to"] if "ipBlock" in each]

    assert "52.216.0.0/15" in reached("lab") and "52.216.0.0/15" not in reached("web")


@pytest.mark.parametrize(
    ("more", "team", "problem"),
    [
        (
            {},
            {"serviceAccounts": {"a": {"buckets": {"other": "read"}}}},
            "bucket_arns has no other; required, since",
        ),
        (
            {"repository_arns": {"serving": "arn:aws:ecr:us-east-1:123456789012:repository/serving"}},
            {"serviceAccounts": {"a": {"images": {"serving": "push"}}}},
            "team.serviceAccounts.a.images.serving is push; allowed: pull, or push to a repository whose name",
        ),
        (
            {"s3_cidrs": None},
            {"serviceAccounts": {"trainer": TRAINER}},
            "s3_cidrs is missing; required, since team uses",
        ),
    ],
)
def test_invalid_arguments_are_rejected_by_name(more: Any, team: Any, problem: str) -> None:
    with pytest.raises(ArgumentsError, match=problem):
        workspace(more, **team)


@pytest.mark.parametrize(
    ("team", "problem"),
    [
        ({"namespaces": {}}, "at least 1"),
        (
            {"namespaces": {"a": {}, "b": {}}, "serviceAccounts": {"x": TRAINER}},
            "namespace is missing; allowed: a name",
        ),
        ({"namespaces": {"a": {}}, "serviceAccounts": {"default": TRAINER}}, "every namespace has a default"),
        ({"namespaces": {"kube-a": {}}}, "names other than default and kube-"),
        ({"namespaces": {"a": {}}, "editors": ["system:masters"]}, "editors has"),
    ],
)
def test_invalid_workspaces_are_rejected(team: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        TeamWorkspaceSpec.model_validate(team)


def test_a_team_and_a_service_account_have_a_name_for_a_role() -> None:
    def made(team: str, account: str) -> Plan:
        wanted = {"namespaces": {"lab": {}}, "serviceAccounts": {account: {"buckets": {"data": "read"}}}}
        args: Any = {**ARGS, "team": wanted}
        return declare(lambda: TeamWorkspace(team, args))

    assert made("x" * 20, "y" * 19).of(aws.iam.Role)
    with pytest.raises(ArgumentsError, match=r"team\.serviceAccounts has y+; allowed: names that have, with x+-"):
        made("x" * 20, "y" * 20)
