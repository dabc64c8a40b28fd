"""AWS resources in another form that means the same to AWS, and access that is limited to namespaces."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op

BALANCER, LISTENER = "aws:lb/loadBalancer:LoadBalancer", "aws:lb/listener:Listener"
RULE, ACL = "aws:alb/listenerRule:ListenerRule", "aws:ec2/networkAcl:NetworkAcl"
RECORD, POLICY = "aws:route53/record:Record", "aws:iam/policy:Policy"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
ENTRY, NATIVE = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "aws-native:eks:AccessEntry"


def acl(*rules: tuple[int, str, str]) -> dict[str, Any]:
    every = {"protocol": "-1", "fromPort": 0, "toPort": 0}
    return {"ingress": [{**every, "ruleNo": number, "action": act, "cidrBlock": cidr} for number, act, cidr in rules]}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def encrypted(key: str, **more: Any) -> dict[str, Any]:
    by = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    return {"bucket": "b", "rules": [{"applyServerSideEncryptionByDefault": by, **more}]}


def forward(*groups: Any, **more: Any) -> dict[str, Any]:
    return {"defaultActions": [{"type": "forward", "forward": {"targetGroups": [*groups], **more}}]}


SIMPLE = {"defaultActions": [{"type": "forward", "targetGroupArn": "t"}]}
TEN, ELEVEN = "10.0.0.0/8", "11.0.0.0/8"

SAME: dict[str, tuple[str, Any, Any]] = {
    "subnets": (BALANCER, {"subnets": ["a", "b"]}, {"subnetMappings": [{"subnetId": "b"}, {"subnetId": "a"}]}),
    "a target group": (LISTENER, SIMPLE, forward({"arn": "t", "weight": 1})),
    "a target group of a rule": (
        RULE,
        {"actions": [{"type": "forward", "targetGroupArn": "t", "order": 1}]},
        {"actions": [{"type": "forward", "forward": {"targetGroups": [{"arn": "t"}]}, "order": 1}]},
    ),
    "a rule's number": (ACL, acl((100, "allow", TEN)), acl((50, "allow", TEN))),
    "another spelling of a rule": (ACL, acl((100, "allow", TEN)), acl((50, "ALLOW", TEN))),
    "rules with the same action": (
        ACL,
        acl((100, "allow", TEN), (110, "allow", ELEVEN)),
        acl((110, "allow", TEN), (100, "allow", ELEVEN)),
    ),
    "a bucket key": (ENCRYPTION, encrypted("k"), encrypted("k", bucketKeyEnabled=True)),
    "the order of records": (RECORD, {"records": ["1.1.1.1", "2.2.2.2"]}, {"records": ["2.2.2.2", "1.1.1.1"]}),
    "an action that another one covers": (POLICY, allow(["s3:GetObject", "s3:*"]), allow("s3:*")),
    "a resource that another one covers": (
        POLICY,
        allow("s3:GetObject", ["arn:aws:s3:::a/b", "arn:aws:s3:::a/*"]),
        allow("s3:GetObject", "arn:aws:s3:::a/*"),
    ),
}
OTHER: dict[str, tuple[str, Any, Any]] = {
    "a subnet less": (BALANCER, {"subnets": ["a", "b"]}, {"subnetMappings": [{"subnetId": "a"}]}),
    "another target group": (LISTENER, SIMPLE, forward({"arn": "u"})),
    "two target groups": (LISTENER, SIMPLE, forward({"arn": "t"}, {"arn": "u"})),
    "a weight of nothing": (LISTENER, SIMPLE, forward({"arn": "t", "weight": 0})),
    "sticky targets": (LISTENER, SIMPLE, forward({"arn": "t"}, stickiness={"enabled": True, "duration": 60})),
    "rules in another order": (
        ACL,
        acl((100, "deny", "10.1.0.0/16"), (110, "allow", TEN)),
        acl((100, "allow", TEN), (110, "deny", "10.1.0.0/16")),
    ),
    "another key": (ENCRYPTION, encrypted("k"), encrypted("l", bucketKeyEnabled=True)),
    "another record": (RECORD, {"records": ["1.1.1.1", "2.2.2.2"]}, {"records": ["2.2.2.2"]}),
    "an action of another service": (POLICY, allow(["sqs:SendMessage", "s3:*"]), allow("s3:*")),
    "an action with a question mark": (POLICY, allow(["s3:Ge?Object", "s3:GetObject*"]), allow("s3:GetObject*")),
    "a resource for another action": (
        POLICY,
        allow(["s3:Get*"], ["arn:aws:s3:::a/b", "arn:aws:s3:::b/*"]),
        allow(["s3:Get*"], ["arn:aws:s3:::b/*"]),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_another_form_of_the_same_resource_is_no_danger(name: str) -> None:
    type, old, new = SAME[name]
    assert dangers(plan(update(type, old, new))) == ()
    assert dangers(plan(update(type, new, old))) == ()


@pytest.mark.parametrize("name", OTHER)
def test_another_resource_is_still_a_danger(name: str) -> None:
    type, old, new = OTHER[name]
    assert dangers(plan(update(type, old, new)))


ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
ALL, SOME = {"type": "cluster"}, {"type": "namespace", "namespaces": ["dev"]}


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)))


def test_an_access_policy_for_some_namespaces_gives_no_full_access_to_the_cluster() -> None:
    base = {"clusterName": "c", "principalArn": "p", "policyArn": ADMIN}
    entries = {
        ENTRY: lambda scope: {**base, "accessScope": scope},
        NATIVE: lambda scope: {**base, "accessPolicies": [{"policyArn": ADMIN, "accessScope": scope}]},
    }
    for type, inputs in entries.items():
        assert "full access to the cluster" in text_of(change(type, Op.CREATE, inputs=inputs(ALL)))
        assert "full access to the cluster" not in text_of(change(type, Op.CREATE, inputs=inputs(SOME)))
        wider = text_of(update(type, inputs(SOME), inputs(ALL)))
        assert "access to all namespaces" in wider or "full access to the cluster" in wider
    assert "full access to its namespaces" in text_of(change(ENTRY, Op.CREATE, inputs=entries[ENTRY](SOME)))
