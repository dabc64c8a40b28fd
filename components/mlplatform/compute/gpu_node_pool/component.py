"""Pools of GPU nodes for training and inference."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired

import pulumi
import pulumi_aws as aws

from awsfacts import instances
from mlplatform import grammar
from mlplatform.args import BoundaryArgs, JoinArgs, PartitionArgs
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, need, reporting, what_is
from mlplatform.component import Component, this_stack
from mlplatform.compute.gpu_node_pool.spec import (
    GpuNodePoolSpec,
    Reservation,
    autoscaler_hints,
    gpu_nodes,
    name_problem,
    own_group,
    too_many_group_tags,
)
from mlplatform.compute.node_group.nodes import Joined, group_tags, managed_nodes, running
from mlplatform.compute.node_group.scaling import Capacity


class GpuNodePoolArgs(JoinArgs, BoundaryArgs, PartitionArgs):
    """Arguments of `GpuNodePool`."""

    pool: GpuNodePoolSpec
    """The pool."""

    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Private subnets for the nodes, in the pool's zones."""

    disks_key_arn: pulumi.Input[str]
    """ARN of the KMS key for the nodes' volumes."""

    account_id: NotRequired[pulumi.Input[str]]
    """AWS account ID, 12 digits. Required for a group of reservations."""

    region: NotRequired[pulumi.Input[str]]
    """AWS region. Required for a group of reservations."""

    cached_repository_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of the repositories that the nodes may create by pulling through caches. Default: none."""

    protect: NotRequired[bool]
    """Protect the nodes from deletion and replacement: AWS may not have the capacity again. Default: false."""

    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Tags for every child resource that supports tags. Changed tags reach only instances that start later."""


_JOINING: Final = ("cluster_endpoint", "cluster_certificate_authority", "cluster_service_cidr")
"""Arguments that nodes with a pinned image need to join the cluster."""


class GpuNodePool(Component):
    """A managed node group with GPUs. A taint keeps pods that do not request a GPU off the nodes.

    The nodes run Bottlerocket's NVIDIA variant, which includes the driver and the device plugin.
    """

    node_group_name: pulumi.Output[str]
    """Name of the managed node group."""

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(GpuNodePoolArgs, self, name, args)
        if allowed := name_problem(name):
            raise ArgumentsError(what_is(self, name), [Problem("name", f"is {name}; allowed: {allowed}")])
        pool, tags = args["pool"], args.get("tags", {})
        # Tags that are an output as a whole are rejected where they are used.
        if isinstance(tags, Mapping) and (wrong := too_many_group_tags(pool, len(tags))):
            raise ArgumentsError(what_is(self, name), [Problem("pool.labels", wrong)])
        each_once = reporting(self, name, "subnet_ids", grammar.each_once)
        if isinstance(args["subnet_ids"], list):
            each_once(args["subnet_ids"])
        super().__init__(name, args, opts)

        if pool.ami_release:
            need(self, name, args, "cluster_version", *_JOINING, since="pool has amiRelease")
        own = own_group(name, this_stack())
        there = running(own, self.asking()) if pool.autoscaled else None
        wanted = gpu_nodes(name, pool, self._launch(name, pool, args), there)
        nodes = managed_nodes(
            self,
            name,
            wanted,
            cluster=Joined(
                args["cluster_name"],
                args.get("cluster_version"),
                args.get("cluster_endpoint", ""),
                args.get("cluster_certificate_authority", ""),
                args.get("cluster_service_cidr", ""),
            ),
            subnet_ids=pulumi.Output.from_input(args["subnet_ids"]).apply(each_once),
            disks_key_arn=args["disks_key_arn"],
            cached_repository_arns=args.get("cached_repository_arns", ()),
            partition=args.get("partition", "aws"),
            sessions=args.get("node_sessions", False),
        )
        if pool.autoscaled:
            group_tags(self, f"{name}-hint", nodes, {**autoscaler_hints(wanted), **own}, propagated=False)

        self.node_group_name = nodes.node_group_name
        self._done()

    def _launch(self, name: str, pool: GpuNodePoolSpec, args: GpuNodePoolArgs) -> dict[str, Any]:
        """Arguments of the launch template that only some pools have."""
        launch: dict[str, Any] = {}
        if pool.efa:
            need(self, name, args, "cluster_security_group_id", since="pool has efa")
            # EFA traffic is allowed between members of a security group, not by rules for addresses:
            # https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
            groups = [args["cluster_security_group_id"]]
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
            launch["capacity_reservation_specification"] = self._reserved(name, pool.reservation, args)
        if pool.capacity is Capacity.CAPACITY_BLOCK:
            launch["instance_market_options"] = {"market_type": "capacity-block"}
        return launch

    def _reserved(self, name: str, reservation: Reservation, args: GpuNodePoolArgs) -> dict[str, Any]:
        target: dict[str, Any] = {"capacity_reservation_id": reservation.id}
        if reservation.group:
            need(self, name, args, "region", "account_id", since="pool has reservation.group")
            target = {
                "capacity_reservation_resource_group_arn": pulumi.Output.concat(
                    *("arn:", args.get("partition", "aws"), ":resource-groups:", args["region"], ":"),
                    *(args["account_id"], ":group/", reservation.group),
                )
            }
        # Otherwise nodes that exceed a group's reservations would run on demand.
        return {"capacity_reservation_preference": "capacity-reservations-only", "capacity_reservation_target": target}
