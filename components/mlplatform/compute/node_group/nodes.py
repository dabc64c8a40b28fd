"""A managed node group with its role and launch template."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from awsfacts import instances, node_images
from mlplatform import iam, roles
from mlplatform.checks.arguments import ArgumentsError, Problem, what_is
from mlplatform.component import Component
from mlplatform.compute.node_group import bottlerocket
from mlplatform.compute.node_group.scaling import CAPACITY_TYPES, Capacity, Scaling
from mlplatform.lookups import look_up
from mlplatform.registries.image_registry.spec import filling_policy

WORKER_POLICIES: Final = {
    "join": "AmazonEKSWorkerNodePolicy",
    "pull": "AmazonEC2ContainerRegistryPullOnly",
}
"""Policies of a node. The network plugin and all other pods have their own roles:
https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html"""

SESSION_ACTIONS: Final = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
"""Permissions of Bottlerocket's control container for shell sessions. `AmazonSSMManagedInstanceCore` would also allow a
node to run commands and to read every parameter of the account:
https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html"""

SESSION_SERVICES: Final = ("ec2messages", "ssm", "ssmmessages")
"""Services that the agent of these sessions calls:
https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html"""


MAX_NODE_GROUP_NAME: Final = 63
"""Maximum length of the name of a managed node group, including Pulumi's random characters:
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html"""

METADATA_OPTIONS: Final = {
    "http_endpoint": "enabled",
    "http_tokens": "required",
    # With one hop, pods cannot get the node's credentials. They use Pod Identity.
    "http_put_response_hop_limit": 1,
    "instance_metadata_tags": "disabled",
}

SMALL_POOL: Final = 5
"""Up to this many nodes, EKS repairs any share of a group. In larger groups it stops if more than a fifth is unhealthy:
https://docs.aws.amazon.com/eks/latest/userguide/node-health.html#node-auto-repair"""

FEW_NODES: Final = 10
"""Up to this many nodes, a group is updated one node at a time. Larger groups are updated a tenth at a time."""

ROUND_MINUTES: Final = 25
"""Maximum duration of an update for nodes that are replaced at the same time. EKS waits up to 15 minutes until the pods
are evicted, and the new node has to start:
https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html"""

UPDATE_MINUTES: Final = 60
"""The provider's default timeout of an update."""


MAX_DISK_GB: Final = 65_536
"""Maximum size of a gp3 volume: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html"""


@dataclass(frozen=True)
class Disk:
    """The volume for images and pods."""

    gb: int
    iops: int | None = None
    throughput: int | None = None
    """MiB/s."""


@dataclass(frozen=True)
class Running:
    """The size of an Auto Scaling group that another program scales."""

    least: int
    nodes: int
    most: int


@dataclass(frozen=True)
class Pool:
    """A managed node group in plain values."""

    instance_types: Sequence[str]
    capacity: Capacity
    scaling: Scaling
    disk: Disk
    labels: Mapping[str, str]
    """Labels that EKS sets on the nodes and updates on running ones."""

    taints: Sequence[Mapping[str, str]]
    first_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that a node needs when it registers, and that never change."""

    nvidia: bool = False
    """Whether the image has NVIDIA's driver."""

    ami_release: str | None = None
    repaired: bool = True
    autoscaled: bool = False
    """Whether another program sets the number of nodes."""

    running: "Running | None" = None
    """The current size of the group; None if it does not exist yet or no other program sets the number of nodes."""

    replaced_within_limits: bool = False
    """Whether an update terminates old nodes before it starts new ones, so that it never exceeds the maximum."""

    reserved: bool = False
    """Whether the nodes run in reserved capacity, which a replacement can use only after the old group is deleted."""

    settings: Sequence[str] = ()
    """Additional Bottlerocket settings, as TOML."""

    launch: Mapping[str, Any] = field(default_factory=dict)
    """Additional arguments of the launch template."""

    @property
    def types(self) -> list[instances.InstanceType]:
        """The facts of the instance types."""
        return instances.known(self.instance_types)

    @property
    def arm(self) -> bool:
        """Whether the processor architecture is arm64."""
        return self.types[0].architecture == "arm64"

    @property
    def ami_type(self) -> str:
        """EKS's AMI type."""
        return f"BOTTLEROCKET_{'ARM_64' if self.arm else 'x86_64'}{'_NVIDIA' if self.nvidia else ''}"

    @property
    def nodes(self) -> int:
        """The desired number of nodes. If another program scales the group: the current number, within the limits."""
        if self.running is None:
            return self.scaling.nodes
        return min(max(self.running.nodes, self.scaling.min_nodes), self.scaling.max_nodes)

    @property
    def keeps_its_size(self) -> bool:
        """Whether updates omit the desired number of nodes.

        A change of the limits must include it, but Pulumi knows only the number that it set last.
        """
        limits = (self.scaling.min_nodes, self.scaling.max_nodes)
        return self.autoscaled and (self.running is None or (self.running.least, self.running.most) == limits)

    @property
    def repair(self) -> dict[str, Any]:
        """How unhealthy nodes are replaced: a tenth of the maximum at a time, and none while too many are unhealthy.

        The threshold is a count, because in a pool that is scaled down to one node, one node is 100 percent.
        """
        if not self.repaired:
            return {"enabled": False}
        most = self.scaling.max_nodes
        limits = {"max_unhealthy_node_threshold_count": most // 5 + 1} if most > SMALL_POOL else {}
        return {"enabled": True, "max_parallel_nodes_repaired_count": max(1, most // 10), **limits}

    @property
    def update(self) -> dict[str, Any]:
        """How an update replaces nodes. Source: the page of `ROUND_MINUTES`."""
        few = self.scaling.max_nodes <= FEW_NODES
        return {
            **({"max_unavailable": 1} if few else {"max_unavailable_percentage": 10}),
            "update_strategy": "MINIMAL" if self.replaced_within_limits else "DEFAULT",
        }

    @property
    def update_minutes(self) -> int:
        """Timeout of an update in minutes."""
        rounds = min(self.scaling.max_nodes, FEW_NODES)
        return self.scaling.update_minutes or max(UPDATE_MINUTES, rounds * ROUND_MINUTES)


@dataclass(frozen=True)
class Joined:
    """The cluster that nodes join."""

    name: pulumi.Input[str]
    version: pulumi.Input[str] | None
    """Kubernetes version of the nodes; None if they keep the version of their creation."""

    endpoint: pulumi.Input[str]
    certificate_authority: pulumi.Input[str]
    service_cidr: pulumi.Input[str]
    """The last three are for the user data, to which EKS does not add them if the launch template has an image."""


def managed_nodes(
    component: Component,
    role_name: str,
    pool: Pool,
    *,
    cluster: Joined,
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]],
    disks_key_arn: pulumi.Input[str],
    partition: pulumi.Input[str],
    cached_repository_arns: Sequence[pulumi.Input[str]] = (),
    sessions: bool = False,
    depends_on: Sequence[pulumi.Resource] = (),
) -> "aws.eks.NodeGroup":
    """Create the node group `role_name`, its role and its launch template as children of `component`."""
    filling = pulumi.Output.all(*cached_repository_arns).apply(filling_policy)
    role, attachments = roles.role(
        component,
        f"{role_name}-role",
        iam.trust("ec2.amazonaws.com"),
        managed={f"{role_name}-{purpose}": policy for purpose, policy in WORKER_POLICIES.items()},
        inline={
            **({f"{role_name}-fill-caches": filling} if cached_repository_arns else {}),
            **({f"{role_name}-sessions": iam.document(iam.allow(SESSION_ACTIONS, on=["*"]))} if sessions else {}),
        },
        partition=partition,
    )
    template = aws.ec2.LaunchTemplate(
        f"{role_name}-template",
        update_default_version=True,
        metadata_options=METADATA_OPTIONS,
        block_device_mappings=volumes(pool.disk, disks_key_arn),
        # A change of the type here updates the nodes one by one. In the node group it would replace the group.
        instance_type=pool.instance_types[0] if len(pool.instance_types) == 1 else None,
        image_id=image(pool, cluster, component.asking()) if pool.ami_release else None,
        user_data=user_data(pool, cluster),
        tag_specifications=[
            {"resource_type": kind, "tags": component.tags_for(role_name)}
            for kind in ("instance", "volume", "network-interface")
        ],
        tags=component.tags_for(f"{role_name}-template"),
        # Each new version of the template replaces the nodes. Later changes of tags are therefore ignored here and set
        # on the Auto Scaling group, whose tags take precedence:
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-tagging.html
        opts=component.child(ignore_changes=["tagSpecifications"]),
        **pool.launch,
    )
    # AMI type and version are arguments of the group for EKS's own images. EKS rejects them with a template's image.
    managed = {"ami_type": pool.ami_type, "version": cluster.version}
    nodes = aws.eks.NodeGroup(
        # EKS cannot change a group from its own image to another, or back.
        f"{role_name}-pinned-nodes" if pool.ami_release else f"{role_name}-nodes",
        cluster_name=cluster.name,
        node_role_arn=role.arn,
        subnet_ids=subnet_ids,
        capacity_type=CAPACITY_TYPES[pool.capacity],
        instance_types=[*pool.instance_types] if len(pool.instance_types) > 1 else None,
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        scaling_config={
            "min_size": pool.scaling.min_nodes,
            "desired_size": pool.nodes,
            "max_size": pool.scaling.max_nodes,
        },
        update_config=pool.update,
        node_repair_config=pool.repair,
        labels=dict(pool.labels),
        taints=[dict(taint) for taint in pool.taints],
        tags=component.tags_for(f"{role_name}-nodes"),
        opts=component.guarded(
            # Nodes that start before their role has its permissions stay NotReady.
            depends_on=[*attachments, *depends_on],
            custom_timeouts=pulumi.CustomTimeouts(
                **dict.fromkeys(("create", "update", "delete"), f"{pool.update_minutes}m")
            ),
            ignore_changes=["scalingConfig.desiredSize"] if pool.keeps_its_size else None,
            delete_before_replace=pool.reserved or None,
        ),
        **({} if pool.ami_release else managed),
    )
    # A change here applies to instances that start later and replaces none.
    group_tags(component, f"{role_name}-tag", nodes, component.given_tags, propagated=True)
    return nodes


def group_tags(
    component: Component,
    prefix: str,
    nodes: "aws.eks.NodeGroup",
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]],
    *,
    propagated: bool,
) -> None:
    """Tag the Auto Scaling group of `nodes` and, if `propagated`, the instances that it starts.

    EKS does not copy the node group's tags to it: https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html

    Raises:
        ArgumentsError: the tags are an output as a whole.
    """
    if not isinstance(tags, Mapping):
        reason = "is an output; allowed: a mapping, whose values may be outputs, since each node tag is a resource"
        raise ArgumentsError(what_is(component, prefix.rsplit("-", 1)[0]), [Problem("tags", reason)])
    group = nodes.resources.apply(lambda made: made[0].autoscaling_groups[0].name)
    for key, value in sorted(tags.items()):
        aws.autoscaling.Tag(
            named_by(prefix, key),
            autoscaling_group_name=group,
            tag={"key": key, "value": value, "propagate_at_launch": propagated},
            # A group has one tag per key, so deleting the old tag afterwards would delete the new one.
            opts=component.child(delete_before_replace=True),
        )


def running(tags: Mapping[str, str], opts: pulumi.InvokeOptions) -> Running | None:
    """The size of the Auto Scaling group with these tags; None if there is none yet.

    Raises:
        pulumi.RunError: the lookup fails.
    """
    what, remedy = "the size of an autoscaled pool", "Allow autoscaling:DescribeAutoScalingGroups."
    filters = [{"name": f"tag:{key}", "values": [value]} for key, value in tags.items()]

    def size(name: str) -> Running:
        group = look_up(lambda: aws.autoscaling.get_group(name=name, opts=opts), what, remedy)
        return Running(group.min_size, group.desired_capacity, group.max_size)

    # The SDK's name for Terraform's aws_autoscaling_groups.
    names = look_up(lambda: aws.autoscaling.get_ami_ids(filters=filters, opts=opts).names, what, remedy)
    # During a replacement there are two. The larger one is in service.
    return max(map(size, names), key=lambda found: found.nodes, default=None)


def named_by(prefix: str, key: str) -> str:
    """A unique resource name for one key of a mapping. It does not depend on the key's position."""
    plain = re.sub(r"[^A-Za-z0-9._/-]", "-", key)
    return f"{prefix}-{key}" if plain == key else f"{prefix}-{plain}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def image(pool: Pool, cluster: Joined, opts: pulumi.InvokeOptions) -> pulumi.Output[str]:
    """The ID of the pool's image for the cluster's Kubernetes version, in the provider's region."""

    def of(kubernetes: str) -> str:
        name = node_images.parameter(kubernetes, str(pool.ami_release), nvidia=pool.nvidia, arm=pool.arm)
        return look_up(
            lambda: str(aws.ssm.get_parameter(name=name, opts=opts).insecure_value),
            f"the image {pool.ami_release} for Kubernetes {kubernetes} (parameter {name})",
            "Choose a release that has images for this version, and use a role with ssm:GetParameter.",
        )

    assert cluster.version is not None, "checked by the component"
    return pulumi.Output.from_input(cluster.version).apply(of)


def user_data(pool: Pool, cluster: Joined) -> pulumi.Output[str] | str | None:
    """The nodes' user data. EKS adds to it unless the launch template has an image."""
    if not pool.ami_release:
        return bottlerocket.user_data(*pool.settings) if pool.settings else None

    def joining(name: str, endpoint: str, authority: str, cidr: str) -> str:
        return bottlerocket.user_data(
            bottlerocket.joining(
                cluster=name,
                endpoint=endpoint,
                certificate_authority=authority,
                service_cidr=cidr,
                max_pods=bottlerocket.max_pods(pool.types),
                labels=pool.first_labels,
                taints=pool.taints,
            ),
            *pool.settings,
        )

    facts = (cluster.name, cluster.endpoint, cluster.certificate_authority, cluster.service_cidr)
    return pulumi.Output.all(*facts).apply(lambda known: joining(*known))


def volumes(disk: Disk, key_arn: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Encrypted volumes of a Bottlerocket node: xvda for the system, as large as the AMI, xvdb for images and pods.

    Source: https://bottlerocket.dev/en/os/latest/#/concepts/volumes/
    """
    sealed = {"volume_type": "gp3", "encrypted": "true", "kms_key_id": key_arn, "delete_on_termination": "true"}
    speed = {name: value for name, value in (("iops", disk.iops), ("throughput", disk.throughput)) if value}
    return [
        {"device_name": "/dev/xvda", "ebs": sealed},
        {"device_name": "/dev/xvdb", "ebs": {**sealed, "volume_size": disk.gb, **speed}},
    ]
