"""What the invariants read from a plan: routes, endpoints, policy statements and pods."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

import pulumi_aws as aws

from mlplatform.foundation.network.reach import Door, Subnet
from mlplatform.testing import Declared, Plan

Json = Mapping[str, Any]


def buckets_without(plan: Plan, kind: type, holds: Callable[[Json], bool]) -> Iterator[str]:
    """List the buckets without a resource of this kind, or with one that does not meet a condition."""
    beside: dict[str, list[Json]] = {}
    for each in plan.of(kind):
        beside.setdefault(str(each.inputs["bucket"]), []).append(each.inputs)
    for bucket in plan.of(aws.s3.Bucket):
        found = beside.get(bucket.id, [])
        if not found or not all(map(holds, found)):
            yield f"{bucket.name} has no {kind.__name__} that meets the rule"


def routes(plan: Plan) -> tuple[list[Subnet], list[Door]]:
    """The private subnets in a plan with their routes, and the interface endpoints."""
    tables = {
        each.inputs.get("subnetId"): each.inputs["routeTableId"] for each in plan.of(aws.ec2.RouteTableAssociation)
    }
    public, leaving = set(), set()
    for route in plan.of(aws.ec2.Route):
        if is_the_internet(route.inputs.get("destinationCidrBlock")):
            (public if route.inputs.get("gatewayId") else leaving).add(route.inputs["routeTableId"])
            if not any(value for key, value in route.inputs.items() if key.endswith(("GatewayId", "InterfaceId"))):
                leaving.discard(route.inputs["routeTableId"])
    opened: dict[str, list[str]] = {}
    for rule in plan.of(aws.vpc.SecurityGroupIngressRule):
        if rule.inputs.get("fromPort", 0) <= 443 <= rule.inputs.get("toPort", 65535) and rule.inputs.get("cidrIpv4"):
            opened.setdefault(rule.inputs["securityGroupId"], []).append(rule.inputs["cidrIpv4"])
    gateways: dict[str, set[str]] = {}
    doors = []
    for each in plan.of(aws.ec2.VpcEndpoint):
        for table in each.inputs.get("routeTableIds") or ():
            gateways.setdefault(table, set()).add(service_of(each))
        if each.inputs["vpcEndpointType"] == "Interface":
            groups = each.inputs["securityGroupIds"]
            open_to = [cidr for group in groups for cidr in opened.get(group, ())]
            doors.append(Door(service_of(each), open_to, bool(each.inputs.get("privateDnsEnabled"))))
    subnets = [
        Subnet(each.name, each.inputs["cidrBlock"], table in leaving, frozenset(gateways.get(table, ())))
        for each in plan.of(aws.ec2.Subnet)
        if (table := tables.get(each.id, "")) not in public
    ]
    return subnets, doors


def service_of(endpoint: Declared) -> str:
    """The service of a VPC endpoint, e.g. `ecr.api` of `com.amazonaws.us-east-1.ecr.api`."""
    return str(endpoint.inputs["serviceName"]).partition("com.amazonaws.")[2].partition(".")[2]


def statements(declared: Declared) -> Iterator[Json]:
    """List the statements of every policy among a resource's inputs."""
    for key, value in declared.inputs.items():
        if key.lower().endswith("policy") and isinstance(value, str) and value.startswith("{"):
            yield from json.loads(value).get("Statement", ())


def names_a_principal(condition: Json) -> bool:
    """Whether a condition names principals, or requires a mount target.

    Only the sources in its security group can reach a mount target:
    https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
    """
    if condition.get("Bool", {}).get("elasticfilesystem:AccessedViaMountTarget") == "true":
        return True
    keys = {key for operator, keys in condition.items() if operator in ("ArnEquals", "StringEquals") for key in keys}
    return bool(keys & {"aws:PrincipalArn", "aws:PrincipalAccount", "kms:CallerAccount"})


def pods(value: Any) -> Iterator[Json]:
    """Find pod specs at any depth."""
    if isinstance(value, Mapping):
        if isinstance(value.get("containers"), Sequence):
            yield value
        for each in value.values():
            yield from pods(each)
    elif isinstance(value, list):
        for each in value:
            yield from pods(each)


def takes_tags(kind: str) -> bool:
    """Whether the SDK's class of a type token, e.g. `aws:s3/bucket:Bucket`, has tags."""
    _, module, name = kind.split(":")
    return hasattr(getattr(getattr(aws, module.split("/")[0]), name), "tags")


def is_the_internet(cidr: str | None) -> bool:
    return cidr is not None and ip_network(cidr, strict=False).prefixlen == 0


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def is_true(value: Any) -> bool:
    """EC2 launch templates contain booleans as strings."""
    return value is True or value == "true"
