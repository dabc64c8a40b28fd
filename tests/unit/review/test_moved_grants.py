"""Grants and rules that are changed to another target or principal."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Certainty, Danger, Harm
from mlpctl.review.values.plain import UNKNOWN

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
CLUSTER_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
PUBLIC = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": "*"}]})
STAR = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
OWNER = "/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
SSH = {"protocol": "tcp", "fromPort": 22, "toPort": 22}


def found(*changes: Change) -> list[Danger]:
    return [each for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY]


def replaced(type: str, old: Mapping[str, Any], way: str, new: Any, **fields: Any) -> Change:
    return update(type, old, {**old, way: new}, op=Op.REPLACE, forced_by=(way,), **fields)


RULES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a rule": (
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        {**SSH, "type": "ingress", "cidrBlocks": ["0.0.0.0/0"], "securityGroupId": "sg-1"},
        "securityGroupId",
    ),
    "an ingress rule": (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0", "securityGroupId": "sg-1"},
        "securityGroupId",
    ),
    "a native rule": (
        "aws-native:ec2:SecurityGroupIngress",
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0", "groupId": "sg-1"},
        "groupId",
    ),
    "Google's": (
        "gcp:compute/firewall:Firewall",
        {"network": "dmz", "sourceRanges": ["0.0.0.0/0"], "allows": [{"protocol": "tcp", "ports": ["22"]}]},
        "network",
    ),
    "Azure's": (
        "azure-native:network:SecurityRule",
        {
            **{"networkSecurityGroupName": "dmz", "access": "Allow", "direction": "Inbound", "protocol": "Tcp"},
            **{"priority": 100, "sourceAddressPrefix": "*", "destinationPortRange": "22"},
        },
        "networkSecurityGroupName",
    ),
    "a network ACL's": (
        "aws:ec2/networkAclRule:NetworkAclRule",
        {**SSH, "networkAclId": "acl-1", "ruleAction": "allow", "ruleNumber": 1, "cidrBlock": "0.0.0.0/0"},
        "networkAclId",
    ),
    "a prefix list's": (
        "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry",
        {"prefixListId": "pl-1", "cidr": "0.0.0.0/0"},
        "prefixListId",
    ),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("target", ["other", UNKNOWN])
def test_a_rule_that_is_moved_opens_another_firewall(name: str, target: Any) -> None:
    type, inputs, way = RULES[name]
    (danger,) = found(replaced(type, inputs, way, target))
    assert "the whole internet" in danger.text
    assert any(each.startswith(f"{way}: ") or way in each for each in danger.because)


def test_a_rule_that_is_moved_to_an_equally_open_firewall_or_narrows_is_harmless() -> None:
    type, inputs, way = RULES["an ingress rule"]
    twin = change(type, Op.SAME, name="twin", inputs={**inputs, way: "sg-2"})
    assert "the whole internet" not in " ".join(each.text for each in found(replaced(type, inputs, way, "sg-2"), twin))
    inner = {**inputs, "cidrIpv4": "10.0.0.0/8"}
    assert "internet" not in " ".join(each.text for each in found(replaced(type, inner, way, "sg-2")))


@pytest.mark.parametrize("name", ["a rule", "an ingress rule"])
def test_the_rules_of_a_replaced_group_are_not_moved(name: str) -> None:
    type, inputs, way = RULES[name]
    group = change("aws:ec2/securityGroup:SecurityGroup", Op.REPLACE, name="g", id="sg-1", forced_by=("name",))
    rule = replaced(type, inputs, way, UNKNOWN, depends={way: (group.urn,)}, name="r")
    assert "internet" not in " ".join(each.text for each in found(group, rule))


def test_a_rule_for_web_ports_that_is_moved_to_a_new_group_is_harmless() -> None:
    type, inputs, way = RULES["an ingress rule"]
    group = change("aws:ec2/securityGroup:SecurityGroup", Op.CREATE, name="g")
    web = {**inputs, "fromPort": 443, "toPort": 443}
    rule = replaced(type, web, way, UNKNOWN, depends={way: (group.urn,)}, name="r")
    assert "internet" not in " ".join(each.text for each in found(group, rule))
    ssh = replaced(type, inputs, way, UNKNOWN, depends={way: (group.urn,)}, name="r")
    assert "tcp 22 (SSH)" in " ".join(each.text for each in found(group, ssh))


GRANTS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a project's owner": (
        "gcp:projects/iAMMember:IAMMember",
        {"project": "p", "role": "roles/owner", "member": "user:a@x.org"},
        "member project",
        "full access",
    ),
    "a project's owners": (
        "gcp:projects/iAMBinding:IAMBinding",
        {"project": "p", "role": "roles/owner", "members": ["user:a@x.org"]},
        "project",
        "full access",
    ),
    "a folder's owner": (
        "gcp:folder/iAMMember:IAMMember",
        {"folder": "f", "role": "roles/owner", "member": "user:a@x.org"},
        "folder member",
        "full access",
    ),
    "everybody on a bucket": (
        "gcp:storage/bucketIAMMember:BucketIAMMember",
        {"bucket": "b", "role": "roles/storage.objectViewer", "member": "allUsers"},
        "bucket",
        "anyone",
    ),
    "everybody on a service": (
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
        {"name": "s", "role": "roles/run.invoker", "member": "allUsers"},
        "name",
        "anyone",
    ),
    "a role's policy": (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "a", "policyArn": ADMIN},
        "role",
        "administrative permissions",
    ),
    "a user's policy": (
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        {"user": "a", "policyArn": ADMIN},
        "user",
        "administrative permissions",
    ),
    "a group's policy": (
        "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
        {"group": "a", "policyArn": ADMIN},
        "group",
        "administrative permissions",
    ),
    "a role's own policy": (
        "aws:iam/rolePolicy:RolePolicy",
        {"role": "a", "policy": STAR},
        "role",
        "administrative permissions",
    ),
    "a native role's own policy": (
        "aws-native:iam:RolePolicy",
        {"roleName": "a", "policyDocument": json.loads(STAR)},
        "roleName",
        "administrative permissions",
    ),
    "a permission set's policy": (
        "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment",
        {"permissionSetArn": "arn:a", "managedPolicyArn": ADMIN},
        "permissionSetArn",
        "administrative permissions",
    ),
    "a module's attachment": (
        "m:tf:aws_iam_role_policy_attachment",
        {"role": "a", "policyArn": ADMIN},
        "role",
        "administrative permissions",
    ),
    "an access entry's policy": (
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        {"clusterName": "c", "principalArn": "arn:a", "policyArn": CLUSTER_ADMIN},
        "principalArn clusterName",
        "full access to the cluster",
    ),
    "a native access entry": (
        "aws-native:eks:AccessEntry",
        {"clusterName": "c", "principalArn": "arn:a", "accessPolicies": [{"policyArn": CLUSTER_ADMIN}]},
        "principalArn",
        "full access",
    ),
    "a bucket's policy": ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "a", "policy": PUBLIC}, "bucket", "anyone"),
    "a bucket's ACL": ("aws:s3/bucketAcl:BucketAcl", {"bucket": "a", "acl": "public-read"}, "bucket", "anyone"),
    "a topic's policy": ("aws:sns/topicPolicy:TopicPolicy", {"arn": "arn:a", "policy": PUBLIC}, "arn", "anyone"),
    "a queue's policy": ("aws:sqs/queuePolicy:QueuePolicy", {"queueUrl": "a", "policy": PUBLIC}, "queueUrl", "anyone"),
    "a function's permission": (
        "aws:lambda/permission:Permission",
        {"function": "a", "action": "lambda:InvokeFunction", "principal": "*"},
        "function",
        "anyone",
    ),
    "an Azure owner": (
        "azure-native:authorization:RoleAssignment",
        {"scope": "/subscriptions/1", "roleDefinitionId": OWNER, "principalId": "1", "principalType": "User"},
        "principalId scope",
        "full access",
    ),
    "an owner by name": (
        "azure:authorization/assignment:Assignment",
        {"scope": "/subscriptions/1", "roleDefinitionName": "Owner", "principalId": "1"},
        "principalId scope",
        "full access",
    ),
}


@pytest.mark.parametrize("name", GRANTS)
@pytest.mark.parametrize("target", ["other", UNKNOWN])
def test_a_grant_that_is_moved_is_reported_like_a_new_one(name: str, target: Any) -> None:
    type, inputs, ways, says = GRANTS[name]
    for way in ways.split():
        old = {**inputs, way: ["a", "b"]} if isinstance(inputs[way], list) else inputs
        danger = found(replaced(type, old, way, target))[0]
        assert says in danger.text, way
        assert any(each.startswith(f"{way}: ") for each in danger.because), way


@pytest.mark.parametrize(
    ("type", "inputs", "name", "more", "says"),
    [
        ("gcp:projects/iAMBinding:IAMBinding", {"role": "roles/owner"}, "members", "user:b@x.org", "full access"),
        ("aws:iam/policyAttachment:PolicyAttachment", {"policyArn": ADMIN}, "roles", "b", "administrative"),
        ("aws:iam/policyAttachment:PolicyAttachment", {"policyArn": ADMIN}, "users", "b", "administrative"),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
            {"roleRef": {"name": "cluster-admin"}},
            "subjects",
            {"kind": "Group", "name": "interns"},
            "full access to the cluster",
        ),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
            {"roleRef": {"name": "cluster-admin"}},
            "subjects",
            {"kind": "Group", "name": "interns"},
            "full access to its namespace",
        ),
    ],
)
def test_another_principal_of_a_grant(type: str, inputs: Any, name: str, more: Any, says: str) -> None:
    first: Any = {"kind": "Group", "name": "admins"} if isinstance(more, dict) else "first"
    few, many = {**inputs, name: [first]}, {**inputs, name: [first, more]}
    assert says in found(update(type, few, many))[0].text
    assert says in found(update(type, few, {**inputs, name: [more]}))[0].text
    assert says not in " ".join(each.text for each in found(update(type, many, few)))
    reordered = {**inputs, name: [more, first]}
    assert says not in " ".join(each.text for each in found(update(type, many, reordered)))


def test_a_grant_of_a_replaced_target_is_not_moved() -> None:
    role = change("aws:iam/role:Role", Op.REPLACE, name="role", id="a", forced_by=("path",))
    type, inputs, way, says = GRANTS["a role's policy"]
    moved = replaced(type, inputs, way, UNKNOWN, name="p", depends={way: (role.urn,)})
    assert says not in " ".join(each.text for each in found(role, moved))
    other = change("aws:iam/role:Role", Op.CREATE, name="other")
    moved = replaced(type, inputs, way, UNKNOWN, name="p", depends={way: (other.urn,)})
    (danger,) = [each for each in found(role, other, moved) if says in each.text]
    assert danger.certainty is Certainty.MAY


def test_a_replaced_target_of_a_plan_without_dependencies_is_not_moved() -> None:
    type, inputs, way, says = GRANTS["a function's permission"]
    function = change("aws:lambda/function:Function", Op.REPLACE, name="f", id="f", forced_by=("name",))
    for old in ("f", "arn:aws:lambda:eu-west-1:1:function:f"):
        moved = replaced(type, {**inputs, way: old}, way, UNKNOWN, name="p")
        assert says not in " ".join(each.text for each in found(function, moved))
    moved = replaced(type, {**inputs, way: "g"}, way, UNKNOWN, name="p")
    assert says in " ".join(each.text for each in found(function, moved))


def test_a_grant_of_a_renamed_target_is_not_moved() -> None:
    type, inputs, way, says = GRANTS["a role's policy"]
    role = replaced("aws:iam/role:Role", {"name": "a"}, "name", "b", name="role", id="a")
    moved = replaced(type, inputs, way, "b", name="p", depends={way: (role.urn,)})
    assert says not in " ".join(each.text for each in found(role, moved))
    moved = replaced(type, inputs, way, "c", name="p", depends={way: (role.urn,)})
    assert says in " ".join(each.text for each in found(role, moved))


def test_the_same_target_in_another_notation_is_not_moved() -> None:
    for name, way, old, new in (
        ("a bucket's policy", "bucket", "a", "arn:aws:s3:::a"),
        ("a project's owner", "project", "projects/p", "p"),
    ):
        type, inputs, _, says = GRANTS[name]
        assert says not in " ".join(each.text for each in found(replaced(type, {**inputs, way: old}, way, new)))


def test_a_renamed_or_newly_explicit_target_is_not_moved() -> None:
    bucket = replaced("aws:s3/bucket:Bucket", {"bucket": "a", "acl": "public-read"}, "bucket", "b")
    assert "anyone" not in " ".join(each.text for each in found(bucket))
    type, inputs, _, says = GRANTS["everybody on a bucket"]
    assert says not in " ".join(each.text for each in found(replaced(type, inputs, "project", "p")))


def test_a_public_address_is_not_granted_to_a_target() -> None:
    database = replaced("aws:rds/instance:Instance", {"publiclyAccessible": True, "domain": "d-1"}, "domain", "d-2")
    assert "public address" not in " ".join(each.text for each in found(database))


def test_a_narrow_grant_that_is_moved_is_not_broad() -> None:
    type, inputs, way, says = GRANTS["a role's policy"]
    narrow = {**inputs, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    assert says not in " ".join(each.text for each in found(replaced(type, narrow, way, "other")))
