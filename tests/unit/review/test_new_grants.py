"""New resources that grant everything or are public."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
CHINA = "arn:aws-cn:iam::aws:policy/IAMFullAccess"
READER = "arn:aws:iam::aws:policy/ReadOnlyAccess"
CLUSTER_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEWER = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def statement(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def trust(principal: Any, **more: Any) -> str:
    return json.dumps(statement("sts:AssumeRole", Principal=principal, **more))


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


STAR, READS = statement(), statement(["s3:Get*", "logs:*"])
ANYTHING = {
    "all actions": STAR,
    "all actions in a list": statement(["s3:GetObject", "*"]),
    "all actions by their services": statement("*:*"),
    "all actions under a condition": statement(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    "all actions but some": {"Statement": {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}},
    "all of IAM": statement("iam:*"),
    "IAM in capitals": statement("IAM:Put*"),
    "policies of any role": statement("iam:AttachRolePolicy", "arn:aws:iam::123456789012:role/*"),
    "versions of any policy": statement(["iam:GetPolicy", "iam:CreatePolicyVersion"]),
    "the second statement": {"Statement": [*READS["Statement"], *STAR["Statement"]]},
}
LITTLE = {
    "some actions": READS,
    "all actions on one bucket": statement("*", "arn:aws:s3:::models/*"),
    "policies of one role": statement("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/trainer"),
    "policies inside a boundary": statement("iam:PutRolePolicy", Condition={"StringEquals": {"iam:Boundary": "b"}}),
    "a deny statement": {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]},
    "passing roles": statement("iam:PassRole"),
}

WAYS: dict[str, tuple[str, Any]] = {
    "a role's own": ("aws:iam/role:Role", lambda each: {"inlinePolicies": [{"name": "p", "policy": json.dumps(each)}]}),
    "a role's": ("aws:iam/rolePolicy:RolePolicy", lambda each: {"role": "new", "policy": json.dumps(each)}),
    "a user's": ("aws:iam/userPolicy:UserPolicy", lambda each: {"user": "new", "policy": json.dumps(each)}),
    "a group's": ("aws:iam/groupPolicy:GroupPolicy", lambda each: {"group": "new", "policy": json.dumps(each)}),
    "a policy": ("aws:iam/policy:Policy", lambda each: {"policy": json.dumps(each)}),
    "a permission set's": (
        "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
        lambda each: {"inlinePolicy": json.dumps(each)},
    ),
    "a native role's own": (
        "aws-native:iam:Role",
        lambda each: {"policies": [{"policyName": "p", "policyDocument": each}]},
    ),
    "a native policy": ("aws-native:iam:ManagedPolicy", lambda each: {"policyDocument": each}),
    "a native role's": ("aws-native:iam:RolePolicy", lambda each: {"policyDocument": each, "roleName": "new"}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ANYTHING)
def test_a_new_policy_that_allows_everything_is_reported(way: str, name: str) -> None:
    type, inputs = WAYS[way]
    assert "administrative permissions" in text_of(change(type, Op.CREATE, inputs=inputs(ANYTHING[name])))
    assert "administrative permissions" in text_of(update(type, inputs(READS), inputs(ANYTHING[name])))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LITTLE)
def test_a_new_narrow_policy_is_not_reported(way: str, name: str) -> None:
    type, inputs = WAYS[way]
    assert "administrative permissions" not in text_of(change(type, Op.CREATE, inputs=inputs(LITTLE[name])))


def test_a_policy_that_already_allowed_everything_is_not_reported() -> None:
    was, now = WAYS["a role's own"][1](STAR), WAYS["a role's own"][1](statement(Sid="All"))
    assert "administrative permissions" not in text_of(update("aws:iam/role:Role", was, now))


MANAGED: dict[str, tuple[str, Any]] = {
    "a role's": ("aws:iam/role:Role", lambda arn: {"managedPolicyArns": [READER, arn]}),
    "an attachment": ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", lambda arn: {"role": "n", "policyArn": arn}),
    "a user's": ("aws:iam/userPolicyAttachment:UserPolicyAttachment", lambda arn: {"user": "n", "policyArn": arn}),
    "a group's": ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", lambda arn: {"group": "n", "policyArn": arn}),
    "of several": ("aws:iam/policyAttachment:PolicyAttachment", lambda arn: {"roles": ["n"], "policyArn": arn}),
    "all of a role": (
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        lambda arn: {"roleName": "n", "policyArns": [arn]},
    ),
    "a permission set's": (
        "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment",
        lambda arn: {"managedPolicyArn": arn},
    ),
    "a module's": ("m:tf:aws_iam_role_policy_attachment", lambda arn: {"role": "n", "policyArn": arn}),
    "a native role's": ("aws-native:iam:Role", lambda arn: {"managedPolicyArns": [arn]}),
    "a native user's": ("aws-native:iam:User", lambda arn: {"managedPolicyArns": [arn]}),
    "a native group's": ("aws-native:iam:Group", lambda arn: {"managedPolicyArns": [arn]}),
}


@pytest.mark.parametrize("name", MANAGED)
def test_a_new_attachment_of_an_administrator_policy_is_reported(name: str) -> None:
    type, inputs = MANAGED[name]
    for arn in (ADMIN, CHINA):
        new = change(type, Op.CREATE, inputs=inputs(arn), depends={"role": ("urn:pulumi:dev::shop::x:y:Z::new",)})
        assert "administrative permissions" in text_of(new)
        assert "administrative permissions" in text_of(update(type, inputs(READER), inputs(arn)))
    assert "administrative permissions" not in text_of(change(type, Op.CREATE, inputs=inputs(READER)))


def test_the_principals_that_can_assume_a_new_role() -> None:
    for principal in ("*", {"AWS": "*"}, {"AWS": ["arn:aws:iam::1:root", "*"]}):
        new = change("aws:iam/role:Role", Op.CREATE, inputs={"assumeRolePolicy": trust(principal)})
        assert "anyone can assume it" in text_of(new)
    for text in (
        trust({"Service": "ec2.amazonaws.com"}),
        trust("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o"}}),
    ):
        assert text_of(change("aws:iam/role:Role", Op.CREATE, inputs={"assumeRolePolicy": text})) == ""


CLUSTER: dict[str, tuple[str, Any, Any]] = {
    "a policy of an access entry": (
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        {"policyArn": CLUSTER_ADMIN},
        {"policyArn": VIEWER},
    ),
    "a native access entry": (
        "aws-native:eks:AccessEntry",
        {"accessPolicies": [{"policyArn": CLUSTER_ADMIN}]},
        {"accessPolicies": [{"policyArn": VIEWER}]},
    ),
    "a role in a map": (
        "kubernetes:core/v1:ConfigMap",
        {"metadata": {"name": "aws-auth"}, "data": {"mapRoles": "- groups: ['system:masters']\n  rolearn: a"}},
        {"metadata": {"name": "aws-auth"}, "data": {"mapRoles": "- groups: ['system:nodes']\n  rolearn: a"}},
    ),
    "a binding": (
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
        {"roleRef": {"name": "cluster-admin"}},
        {"roleRef": {"name": "view"}},
    ),
    "a binding in a namespace": (
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
        {"roleRef": {"name": "cluster-admin"}},
        {"roleRef": {"name": "view"}},
    ),
}


@pytest.mark.parametrize("name", CLUSTER)
def test_a_new_grant_of_full_cluster_access_is_reported(name: str) -> None:
    type, all_, some = CLUSTER[name]
    assert "full access to" in text_of(change(type, Op.CREATE, inputs=all_))
    assert "full access to" not in text_of(change(type, Op.CREATE, inputs=some))
    assert "full access to" in text_of(update(type, some, all_))


def inbound(port: int, cidr: str = "0.0.0.0/0", last: int | None = None) -> dict[str, Any]:
    return {"protocol": "tcp", "fromPort": port, "toPort": last or port, "cidrBlocks": [cidr]}


FIREWALLS: dict[str, tuple[str, Any]] = {
    "a group": ("aws:ec2/securityGroup:SecurityGroup", lambda port, who: {"ingress": [inbound(port, who)]}),
    "a default group": (
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        lambda port, who: {"ingress": [inbound(port, who)]},
    ),
    "a native group": (
        "aws-native:ec2:SecurityGroup",
        lambda port, who: {
            "securityGroupIngress": [{"ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIp": who}]
        },
    ),
    "Google's": (
        "gcp:compute/firewall:Firewall",
        lambda port, who: {"sourceRanges": [who], "allows": [{"protocol": "tcp", "ports": [str(port)]}]},
    ),
    "Azure's": (
        "azure-native:network:NetworkSecurityGroup",
        lambda port, who: {
            "securityRules": [
                {
                    **{"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "priority": 100},
                    **{"sourceAddressPrefix": who, "destinationPortRange": str(port)},
                }
            ]
        },
    ),
}


@pytest.mark.parametrize("name", FIREWALLS)
def test_a_new_open_firewall_is_reported_except_for_web_ports(name: str) -> None:
    type, inputs = FIREWALLS[name]
    for port in (22, 3389, 5432, 6379):
        assert f"the whole internet can connect on tcp {port}" in text_of(
            change(type, Op.CREATE, inputs=inputs(port, "0.0.0.0/0"))
        )
        assert text_of(change(type, Op.CREATE, inputs=inputs(port, "10.0.0.0/8"))) == ""
    for port in (80, 443):
        assert text_of(change(type, Op.CREATE, inputs=inputs(port, "0.0.0.0/0"))) == ""


def test_a_port_range_that_contains_a_web_port_is_reported() -> None:
    for rules in ([inbound(0, last=65535)], [inbound(443, last=444)], [inbound(443), inbound(22)]):
        assert "the whole internet" in text_of(
            change("aws:ec2/securityGroup:SecurityGroup", Op.CREATE, inputs={"ingress": rules})
        )


def test_separate_rules_of_a_new_group() -> None:
    group = change("aws:ec2/securityGroup:SecurityGroup", Op.CREATE, name="g")
    inputs = {"securityGroupId": "later", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0"}
    type, depends = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"securityGroupId": (group.urn,)}
    assert "tcp 22 (SSH)" in text_of(group, change(type, Op.CREATE, name="r", inputs=inputs, depends=depends))
    web = {**inputs, "fromPort": 443, "toPort": 443}
    assert text_of(group, change(type, Op.CREATE, name="r", inputs=web, depends=depends)) == ""


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("aws:s3/bucketPolicy:BucketPolicy", "policy"),
        ("aws:sqs/queuePolicy:QueuePolicy", "policy"),
        ("aws:kms/key:Key", "policy"),
        ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"),
        ("aws:ecr/repositoryPolicy:RepositoryPolicy", "policy"),
        ("aws:opensearch/domain:Domain", "accessPolicies"),
    ],
)
def test_a_new_resource_that_anyone_can_use(type: str, name: str) -> None:
    everybody = {name: json.dumps(statement("x:Read", Principal="*"))}
    assert "anyone can use it" in text_of(change(type, Op.CREATE, inputs=everybody))
    named = {name: json.dumps(statement("x:Read", Principal={"AWS": "arn:aws:iam::1:root"}))}
    assert "anyone" not in text_of(change(type, Op.CREATE, inputs=named))


def test_a_domain_in_a_vpc_is_not_public() -> None:
    inputs = {"accessPolicies": json.dumps(statement("es:*", Principal="*")), "vpcOptions": {"subnetIds": ["subnet-1"]}}
    assert text_of(change("aws:opensearch/domain:Domain", Op.CREATE, inputs=inputs)) == ""


@pytest.mark.parametrize(
    ("type", "inputs", "says"),
    [
        ("aws:s3/bucket:Bucket", {"acl": "public-read"}, "anyone"),
        ("aws:rds/instance:Instance", {"publiclyAccessible": True}, "it gets a public address"),
        ("aws-native:rds:DbInstance", {"publiclyAccessible": True}, "it gets a public address"),
    ],
)
def test_a_new_resource_that_is_public(type: str, inputs: Any, says: str) -> None:
    assert says in text_of(change(type, Op.CREATE, inputs=inputs))
    assert says not in text_of(change(type, Op.CREATE, inputs={}))


@pytest.mark.parametrize(
    ("type", "parent", "public", "limited"),
    [
        (
            "aws:lambda/functionUrl:FunctionUrl",
            {"functionName": "f"},
            {"authorizationType": "NONE"},
            {"authorizationType": "AWS_IAM"},
        ),
        ("aws-native:lambda:Url", {"targetFunctionArn": "f"}, {"authType": "NONE"}, {"authType": "AWS_IAM"}),
        (
            "aws:lambda/permission:Permission",
            {"function": "f"},
            {"principal": "*"},
            {"principal": "*", "principalOrgId": "o-1"},
        ),
        (
            "aws-native:lambda:Permission",
            {"functionName": "f"},
            {"principal": "*"},
            {"principal": "events.amazonaws.com"},
        ),
        (
            "aws:ec2/amiLaunchPermission:AmiLaunchPermission",
            {"imageId": "ami-1"},
            {"group": "all"},
            {"accountId": "123456789012"},
        ),
    ],
)
def test_what_admits_everybody_to_a_new_resource(type: str, parent: Any, public: Any, limited: Any) -> None:
    (name,) = parent
    function = change("aws:lambda/function:Function", Op.CREATE, name="f", inputs={"name": "f"})
    for depends in ({}, {name: (function.urn,)}):
        new = change(type, Op.CREATE, name="u", inputs={**parent, **public}, depends=depends)
        assert "anyone can" in text_of(function, new)
        new = change(type, Op.CREATE, name="u", inputs={**parent, **limited}, depends=depends)
        assert "anyone can" not in text_of(function, new)
    assert "anyone can" in text_of(update(type, {**parent, **limited}, {**parent, **public}))


def test_a_new_kafka_cluster_with_public_addresses() -> None:
    access = {"brokerNodeGroupInfo": {"connectivityInfo": {"publicAccess": {"type": "SERVICE_PROVIDED_EIPS"}}}}
    assert "reachable from the internet" in text_of(change("aws:msk/cluster:Cluster", Op.CREATE, inputs=access))
