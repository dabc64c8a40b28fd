"""Rules of a security group that are separate resources, and other ways to be public."""

from typing import Any

import pytest

from changes import change, update, urn
from mlpctl.review.plan.model import Change, Op
from mlpctl.review.report.model import Certainty
from mlpctl.review.values.addresses import parsed
from mlpctl.review.values.plain import UNKNOWN
from unit.review.exposing import ACL_RULE, ALL, GROUP, HALVES, RULE, allow, reported

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def rule(type: str, port: int, cidr: str, op: Op = Op.CREATE, id_of_group: Any = "sg-1", **more: Any) -> Change:
    inputs: dict[str, Any] = {
        RULE: {"type": "ingress", "protocol": "tcp", "cidrBlocks": [cidr]},
        INGRESS: {"ipProtocol": "tcp", "cidrIpv4": cidr},
    }[type]
    inputs |= {"fromPort": port, "toPort": port, "securityGroupId": id_of_group}
    return change(type, op, name=f"{port} {cidr}", inputs=inputs, **more)


EXISTING = change(GROUP, Op.SAME, name="g", id="sg-1", inputs={"ingress": [allow(443)]})


@pytest.mark.parametrize("type", [RULE, INGRESS])
def test_separate_rules_are_combined_with_those_of_their_group(type: str) -> None:
    def texts(*changes: Change) -> list[str]:
        return [each.text for each in reported(EXISTING, *changes) if "internet" in each.text]

    assert len(texts(rule(type, 22, ALL))) == 1
    assert len(texts(*(rule(type, 22, each) for each in HALVES))) == 2
    assert texts(rule(type, 443, ALL)) == []
    assert texts(rule(type, 22, ALL), change(GROUP, Op.SAME, name="other")) == texts(rule(type, 22, ALL))
    # A rule under another name opens nothing.
    assert texts(rule(type, 22, ALL, Op.DELETE), rule(type, 22, ALL)) == []
    assert texts(rule(type, 22, HALVES[0], Op.SAME), rule(type, 22, HALVES[1]))[0].count("the whole internet") == 1


@pytest.mark.parametrize("type", [RULE, INGRESS])
def test_a_rule_of_a_new_group_opens_nothing_that_was_closed(type: str) -> None:
    group = change(GROUP, Op.CREATE, name="g")
    new = rule(type, 443, ALL, depends={"securityGroupId": (urn(GROUP, "g"),)}, id_of_group=UNKNOWN)
    assert reported(group, change(GROUP, Op.SAME, name="other"), new) == ()


def test_a_removed_deny_rule_opens_what_it_denied() -> None:
    def entry(number: int, action: str, op: Op) -> Change:
        inputs = {"networkAclId": "acl-1", "egress": False, "ruleNumber": number, "ruleAction": action}
        inputs |= {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlock": ALL}
        return change(ACL_RULE, op, name=str(number), inputs=inputs)

    (danger,) = reported(entry(1, "deny", Op.DELETE), entry(2, "allow", Op.SAME))
    assert "the whole internet passes the ACL on tcp 22 (SSH)" in danger.text
    assert danger.text.startswith("Deletes the network ACL 1")


def test_an_unknown_port_may_be_open() -> None:
    (danger,) = reported(update(GROUP, {"ingress": [allow(80)]}, {"ingress": [allow(80), allow(UNKNOWN)]}))
    assert danger.certainty is Certainty.MAY
    assert "the whole internet can connect on an unknown port" in danger.text
    (danger,) = reported(update(GROUP, {"ingress": [allow(80)]}, {"ingress": UNKNOWN}))
    assert (danger.certainty, "internet" in danger.text) == (Certainty.MAY, False)


def test_new_rules_are_listed_before_removed_ones() -> None:
    many = [allow(22, 22, f"10.{number}.0.0/16") for number in range(20)]
    (danger,) = reported(update(GROUP, {"ingress": many}, {"ingress": [allow(22)]}))
    assert '"0.0.0.0/0"' in danger.because[0] and danger.because[-1].startswith("and ")


def test_icmp_is_not_a_port() -> None:
    (danger,) = reported(update(GROUP, {"ingress": []}, {"ingress": [allow(-1, -1, protocol="icmp")]}))
    assert "the whole internet can connect on icmp" in danger.text
    worse = update(GROUP, {"ingress": []}, {"ingress": [allow(5432)]}, name="worse")
    ping = update(GROUP, {"ingress": []}, {"ingress": [allow(-1, -1, protocol="icmp")]})
    assert [each.name for each in reported(ping, worse)] == ["worse", "it"]


def test_an_open_port_comes_before_less_severe_dangers() -> None:
    nodes = "aws:eks/nodeGroup:NodeGroup"
    others = [
        update(
            nodes,
            {"instanceTypes": ["g6.xlarge"], "scalingConfig": {"desiredSize": 2}},
            {"instanceTypes": ["g6.xlarge"], "scalingConfig": {"desiredSize": 1}},
            name="nodes",
        ),
        change("aws:ec2/natGateway:NatGateway", Op.DELETE, name="nat"),
        update("aws:rds/instance:Instance", {"deletionProtection": True}, {"deletionProtection": False}, name="weaker"),
        change("aws:iam/role:Role", Op.DELETE, name="role"),
    ]
    opened = update(GROUP, {"ingress": []}, {"ingress": [allow(5432)]}, name="open")
    lost = change("aws:s3/bucket:Bucket", Op.DELETE, name="lost")
    assert [each.name for each in reported(*others, opened, lost)] == ["lost", "open", "nodes", "nat", "role", "weaker"]


PUBLIC = {"blockPublicAcls": False, "blockPublicPolicy": False, "bucket": "b"}
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET = change("aws:s3/bucket:Bucket", Op.SAME, name="b", id="b")


@pytest.mark.parametrize(
    ("type", "old", "new", "says"),
    [
        (BLOCK, None, PUBLIC, "objects may become public"),
        (BLOCK, None, {"bucket": "b", "blockPublicAcls": True}, ""),
        (BLOCK, {"bucket": "b"}, PUBLIC, ""),
        (BLOCK, {"blockPublicAcls": True}, {"blockPublicAcls": False}, "objects may become public"),
        (BLOCK, {"blockPublicAcls": True}, {}, "objects may become public"),
        ("aws:rds/instance:Instance", {"publiclyAccessible": False}, {"publiclyAccessible": True}, "public address"),
        ("aws:lb/loadBalancer:LoadBalancer", {"internal": True}, {"internal": False}, "from the internet"),
        (
            "aws:lambda/functionUrl:FunctionUrl",
            {"authorizationType": "AWS_IAM"},
            {"authorizationType": "NONE"},
            "anyone",
        ),
        (
            "kubernetes:networking.k8s.io/v1:Ingress",
            {"metadata": {"annotations": {"alb.ingress.kubernetes.io/scheme": "internal"}}},
            {"metadata": {"annotations": {"alb.ingress.kubernetes.io/scheme": "internet-facing"}}},
            "the whole internet can connect",
        ),
        (
            "kubernetes:cilium.io/v2:CiliumNetworkPolicy",
            {"spec": {"ingress": [{"fromEndpoints": [{}]}]}},
            {
                "spec": {
                    "ingress": [
                        {"fromEntities": ["world"], "toPorts": [{"ports": [{"port": "22", "protocol": "TCP"}]}]}
                    ]
                }
            },
            "the whole internet can connect to its pods on tcp 22",
        ),
    ],
)
def test_other_ways_to_be_public(type: str, old: Any, new: Any, says: str) -> None:
    made = change(type, Op.CREATE, inputs=new) if old is None else update(type, old, new)
    text = " ".join(each.text for each in reported(BUCKET, made))
    assert (says in text) if says else not text


def test_sets_of_addresses() -> None:
    assert parsed(HALVES) == parsed([ALL])
    assert not parsed(["10.0.0.0/8"])[4] - parsed(["10.0.0.0/9", "10.128.0.0/9"])[4]
    assert (parsed([ALL])[4] - parsed(["0.0.0.0/1"])[4]).spans == parsed(["128.0.0.0/1"])[4].spans
    assert parsed(["sg-1", None, "pl-1", {"a": 1}, "1.2.3.4/33"]) == parsed([])
    assert parsed(["1.2.3.4"])[4].size == 1 and parsed(["1.1.1.1-1.1.1.4"])[4].size == 4
