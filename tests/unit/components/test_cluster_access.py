"""Access to a cluster: its endpoint, access entries and administrators, and how the program signs in."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import EksCluster, EksClusterSpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.compute.eks_cluster.access import endpoint_access
from mlplatform.compute.eks_cluster.kubeconfig import TOKEN_COMMAND, kubeconfig, with_credentials_of
from mlplatform.testing import declare
from unit.components.clusters import ADMIN, cluster, control_plane, refused


def test_the_endpoint_is_private_unless_networks_are_named() -> None:
    assert endpoint_access(EksClusterSpec()) == {"endpoint_private_access": True, "endpoint_public_access": False}
    public = endpoint_access(EksClusterSpec(public_access_cidrs=["203.0.112.0/24"]))
    assert public["endpoint_public_access"] is True
    assert public["public_access_cidrs"] == ["203.0.112.0/24"]


def test_the_whole_internet_is_rejected_as_an_allowlist() -> None:
    with pytest.raises(ValidationError, match="networks of /8 or narrower, not the whole internet"):
        EksClusterSpec(public_access_cidrs=["0.0.0.0/0"])


def test_access_uses_only_access_entries() -> None:
    assert control_plane()["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": True,
    }


def test_an_access_entry_gets_its_policy_in_its_scope() -> None:
    viewer = {"principal_arn": "arn:aws:iam::123456789012:role/viewers", "level": "view", "namespaces": ["chat"]}
    plan = cluster(access={"viewers": viewer})
    assert plan.one(aws.eks.AccessEntry).inputs["principalArn"] == viewer["principal_arn"]
    association = plan.one(aws.eks.AccessPolicyAssociation).inputs
    assert association["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    assert association["accessScope"] == {"type": "namespace", "namespaces": ["chat"]}


def test_the_private_endpoint_allows_only_the_listed_sources() -> None:
    public = cluster(private_access_cidrs=[], public_access_cidrs=["203.0.112.0/24"])
    assert public.of(aws.vpc.SecurityGroupIngressRule) == []
    plan = cluster(private_access_cidrs=["10.0.0.0/8"], private_access_security_groups=["sg-0a1b2c3d4e5f67890"])
    rules = {each.name: each.inputs for each in plan.of(aws.vpc.SecurityGroupIngressRule)}
    assert {*rules} == {"main-api-from-10-0-0-0-8", "main-api-from-sg-0a1b2c3d4e5f67890"}
    assert rules["main-api-from-10-0-0-0-8"]["cidrIpv4"] == "10.0.0.0/8"
    assert rules["main-api-from-sg-0a1b2c3d4e5f67890"]["referencedSecurityGroupId"] == "sg-0a1b2c3d4e5f67890"
    for rule in rules.values():
        assert rule["securityGroupId"] == plan.outputs["main"]["security_group_id"]
        assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 443, 443)


def test_a_role_can_get_access_by_its_name() -> None:
    arn = "arn:aws-us-gov:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123"
    entry = cluster(
        {"aws:iam/getRole:getRole": lambda args: {"arn": arn, "id": args["name"], "name": args["name"]}},
        access={"admins": {"role": "AWSReservedSSO_Admin_0123", "level": "clusterAdmin"}},
    ).one(aws.eks.AccessEntry)
    assert entry.inputs["principalArn"] == arn


def test_a_service_linked_role_cannot_get_access_by_its_name() -> None:
    """https://github.com/hashicorp/terraform-provider-aws/issues/36447"""
    arn = "arn:aws:iam::123456789012:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
    with pytest.raises(pulumi.RunError, match="EKS does not accept service-linked roles"):
        cluster(
            {"aws:iam/getRole:getRole": {"arn": arn, "id": "x", "name": "x"}},
            access={"jobs": {"role": "AWSServiceRoleForAmazonEKS", "level": "edit"}},
        )


def test_roles_and_security_groups_that_the_program_creates_can_get_access() -> None:
    def program() -> None:
        role = aws.iam.Role("ml-engineers", assume_role_policy="{}")
        group = aws.ec2.SecurityGroup("runners")
        args: Any = {
            "cluster": {"access": {"ml": {"level": "view"}, "ops": ADMIN}},
            "principal_arns": {"ml": role.arn},
            "private_access_security_groups": {"runners": group.id},
            "subnet_ids": pulumi.Output.from_input(["subnet-aaaaaaaa", "subnet-bbbbbbbb"]),
            **{f"{key}_key_arn": "arn:aws:kms:us-east-1:123456789012:key/key" for key in ("secrets", "logs", "disks")},
        }
        EksCluster("main", args)

    plan = declare(program)
    entries = {each.name: each.inputs["principalArn"] for each in plan.of(aws.eks.AccessEntry)}
    assert entries["main-ml-access"].endswith("role/ml-engineers")
    assert entries["main-ops-access"] == ADMIN["principal_arn"]
    rule = plan.one(aws.vpc.SecurityGroupIngressRule, "main-api-from-runners")
    assert rule.inputs["referencedSecurityGroupId"] == plan.one(aws.ec2.SecurityGroup).id


@pytest.mark.parametrize(
    ("access", "principals", "message"),
    [
        ({"ml": {"level": "view"}}, {}, "cluster.access.ml names no principal; allowed: exactly one of role, princi"),
        ({"ml": ADMIN}, {"ml": "arn:x"}, "cluster.access.ml names more than one principal; allowed: exactly one of"),
        ({"ml": ADMIN}, {"nlp": "arn:x"}, "principal_arns.nlp has no entry of this name; allowed: ml"),
    ],
)
def test_an_access_entry_has_exactly_one_principal(access: Any, principals: Any, message: str) -> None:
    with pytest.raises(ArgumentsError, match=message):
        cluster(access=access, more={"principal_arns": principals})


@pytest.mark.parametrize("sessions", [False, True])
def test_shell_sessions_are_optional_and_add_only_their_own_permissions(sessions: bool) -> None:
    plan = cluster(node_sessions=sessions)
    policies = {each.name: json.loads(each.inputs["policy"]) for each in plan.of(aws.iam.RolePolicy)}
    managed = [each.inputs["policyArn"] for each in plan.of(aws.iam.RolePolicyAttachment)]
    assert not [each for each in managed if "SSM" in each]
    assert [*policies] == (["main-system-sessions"] if sessions else [])
    for policy in policies.values():
        (statement,) = policy["Statement"]
        assert {each.split(":")[0] for each in statement["Action"]} == {"ssm", "ssmmessages"}
        assert [each for each in statement["Action"] if each.startswith("ssm:")] == ["ssm:UpdateInstanceInformation"]


def test_cluster_admins_cannot_be_limited_to_namespaces() -> None:
    with pytest.raises(ValidationError, match="level is clusterAdmin; allowed: admin, edit or view"):
        EksClusterSpec(access={"admins": {**ADMIN, "namespaces": ["chat"]}})  # type: ignore[dict-item]  # as YAML gives it


def test_the_output_access_contains_the_entries_and_the_creator() -> None:
    assert cluster(access={"ops": ADMIN}).outputs["main"]["access"] == {
        "(creator)": "clusterAdmin",
        "ops": "clusterAdmin",
    }
    view = {"principal_arn": "arn:aws:iam::123456789012:role/b", "level": "view"}
    without = cluster(access={"ops": ADMIN, "ml": view}, creator_is_admin=False)
    assert without.outputs["main"]["access"] == {"ops": "clusterAdmin", "ml": "view"}


def test_a_cluster_needs_an_administrator() -> None:
    with pytest.raises(ValidationError, match="access needs an entry with level clusterAdmin"):
        EksClusterSpec(creator_is_admin=False)
    assert EksClusterSpec(creator_is_admin=False, access={"admins": ADMIN})  # type: ignore[dict-item]  # as YAML gives it


def test_the_kubeconfig_contains_no_credential_and_signs_in_with_our_command() -> None:
    config = json.loads(kubeconfig("arn:aws:eks:eu-west-1:123456789012:cluster/main", "https://example", "Q0E="))
    (user,) = config["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["command"] == TOKEN_COMMAND
    assert user["user"]["exec"]["args"] == ["--cluster", "main", "--region", "eu-west-1"]
    assert config["clusters"][0]["cluster"] == {"server": "https://example", "certificate-authority-data": "Q0E="}


def signed_in(**aws_config: Any) -> Any:
    """The exec entry of the kubeconfig, for this configuration of the AWS provider."""
    found: list[str] = []
    plain = kubeconfig("arn:aws:eks:eu-west-1:123456789012:cluster/main", "https://example", "Q0E=")
    declare(
        lambda: with_credentials_of(pulumi.Config("aws"), plain).apply(found.append),
        {f"aws:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in aws_config.items()},
    )
    (user,) = json.loads(found[0])["users"]
    return user["user"]["exec"]


def test_the_program_signs_in_to_the_cluster_with_the_aws_provider_s_credentials() -> None:
    role = "arn:aws:iam::123456789012:role/deployer"
    assert "env" not in signed_in() and "--role-arn" not in signed_in()["args"]
    assert signed_in(profile="work")["env"] == [{"name": "AWS_PROFILE", "value": "work"}]
    assert signed_in(assumeRoles=[{"roleArn": role, "sessionName": "ci"}])["args"][-2:] == ["--role-arn", role]


def test_a_chain_of_assumed_roles_is_rejected() -> None:
    role = {"roleArn": "arn:aws:iam::123456789012:role/deployer"}
    with pytest.raises(pulumi.RunError, match="has 2 roles; allowed: one role with roleArn"):
        signed_in(assumeRoles=[role, role])
    with pytest.raises(pulumi.RunError, match="has 1 roles with externalId"):
        signed_in(assumeRoles=[{**role, "externalId": "x"}])


@pytest.mark.parametrize("groups", [None, {}])
def test_a_cluster_that_nobody_can_reach_is_rejected(groups: Any) -> None:
    wanted = EksClusterSpec(public_access_cidrs=[])
    problems = refused(cluster=wanted, private_access_security_groups=groups)
    assert problems["cluster.privateAccessCidrs"].startswith("is empty; allowed: networks with a route into the VPC")


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [
        ({"public_access_cidrs": ["203.0.112.0/24"]}, None),
        ({"private_access_security_groups": ["sg-0a1b2c3d4e5f67890"]}, None),
        ({}, lambda: {"runners": pulumi.Output.from_input("sg-0a1b2c3d4e5f67890")}),
    ],
)
def test_any_source_of_access_is_sufficient(wanted: Any, groups: Any) -> None:
    assert cluster(more={"cluster": EksClusterSpec(**wanted), "private_access_security_groups": groups})


def test_an_access_entry_can_have_groups_and_no_policy() -> None:
    plan = cluster(access={"lab": {"principal_arn": "arn:aws:iam::123456789012:role/lab", "groups": ["research"]}})
    assert plan.one(aws.eks.AccessEntry).inputs["kubernetesGroups"] == ["research"]
    assert plan.of(aws.eks.AccessPolicyAssociation) == []
    assert plan.outputs["main"]["access"] == {"(creator)": "clusterAdmin"}
