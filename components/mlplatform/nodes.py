"""How a group of nodes joins a cluster: role, launch template, managed node group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Self

import pulumi
import pulumi_aws as aws
from pydantic import Field, model_validator

from mlplatform import iam
from mlplatform.component import Component
from mlplatform.images import filling_policy
from mlplatform.spec import Spec

WORKER_POLICIES: Final = {
    "join": "AmazonEKSWorkerNodePolicy",
    "pull": "AmazonEC2ContainerRegistryPullOnly",
}
"""What a node itself needs; the network plugin and every other pod has a role of its own:
https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html"""

MAX_NODES: Final = 450
"""Nodes in a managed node group at most: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html"""

AMI_RELEASE: Final = r"^\d+\.\d+\.\d+-[0-9a-f]{8}$"
"""A release of Bottlerocket's images for EKS: https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-versions-bottlerocket.html"""

METADATA_OPTIONS: Final = {
    "http_endpoint": "enabled",
    "http_tokens": "required",
    # One hop: the node's own credentials stay out of the reach of pods, which have Pod Identity.
    "http_put_response_hop_limit": 1,
    "instance_metadata_tags": "disabled",
}


REPAIR: Final = {
    "enabled": True,
    # One after the other, and none while half of the pool is ill: then the fault is hardly the nodes'.
    "max_parallel_nodes_repaired_count": 1,
    "max_unhealthy_node_threshold_percentage": 50,
}
"""https://docs.aws.amazon.com/eks/latest/userguide/node-auto-repair.html"""


class Capacity(Enum):
    """How nodes are bought."""

    ON_DEMAND = "onDemand"
    SPOT = "spot"
    CAPACITY_BLOCK = "capacityBlock"


CAPACITY_TYPES: Final = {
    Capacity.ON_DEMAND: "ON_DEMAND",
    Capacity.SPOT: "SPOT",
    Capacity.CAPACITY_BLOCK: "CAPACITY_BLOCK",
}
"""https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html"""


class Scaling(Spec):
    """How many nodes a pool has."""

    min_nodes: int = Field(default=0, ge=0, le=MAX_NODES)
    """Fewest nodes."""

    nodes: int = Field(default=0, ge=0, le=MAX_NODES)
    """Nodes that run now, between the fewest and the most."""

    max_nodes: int = Field(default=4, ge=1, le=MAX_NODES)
    """Most nodes, and so the ceiling of what the pool can cost."""

    @model_validator(mode="after")
    def _nodes_lie_within_limits(self) -> Self:
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"minNodes is {self.min_nodes}; allowed: up to maxNodes ({self.max_nodes})")
        if not self.min_nodes <= self.nodes <= self.max_nodes:
            raise ValueError(
                f"nodes is {self.nodes}; allowed: minNodes ({self.min_nodes}) to maxNodes ({self.max_nodes})"
            )
        return self


@dataclass(frozen=True)
class Pool:
    """A managed node group in plain values."""

    instance_types: Sequence[str]
    ami_type: str
    capacity: Capacity
    scaling: Scaling
    disk_gb: int
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    ami_release: str | None = None
    repaired: bool = True
    replaced_within_limits: bool = False
    """Whether an update ends old nodes before it starts new ones, so that it needs no node beyond the most."""

    launch: Mapping[str, Any] = field(default_factory=dict)
    """More arguments of the launch template."""


def managed_nodes(
    component: Component,
    role_name: str,
    pool: Pool,
    *,
    cluster_name: pulumi.Input[str],
    version: pulumi.Input[str] | None,
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]],
    disks_key_arn: pulumi.Input[str],
    partition: pulumi.Input[str],
    cached_repository_arns: Sequence[pulumi.Input[str]] = (),
    depends_on: Sequence[pulumi.Resource] = (),
) -> "aws.eks.NodeGroup":
    """Make the node group `role_name` and what it needs as children of `component`.

    Nodes follow a cluster to another Kubernetes `version` only where they are given one.
    """
    role = aws.iam.Role(
        f"{role_name}-role",
        assume_role_policy=iam.trust("ec2.amazonaws.com"),
        permissions_boundary=component.permissions_boundary,
        tags=component.tags_for(f"{role_name}-role"),
        opts=component.child(),
    )
    attachments: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(
            f"{role_name}-{purpose}",
            role=role.name,
            policy_arn=iam.managed_policy(policy, partition),
            opts=component.child(),
        )
        for purpose, policy in WORKER_POLICIES.items()
    ]
    if cached_repository_arns:
        attachments.append(
            aws.iam.RolePolicy(
                f"{role_name}-fill-caches",
                role=role.id,
                policy=pulumi.Output.all(*cached_repository_arns).apply(filling_policy),
                opts=component.child(),
            )
        )
    template = aws.ec2.LaunchTemplate(
        f"{role_name}-template",
        update_default_version=True,
        metadata_options=METADATA_OPTIONS,
        block_device_mappings=volumes(pool.disk_gb, disks_key_arn),
        # A single type lies here, where a change of it rolls the nodes; in the node group it would replace the group.
        instance_type=pool.instance_types[0] if len(pool.instance_types) == 1 else None,
        tag_specifications=[
            {"resource_type": kind, "tags": component.tags_for(role_name)}
            for kind in ("instance", "volume", "network-interface")
        ],
        tags=component.tags_for(f"{role_name}-template"),
        opts=component.child(),
        **pool.launch,
    )
    return aws.eks.NodeGroup(
        f"{role_name}-nodes",
        cluster_name=cluster_name,
        version=version,
        release_version=pool.ami_release,
        node_role_arn=role.arn,
        subnet_ids=subnet_ids,
        ami_type=pool.ami_type,
        capacity_type=CAPACITY_TYPES[pool.capacity],
        instance_types=[*pool.instance_types] if len(pool.instance_types) > 1 else None,
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        scaling_config={
            "min_size": pool.scaling.min_nodes,
            "desired_size": pool.scaling.nodes,
            "max_size": pool.scaling.max_nodes,
        },
        update_config={
            "max_unavailable": 1,
            # https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html
            "update_strategy": "MINIMAL" if pool.replaced_within_limits else "DEFAULT",
        },
        node_repair_config=REPAIR if pool.repaired else {"enabled": False},
        labels=dict(pool.labels),
        taints=[dict(taint) for taint in pool.taints],
        tags=component.tags_for(f"{role_name}-nodes"),
        # Nodes that start before their role may pull images or join stay NotReady.
        opts=component.guarded(depends_on=[*attachments, *depends_on]),
    )


def volumes(disk_gb: int, key_arn: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Encrypted volumes of a Bottlerocket node: its system on xvda, as large as the image, images and pods on xvdb.

    Source: https://bottlerocket.dev/en/os/latest/#/concepts/volumes/
    """
    sealed = {"volume_type": "gp3", "encrypted": "true", "kms_key_id": key_arn, "delete_on_termination": "true"}
    return [
        {"device_name": "/dev/xvda", "ebs": sealed},
        {"device_name": "/dev/xvdb", "ebs": {**sealed, "volume_size": disk_gb}},
    ]
