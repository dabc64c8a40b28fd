"""How the work of the rules grows with the resources of a kind, in calls, since time depends on the machine."""

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from mlpctl.policies.estate import Estate, Resource
from mlpctl.policies.evaluate import evaluate
from mlpctl.policies.plan_estate import names_of
from mlpctl.policies.rules import rules
from mlpctl.settings.policies import PolicySettings

RULES = rules()
TODAY = date(2026, 11, 29)
SIZES = (6, 42)

Made = tuple[str, str, Mapping[str, Any], Mapping[str, str]]
"""Role, type, inputs, and for each input the role that it depends on."""


def buckets(name: str) -> Iterator[Made]:
    yield "bucket", "aws:s3/bucket:Bucket", {"bucket": name}, {}
    yield "logging", "aws:s3/bucketLogging:BucketLogging", {"bucket": name, "targetBucket": "logs"}, {}
    yield "versions", "aws:s3/bucketVersioning:BucketVersioning", {"bucket": name}, {"bucket": "bucket"}
    yield "balancer", "aws:lb/loadBalancer:LoadBalancer", {"accessLogs": {"bucket": f"{name}-logs"}}, {}


def deployments(name: str) -> Iterator[Made]:
    selector = {"matchLabels": {"app": name, "part-of": "all"}}
    taken = {"nodeSelector": {"pool": name}, "serviceAccountName": name}
    container = {"name": "a", "image": "a:1", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    pod = {"metadata": {"labels": {"app": name, "part-of": "all"}}, "spec": {**taken, "containers": [container]}}
    spec = {"replicas": 2, "template": pod}
    yield "deployment", "kubernetes:apps/v1:Deployment", {"metadata": {"namespace": "all"}, "spec": spec}, {}
    policy = {"podSelector": selector, "ingress": [{"from": [{"podSelector": {}}]}]}
    yield (
        "policy",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        {"metadata": {"namespace": "all"}, "spec": policy},
        {},
    )
    deny = {"metadata": {"namespace": "all"}, "spec": {"podSelector": {}}}
    yield "deny", "kubernetes:networking.k8s.io/v1:NetworkPolicy", deny, {}
    account = {"metadata": {"name": name, "namespace": "all"}}
    yield "account", "kubernetes:core/v1:ServiceAccount", account, {}
    subject = {"kind": "ServiceAccount", "name": f"other-{name}"}
    binding = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
    yield "binding", binding, {"roleRef": {"name": "view"}, "subjects": [subject]}, {}
    yield "space", "kubernetes:core/v1:Namespace", {"metadata": {"name": f"own-{name}"}}, {}
    pool = {"labels": {"pool": name}, "scalingConfig": {"maxSize": 2}, "instanceTypes": ["g6.xlarge"]}
    yield "pool", "aws:eks/nodeGroup:NodeGroup", pool, {}


def groups(name: str) -> Iterator[Made]:
    yield "group", "aws:ec2/securityGroup:SecurityGroup", {"name": name}, {}
    web = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}
    type = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    yield "rule", type, {**web, "securityGroupId": f"id-{name}-group"}, {"securityGroupId": "group"}
    for zone in "abcd":
        yield f"target-{zone}", "aws:efs/mountTarget:MountTarget", {"subnetId": "subnet-1"}, {}
    notes = {"service.beta.kubernetes.io/aws-load-balancer-security-groups": name}
    yield (
        "service",
        "kubernetes:core/v1:Service",
        {"metadata": {"annotations": notes}, "spec": {"type": "LoadBalancer"}},
        {},
    )


def roles(name: str) -> Iterator[Made]:
    every = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
    yield "policy", "aws:iam/policy:Policy", {"name": name, "policy": every}, {}
    yield "role", "aws:iam/role:Role", {"name": name, "permissionsBoundary": f"arn:aws:iam::1:policy/{name}"}, {}
    attached = {"role": name, "policyArn": f"arn:aws:iam::1:policy/other-{name}"}
    yield "attachment", "aws:iam/rolePolicyAttachment:RolePolicyAttachment", attached, {"role": "role"}


def estate_of(made: Callable[[str], Iterator[Made]], size: int) -> Estate:
    """The stack with this many copies of what `made` yields."""

    def urn(name: str, role: str) -> str:
        return f"urn:pulumi:a::a::test::{name}-{role}"

    def make(estate: Estate) -> Iterator[Resource]:
        for name in (f"n{number}" for number in range(size)):
            for role, type, inputs, depends in made(name):
                id = f"id-{name}-{role}"
                causes = {key: [urn(name, each)] for key, each in depends.items()}
                names = names_of(type, inputs, id)
                yield Resource(urn(name, role), type, inputs, estate, id, depends=causes, names=names)

    return Estate(make, today=TODAY)


def calls(estate: Estate) -> int:
    """Number of function calls of all rules."""
    count = 0

    def counted(*event: Any) -> None:
        nonlocal count
        count += event[1] in ("call", "c_call")

    assert estate.resources
    sys.setprofile(counted)
    try:
        evaluate(RULES, estate, PolicySettings(), "prod", TODAY)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("made", [buckets, deployments, groups, roles], ids=lambda each: each.__name__)
def test_the_work_of_the_rules_is_linear_in_the_resources_of_a_kind(made: Callable[[str], Iterator[Made]]) -> None:
    calls(estate_of(made, 1))
    some, more = (calls(estate_of(made, size)) for size in SIZES)
    # Part of the work is the same for all sizes.
    assert more * SIZES[0] <= some * SIZES[1], (some, more)
