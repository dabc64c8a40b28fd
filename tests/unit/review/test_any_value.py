"""Values of a plan that are unknown, secret or of another type than expected; a review never fails because of them."""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from pulumi.runtime import rpc

from mlpctl.review.command import review
from mlpctl.review.reading import reader
from unit.review.canaries import SECRET, SIGNATURE, resource
from unit.review.previews import preview

_ORDERED: Final = {"priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp"}
_AZURE: Final = {**_ORDERED, "sourceAddressPrefix": "10.0.0.0/8", "destinationPortRanges": ["22", "80-90"]}
_ACL: Final = {
    "ruleNo": 100,
    "action": "deny",
    "protocol": "tcp",
    "fromPort": 22,
    "toPort": 22,
    "cidrBlock": "0.0.0.0/0",
}
_POD: Final = {
    "hostPID": True,
    "volumes": [{"name": "a", "hostPath": {"path": "/data"}}],
    "containers": [{"name": "a", "image": "a:1", "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "1Gi"}}}],
}
_DATABASE: Final = {
    "engine": "postgres", "engineVersion": "11.22", "instanceClass": "db.t4g.medium", "allocatedStorage": 100,
    "storageType": "gp3", "iops": 4000, "multiAz": True, "publiclyAccessible": False,
}  # fmt: skip
_PORT: Final = {"port": 80, "endPort": 90}
_STATEMENT: Final = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
_RULE: Final = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]}
_PROBED: Final = {
    "failurePolicy": "Fail",
    "rules": [{**_RULE, "operations": ["CREATE"]}],
    "namespaceSelector": {"a": "b"},
}

INPUTS: Final[dict[str, Any]] = {
    "aws:dynamodb/table:Table": {"billingMode": "PROVISIONED", "readCapacity": 5, "writeCapacity": 5},
    "aws:ec2/instance:Instance": {"instanceType": "g6.xlarge", "rootBlockDevice": {"volumeSize": 100}},
    "aws:ec2/networkAcl:NetworkAcl": {"ingress": [_ACL, {**_ACL, "ruleNo": 200, "action": "allow"}]},
    "aws:ec2/networkAclRule:NetworkAclRule": {"networkAclId": "acl-1", "ruleNumber": 5, "ruleAction": "allow"},
    "aws:ec2/securityGroup:SecurityGroup": {
        "ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["10.0.0.0/8"], "self": True}]
    },
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": {
        "policy": {"rules": [{"rulePriority": 1, "selection": {"countNumber": 9}, "action": {"type": "expire"}}]}
    },
    "aws:eks/nodeGroup:NodeGroup": {"instanceTypes": ["g6.xlarge"], "scalingConfig": {"desiredSize": 2, "maxSize": 4}},
    "aws:iam/role:Role": {"assumeRolePolicy": {"Statement": [_STATEMENT]}, "maxSessionDuration": 3600},
    "aws:kinesis/stream:Stream": {"shardCount": 2, "streamModeDetails": {"streamMode": "PROVISIONED"}},
    "aws:lb/listener:Listener": {
        "defaultActions": [{"type": "forward", "forward": {"targetGroups": [{"arn": "a", "weight": 1}]}}]
    },
    "aws:lb/loadBalancer:LoadBalancer": {"subnetMappings": [{"subnetId": "subnet-1"}], "internal": True},
    "aws:rds/instance:Instance": _DATABASE,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        "bucket": "a", "rules": [{"id": "a", "filter": {"prefix": "a"}, "expiration": {"days": 30}}]
    },
    "aws:s3/bucketPolicy:BucketPolicy": {"bucket": "a", "policy": {"Statement": [_STATEMENT]}},
    "azure-native:network:NetworkSecurityGroup": {"securityRules": [_AZURE, {**_AZURE, "priority": 200}]},
    "azure-native:network:SecurityRule": {**_AZURE, "networkSecurityGroupName": "a"},
    "gcp:compute/firewall:Firewall": {
        "network": "a", "allows": [{"protocol": "tcp", "ports": ["22"]}], "sourceRanges": ["10.0.0.0/8"], "priority": 5
    },
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration": {"webhooks": [_PROBED]},
    "kubernetes:apps/v1:Deployment": {"spec": {"replicas": 2, "template": {"spec": _POD}}},
    "kubernetes:core/v1:PersistentVolumeClaim": {"spec": {"resources": {"requests": {"storage": "10Gi"}}}},
    "kubernetes:core/v1:ResourceQuota": {"spec": {"hard": {"cpu": "2", "requests.memory": "1Gi"}}},
    "kubernetes:core/v1:Secret": {"stringData": {"a": "b"}, "data": {"c": "ZA=="}},
    "kubernetes:core/v1:Service": {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}},
    "kubernetes:networking.k8s.io/v1:Ingress": {
        "metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}}, "spec": {"tls": [{"hosts": ["a"]}]}
    },
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": {
        "spec": {
            "podSelector": {"matchLabels": {"a": "b"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [_PORT]}],
        }
    },
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": {"rules": [_RULE]},
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": {
        "roleRef": {"kind": "ClusterRole", "name": "a"}, "subjects": [{"kind": "Group", "name": "a"}]
    },
}  # fmt: skip
"""Representative inputs of types whose values a review interprets, by type."""

OTHERS: Final[tuple[Any, ...]] = (
    rpc.UNKNOWN,
    {SIGNATURE: SECRET, "plaintext": '"zz"'},
    "high", "²", "\u0661", "{", "{}", "{0!r}", "1e999", "1e99999999999999999999", "0x10", "-",
    "10.0.0.0/99", "\ud800", "9" * 5000,
    -1, 10**400, float("inf"), float("nan"), True, None,
    [], [1], [None], [{}], [[]], ["a", {"b": [1]}],
    {}, {"a": 1}, {"a": {"b": ["c"]}},
)  # fmt: skip
"""Values that take the place of others: unknown, secret, and of all types."""


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _paths(each, (*path, key))


def _replaced(inputs: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(inputs)
    found = made
    for each in path[:-1]:
        found = found[each]
    found[path[-1]] = value
    return made


def _documents(inputs: Any) -> Any:
    """Inputs in which IAM policies are texts, as their provider expects."""
    return {
        key: json.dumps(each) if "olicy" in key and isinstance(each, dict) else each for key, each in inputs.items()
    }


def _steps(number: int, every: int) -> Iterator[dict[str, Any]]:
    """Updates in which every path of every type has another value, on the old, on the new or on both sides."""
    for type, inputs in INPUTS.items():
        for place, path in enumerate(_paths(inputs)):
            other = _replaced(inputs, path, OTHERS[(number + place * every) % len(OTHERS)])
            old, new = ((inputs, other), (other, inputs), (other, other), (None, other))[(number + place) % 4]
            old, new = (None if each is None else _documents(each) for each in (old, new))
            yield resource(f"a{place}-{number}", type, op="update" if old else "create", old=old, new=new)


def _is_reviewed(*steps: dict[str, Any]) -> None:
    assert review(reader.read(json.dumps(preview(*steps, cost={"maxMonthlyUsd": 5})))).to_json()


def test_a_value_of_any_type_at_any_path_is_reviewed() -> None:
    _is_reviewed(*_steps(0, every=5))


@pytest.mark.engine  # seconds for all values
@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_every_value_at_every_path_is_reviewed(number: int) -> None:
    _is_reviewed(*_steps(number, every=0))
