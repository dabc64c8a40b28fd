"""The VPC of a cluster, from moto's EC2."""

from collections.abc import Sequence
from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.ec2.models.subnets import Subnet

from awsfacts.zones import WITHOUT_CONTROL_PLANE
from mlsandbox.endpoint.eks.backend import Call, EksBackend, random_id
from mlsandbox.endpoint.eks.errors import InvalidParameter, UnsupportedAvailabilityZone


@dataclass(frozen=True)
class Place:
    """A subnet for nodes."""

    subnet_id: str
    zone: str
    cidr: str
    """IPv4 range, e.g. `10.0.1.0/24`."""


def find_subnets(backend: EksBackend, subnet_ids: Sequence[str]) -> list[Subnet]:
    """The subnets in the order of `subnet_ids`. Raises `InvalidParameter` if one does not exist."""
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    found = {subnet.id: subnet for by_id in list(ec2.subnets.values()) for subnet in list(by_id.values())}
    for subnet_id in subnet_ids:
        if subnet_id not in found:
            raise InvalidParameter(
                f"The subnet ID '{subnet_id}' does not exist (Service: AmazonEC2; Status Code: 400; "
                "Error Code: InvalidSubnetID.NotFound)"
            )
    return [found[subnet_id] for subnet_id in subnet_ids]


def places(backend: EksBackend, subnet_ids: Sequence[str]) -> list[Place]:
    """The possible places of nodes in a group with these subnets."""
    return [
        Place(subnet.id, subnet.availability_zone, subnet.cidr_block) for subnet in find_subnets(backend, subnet_ids)
    ]


def check_cluster_subnets(call: Call, cluster_name: str, subnet_ids: Sequence[str]) -> str:
    """The VPC of a cluster's subnets.

    Raises `InvalidParameter` unless they are in one VPC and at least two zones, and `UnsupportedAvailabilityZone` for a
    zone that does not support control planes.
    """
    subnets = find_subnets(call.backend, subnet_ids)
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise InvalidParameter("Subnets specified must belong to the same VPC")
    unsupported = [subnet for subnet in subnets if subnet.availability_zone_id in WITHOUT_CONTROL_PLANE]
    if unsupported:
        ec2 = ec2_backends[call.backend.account_id][call.backend.region_name]
        zones = ec2.describe_availability_zones([], [])
        valid = sorted(zone.name for zone in zones if zone.zone_id not in WITHOUT_CONTROL_PLANE)
        raise UnsupportedAvailabilityZone(
            f"Cannot create cluster '{cluster_name}' because {unsupported[0].availability_zone}, the targeted "
            "availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose "
            f"from these availability zones: {', '.join(valid)}"
        )
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise InvalidParameter("Subnets specified must be in at least two different AZs")
    return str(subnets[0].vpc_id)


def check_security_groups(call: Call, group_ids: Sequence[str], vpc_id: str) -> None:
    """Raise `InvalidParameter` if a security group is not in the VPC."""
    ec2 = ec2_backends[call.backend.account_id][call.backend.region_name]
    for group_id in group_ids:
        if group_id not in ec2.groups.get(vpc_id, {}):
            raise InvalidParameter(f"Security group(s) {group_id} not found in the VPC {vpc_id} of the subnets")


def make_cluster_security_group(call: Call, cluster_name: str, vpc_id: str) -> str:
    """Create the cluster security group, which allows all traffic between its members, and return its ID."""
    ec2 = ec2_backends[call.backend.account_id][call.backend.region_name]
    group = ec2.create_security_group(
        name=f"eks-cluster-sg-{cluster_name}-{random_id(10, '0123456789')}",
        description="EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as "
        "well as any managed workloads.",
        vpc_id=vpc_id,
        tags={f"kubernetes.io/cluster/{cluster_name}": "owned", "aws:eks:cluster-name": cluster_name},
    )
    # The egress rule to the group itself is required for EFA traffic; a rule for addresses does not allow it:
    # https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
    for authorize in (ec2.authorize_security_group_ingress, ec2.authorize_security_group_egress):
        authorize(group.id, "-1", "-1", "-1", [], source_groups=[{"GroupId": group.id}], vpc_id=vpc_id)
    return str(group.id)
