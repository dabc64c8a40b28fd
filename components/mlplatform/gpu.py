"""Where training and inference run: pools of GPU nodes."""

import base64
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlplatform import instances
from mlplatform.component import Component
from mlplatform.nodes import Capacity, managed_nodes
from mlplatform.pools import LOCAL_DISKS, GpuPool, Reservation, autoscaler_hints, gpu_nodes
from mlplatform.spec import spec


class GpuNodePoolArgs(TypedDict):
    """What a `GpuNodePool` is given."""

    pool: GpuPool
    """The pool."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster that the nodes join."""

    cluster_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes, with which they follow the cluster. Default: the cluster's at their creation."""

    cluster_security_group_id: NotRequired[pulumi.Input[str]]
    """Security group that the cluster and its nodes share. Needed for EFA."""

    vpc_id: NotRequired[pulumi.Input[str]]
    """Id of the VPC. Needed for EFA."""

    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Private subnets for the nodes, in the pool's zones."""

    disks_key_arn: pulumi.Input[str]
    """Key that the nodes' disks are encrypted with."""

    account_id: NotRequired[pulumi.Input[str]]
    """AWS account, 12 digits. Needed for a group of reservations."""

    region: NotRequired[pulumi.Input[str]]
    """AWS region. Needed for a group of reservations."""
    cached_repository_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Repositories that the nodes may make by pulling through caches. Default: none."""

    partition: NotRequired[pulumi.Input[str]]
    """AWS partition. Default: `aws`."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Policy that bounds the IAM roles. Default: none."""

    protect: NotRequired[bool]
    """Refuse to delete or replace the nodes, whose capacity may not be had again. Default: false."""

    tags: NotRequired[dict[str, str]]
    """Tags for every taggable child, and for the instances and their volumes."""


class GpuNodePool(Component):
    """A managed group of GPU nodes that only pods asking for a GPU are put on.

    The nodes run Bottlerocket's NVIDIA variant, which brings driver and device plugin.
    """

    node_group_name: pulumi.Output[str]
    """Name of the managed node group."""

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        pool = spec(GpuPool, args["pool"])

        wanted = gpu_nodes(name, pool, self._launch(name, pool, args))
        nodes = managed_nodes(
            self,
            name,
            wanted,
            cluster_name=args["cluster_name"],
            version=args.get("cluster_version"),
            subnet_ids=args["subnet_ids"],
            disks_key_arn=args["disks_key_arn"],
            cached_repository_arns=args.get("cached_repository_arns", ()),
            partition=args.get("partition", "aws"),
        )

        for number, (key, value) in enumerate(sorted(autoscaler_hints(wanted, pool.types).items())):
            aws.autoscaling.Tag(
                f"{name}-autoscaler-hint-{number}",
                autoscaling_group_name=nodes.resources.apply(lambda made: made[0].autoscaling_groups[0].name),
                tag={"key": key, "value": value, "propagate_at_launch": False},
                opts=self.child(),
            )

        self.node_group_name = nodes.node_group_name
        self._done()

    def _launch(self, name: str, pool: GpuPool, args: GpuNodePoolArgs) -> dict[str, Any]:
        """Arguments of the launch template that only some pools have."""
        launch: dict[str, Any] = {}
        if pool.local_disks and all(each.nvme_disks for each in pool.types):
            launch["user_data"] = base64.b64encode(LOCAL_DISKS.encode()).decode()
        if pool.efa:
            _need(args, "vpc_id", "cluster_security_group_id", since="pool has efa")
            groups = [args["cluster_security_group_id"], self._fabric(name, args["vpc_id"]).id]
            launch["network_interfaces"] = [
                {**interface, "security_groups": groups, "delete_on_termination": "true"}
                for interface in instances.efa_interfaces(pool.types[0])
            ]
        if pool.placement_group:
            group = aws.ec2.PlacementGroup(
                f"{name}-placement",
                strategy="cluster",
                tags=self.tags_for(f"{name}-placement"),
                opts=self.child(),
            )
            launch["placement"] = {"group_name": group.name}
        if pool.reservation:
            launch["capacity_reservation_specification"] = self._reserved(pool.reservation, args)
        if pool.capacity is Capacity.CAPACITY_BLOCK:
            launch["instance_market_options"] = {"market_type": "capacity-block"}
        return launch

    def _fabric(self, name: str, vpc_id: pulumi.Input[str]) -> "aws.ec2.SecurityGroup":
        """A security group whose members reach each other over EFA, which no rule for addresses allows.

        Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-start.html
        """
        group = aws.ec2.SecurityGroup(
            f"{name}-fabric",
            vpc_id=vpc_id,
            description="EFA between the nodes of one pool",
            tags=self.tags_for(f"{name}-fabric"),
            opts=self.child(),
        )
        directions = {"in": aws.vpc.SecurityGroupIngressRule, "out": aws.vpc.SecurityGroupEgressRule}
        for direction, rule in directions.items():
            rule(
                f"{name}-fabric-{direction}",
                security_group_id=group.id,
                referenced_security_group_id=group.id,
                ip_protocol="-1",
                description="EFA between the nodes of one pool",
                tags=self.tags_for(f"{name}-fabric-{direction}"),
                opts=self.child(),
            )
        return group

    def _reserved(self, reservation: Reservation, args: GpuNodePoolArgs) -> dict[str, Any]:
        target: dict[str, Any] = {"capacity_reservation_id": reservation.id}
        if reservation.group:
            _need(args, "region", "account_id", since="pool has reservation.group")
            target = {
                "capacity_reservation_resource_group_arn": pulumi.Output.concat(
                    *("arn:", args.get("partition", "aws"), ":resource-groups:", args["region"], ":"),
                    *(args["account_id"], ":group/", reservation.group),
                )
            }
        # Without this, nodes beyond a group's reservations would be bought on demand.
        return {"capacity_reservation_preference": "capacity-reservations-only", "capacity_reservation_target": target}


def _need(args: GpuNodePoolArgs, *names: str, since: str) -> None:
    if missing := [name for name in names if name not in args]:
        raise ValueError(f"{', '.join(missing)} is missing; needed, since {since}")
