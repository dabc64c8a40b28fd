"""Where training and inference run: pools of GPU nodes."""

import re
from collections.abc import Sequence
from typing import Final, NotRequired, TypedDict

import pulumi
from pydantic import Field, field_validator

from mlplatform.component import Component
from mlplatform.nodes import Capacity, Pool, Scaling, instance_types, managed_nodes
from mlplatform.spec import spec

POOL_LABEL: Final = "mlplatform.io/pool"
"""Node label with the pool's name, for node selectors."""

GPU_TAINT: Final = "nvidia.com/gpu"
"""Taint that keeps pods without a GPU off expensive nodes."""

GPU_RESOURCE: Final = "nvidia.com/gpu"
"""What a pod asks for to get a GPU."""

_GPU_FAMILY: Final = re.compile(r"^(g(?!4ad\.)\d|gr\d|p\d)")
"""Families with NVIDIA GPUs; g4ad has AMD's: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html"""

_ARM_FAMILY: Final = re.compile(r"^(g5g|p6e-gb\d+)\.")


class GpuPool(Scaling):
    """A pool of GPU nodes of one size."""

    instance_types: list[str] = Field(min_length=1, max_length=20)
    """NVIDIA instance types in order of preference, e.g. `g6.2xlarge`. Several make it likelier that AWS has one."""

    capacity: Capacity = Capacity.ON_DEMAND
    """How the nodes are bought: `onDemand`, or `spot` for work that survives an interruption."""

    disk_gb: int = Field(default=200, ge=50, le=16384)
    """Disk for images and pods, in GB."""

    labels: dict[str, str] = Field(default={})
    """More labels for the nodes."""

    @field_validator("instance_types")
    @classmethod
    def _types_have_nvidia_gpus(cls, value: list[str]) -> list[str]:
        wrong = [name for name in instance_types(value) if not _GPU_FAMILY.match(name)]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)}: allowed: types with NVIDIA GPUs (families g, gr, p), e.g. g6.2xlarge, p5.48xlarge"
            )
        if len({bool(_ARM_FAMILY.match(name)) for name in value}) > 1:
            raise ValueError("allowed: types of one processor architecture; g5g and p6e are arm64, the others x86-64")
        return value


class GpuNodePoolArgs(TypedDict):
    """What a `GpuNodePool` is given."""

    pool: GpuPool
    """The pool."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster that the nodes join."""

    cluster_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes, with which they follow the cluster. Default: the cluster's at their creation."""

    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Private subnets for the nodes."""

    disks_key_arn: pulumi.Input[str]
    """Key that the nodes' disks are encrypted with."""

    cached_repository_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Repositories that the nodes may make by pulling through caches. Default: none."""

    partition: NotRequired[pulumi.Input[str]]
    """AWS partition. Default: `aws`."""

    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Policy that bounds the IAM roles. Default: none."""

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

        nodes = managed_nodes(
            self,
            name,
            gpu_nodes(name, pool),
            cluster_name=args["cluster_name"],
            version=args.get("cluster_version"),
            subnet_ids=args["subnet_ids"],
            disks_key_arn=args["disks_key_arn"],
            cached_repository_arns=args.get("cached_repository_arns", ()),
            partition=args.get("partition", "aws"),
        )

        self.node_group_name = nodes.node_group_name
        self._done()


def gpu_nodes(name: str, pool: GpuPool) -> Pool:
    """The managed node group of the GPU pool `name`."""
    arm = _ARM_FAMILY.match(pool.instance_types[0])
    return Pool(
        instance_types=pool.instance_types,
        ami_type="BOTTLEROCKET_ARM_64_NVIDIA" if arm else "BOTTLEROCKET_x86_64_NVIDIA",
        capacity=pool.capacity,
        scaling=pool,
        disk_gb=pool.disk_gb,
        labels={**pool.labels, POOL_LABEL: name},
        taints=[{"key": GPU_TAINT, "value": "true", "effect": "NO_SCHEDULE"}],
        replaced_within_limits=True,
    )
