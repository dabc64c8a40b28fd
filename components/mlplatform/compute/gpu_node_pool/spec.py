"""Pools of GPU nodes, as specs, and what nodes they become."""

from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from awsfacts import instances, node_images
from awsfacts.instances import GPU_RESOURCE
from awsfacts.node_images import RELEASE
from mlplatform import grammar
from mlplatform.component import STACK_TAG
from mlplatform.compute.node_group.bottlerocket import EFFECTS, LOCAL_DISKS
from mlplatform.compute.node_group.nodes import Disk, Pool, Running
from mlplatform.compute.node_group.scaling import Capacity, Scaling
from mlplatform.spec import Spec

POOL_LABEL: Final = f"{grammar.OUR_LABELS}/pool"
"""Node label with the pool's name, for node selectors."""

GPU_TAINT: Final = "nvidia.com/gpu"
"""Taint that keeps pods without a GPU off expensive nodes."""

DISK_GB: Final = 200
"""Disk of a node that keeps images and pods there."""

SPARE_DISK_GB: Final = 30
"""Disk of a node that keeps them on disks of its own, after which little is left to lie here."""

IOPS_PER_THROUGHPUT: Final = 4
"""I/O operations a second that a gp3 volume has for each MiB/s at least, beyond what it has by itself:
https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"""

IOPS_PER_GB: Final = 500
"""https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html#gp3-ebs-volume-type"""

BASE_IOPS: Final = 3000
"""I/O operations a second that a gp3 volume has by itself; the same page."""


_HINT: Final = "k8s.io/cluster-autoscaler/node-template"


class Reservation(Spec):
    """Capacity that was reserved beforehand: one reservation, or a group of them."""

    id: str | None = Field(default=None, pattern=r"^cr-([0-9a-f]{8}|[0-9a-f]{17})$", examples=["cr-0a1b2c3d4e5f67890"])
    """Id of a capacity reservation or a capacity block, e.g. `cr-0a1b2c3d4e5f67890`."""

    group: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,300}$", examples=["ml-reservations"])
    """Name of a resource group of capacity reservations in this account and region."""

    @field_validator("group")
    @classmethod
    def _group_is_no_group_of_aws(cls, value: str | None) -> str | None:
        # https://docs.aws.amazon.com/ARG/latest/APIReference/API_CreateGroup.html
        if value is not None and value.lower().startswith("aws"):
            raise ValueError("allowed: names that do not begin with aws, which are AWS's own")
        return value

    @model_validator(mode="after")
    def _is_one_or_a_group(self) -> Self:
        if self.id is None and self.group is None:
            raise ValueError("id is missing; allowed: either id or group")
        if self.id is not None and self.group is not None:
            raise ValueError(f"id is {self.id} beside group {self.group}; allowed: either id or group")
        return self


class GpuNodePoolSpec(Scaling):
    """A pool of GPU nodes of one size."""

    instance_types: list[str] = Field(min_length=1, max_length=20)
    """NVIDIA instance types in order of preference, e.g. `g6.2xlarge`, of families that EKS's images have a driver for.
    Several make it likelier that AWS has one; a single one can be exchanged for another without replacing the pool."""

    capacity: Capacity = Capacity.ON_DEMAND
    """How the nodes are bought: `onDemand`, `spot` for work that survives an interruption, or `capacityBlock` for a
    capacity block, which `reservation` names. A block's nodes are updated with `nodes` at 0."""

    reservation: Reservation | None = None
    """Reserved capacity that the nodes run in, and nowhere else. What replaces the pool, such as setting or removing
    `amiRelease`, needs an update with `nodes` at 0 before it. Default: none."""

    zones: list[str] = Field(default=[])
    """Zones of the network that the nodes are in. Default: all."""

    efa: bool = False
    """Elastic Fabric Adapters for training over several nodes: all that the instance type has, in one zone. Pods ask
    for them as `vpc.amazonaws.com/efa` where EFA's device plugin runs, which is not part of the platform yet."""

    placement_group: bool = False
    """Put the nodes close together, in one zone. Makes it likelier that AWS has no capacity; a reservation has a place
    of its own."""

    ami_release: str | None = Field(default=None, pattern=RELEASE)
    """Release of the nodes' image, and with it of the NVIDIA driver, e.g. `1.65.0-0be31b34`; one that has images for
    the cluster's version. Nodes run it until this is changed. Default: EKS's latest when the nodes are created and
    whenever their Kubernetes version or launch settings change. Setting or removing it replaces the pool."""

    autoscaled: bool = False
    """Another program sets the number of nodes, e.g. Cluster Autoscaler, which is not part of the platform: `nodes` is
    then only the number at creation, and new limits keep those that run as far as they allow."""

    repair: bool = True
    """Replace nodes whose GPUs or kubelet fail: one at a time, or a tenth of a large pool; none of a pool that may have
    more than 5 nodes while more than a fifth of `maxNodes` are unhealthy."""

    local_disks: bool = True
    """Keep images and pods on the instances' own NVMe disks, joined as RAID 0, where every type has some: fast, paid
    for anyway, and empty after a stop."""

    disk_gb: int | None = Field(default=None, ge=20, le=16384)
    """Disk for images and pods, in GB. Default: 200, or 30 where they are on local disks."""

    disk_throughput: int | None = Field(default=None, ge=125, le=1000)
    """MiB/s of that disk; at 125, AWS's default, an image of 10 GB takes minutes to unpack. Up to a quarter of
    `diskIops`. Default: AWS's."""

    disk_iops: int | None = Field(default=None, ge=3000, le=16000)
    """I/O operations a second of that disk. Default: AWS's, 3000."""

    labels: dict[str, str] = Field(default={})
    """More labels for the nodes. Keys of Kubernetes, of EKS and of `mlplatform.io` are theirs."""

    @property
    def types(self) -> list[instances.InstanceType]:
        """The facts of the instance types."""
        return instances.known(self.instance_types)

    @property
    def uses_local_disks(self) -> bool:
        """Whether images and pods are on the instances' own disks."""
        return self.local_disks and all(each.nvme_disks for each in self.types)

    @field_validator("instance_types")
    @classmethod
    def _types_have_nvidia_gpus(cls, value: list[str]) -> list[str]:
        there = {each.architecture for each in map(instances.find, value) if each}
        facts = node_images.types(
            value, node_images.not_for_gpu_nodes, lambda each: not there or each.architecture in there
        )
        if len({each.architecture for each in facts}) > 1:
            raise ValueError("allowed: types of one processor architecture; g5g is arm64, most others are x86_64")
        return value

    @field_validator("labels", mode="before")
    @classmethod
    def _a_whole_number_is_a_value(cls, value: Any) -> Any:
        return grammar.numbers_as_text(value)

    @field_validator("labels")
    @classmethod
    def _labels_are_kubernetes_s(cls, value: dict[str, str]) -> dict[str, str]:
        grammar.node_labels(value)
        return value

    @model_validator(mode="after")
    def _nodes_can_be_bought_so(self) -> Self:
        if self.capacity is Capacity.SPOT and self.reservation:
            raise ValueError("capacity is spot; allowed: onDemand or capacityBlock, since there is a reservation")
        if self.capacity is Capacity.CAPACITY_BLOCK:
            if self.reservation is None or self.reservation.id is None:
                raise ValueError("reservation needs the id of the capacity block, since capacity is capacityBlock")
            if len(self.types) > 1 or not self.types[0].capacity_blocks:
                raise ValueError(
                    f"instanceTypes is {', '.join(self.instance_types)}; allowed: one type that capacity blocks are "
                    "sold for, e.g. p5.48xlarge, since capacity is capacityBlock"
                )
        return self

    @model_validator(mode="after")
    def _a_reservation_is_of_one_type(self) -> Self:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateCapacityReservation.html
        if self.reservation and self.reservation.id and len(self.instance_types) > 1:
            raise ValueError(
                f"instanceTypes is {', '.join(self.instance_types)}; allowed: one type, since reservation.id is a "
                "reservation of one; or reservation.group"
            )
        return self

    @model_validator(mode="after")
    def _a_fast_disk_has_the_operations_for_it(self) -> Self:
        gb = self.disk_gb or (SPARE_DISK_GB if self.uses_local_disks else DISK_GB)
        if (self.disk_iops or 0) > gb * IOPS_PER_GB:
            raise ValueError(f"diskIops is {self.disk_iops}; allowed: up to {gb * IOPS_PER_GB}, since diskGb is {gb}")
        least = (self.disk_throughput or 0) * IOPS_PER_THROUGHPUT
        if (self.disk_iops or BASE_IOPS) < least:
            raise ValueError(
                f"diskThroughput is {self.disk_throughput}; allowed: up to {(self.disk_iops or BASE_IOPS) // 4}, "
                f"since diskIops is {self.disk_iops or BASE_IOPS}, or diskIops of {least} or more"
            )
        return self

    @model_validator(mode="after")
    def _nodes_of_one_place_have_one_zone(self) -> Self:
        reasons = {
            "reservation.id": self.reservation is not None and self.reservation.id is not None,
            "efa": self.efa,
            "placementGroup": self.placement_group,
        }
        lie_in_one = [name for name, true in reasons.items() if true]
        if lie_in_one and len(self.zones) != 1:
            raise ValueError(
                f"zones is {', '.join(self.zones) or 'empty'}; allowed: one zone, since {', '.join(lie_in_one)} "
                f"{'lies' if len(lie_in_one) == 1 else 'lie'} in one"
            )
        return self

    @model_validator(mode="after")
    def _types_have_the_same_adapters(self) -> Self:
        if self.efa:
            if without := [each.name for each in self.types if not each.efa_cards]:
                raise ValueError(
                    f"instanceTypes has {', '.join(without)}; allowed: types with EFA such as p5.48xlarge, "
                    "since efa is true"
                )
            if len({each.efa_cards for each in self.types}) > 1:
                raise ValueError("instanceTypes is mixed; allowed: types with the same EFA adapters, since efa is true")
        return self


SYSTEM_POOL: Final = "system"
"""Name of the cluster's own nodes, in their label."""

RESERVED_ENDS: Final = ("-hint", "-pinned", "-tag")
"""How logical names go on after a pool's name: a pool of such a name could have a resource of another's name."""


def name_problem(name: str) -> str | None:
    """What is allowed instead of a pool's name; None for a right one."""
    if name.endswith(RESERVED_ENDS):
        return f"names that end otherwise than in {', '.join(RESERVED_ENDS)}, by which parts of pools are named"
    if name == SYSTEM_POOL:
        return f"another name, since the nodes of cluster.system have the label {POOL_LABEL}: {SYSTEM_POOL}"
    return None


GROUP_TAGS: Final = 50
EKS_GROUP_TAGS: Final = 5
"""Maximum number of tags of an Auto Scaling group, and the number that EKS adds to that of a node group:
https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-quotas.html"""


def too_many_group_tags(pool: GpuNodePoolSpec, tags: int) -> str | None:
    """What is wrong with the number of labels of an autoscaled pool, to be read after `labels`; None where it fits.

    The pool's Auto Scaling group has EKS's own tags, the component's, and tags for labels, taint, GPUs and stack.

    Args:
        pool: the pool.
        tags: the number of tags that the component is given.
    """
    hints = len(("pool", "taint", "GPUs", "stack"))
    most = GROUP_TAGS - EKS_GROUP_TAGS - hints - tags
    if not pool.autoscaled or len(pool.labels) <= most:
        return None
    return (
        f"has {len(pool.labels)} entries; allowed: up to {max(0, most)}, since the pool is autoscaled and its Auto "
        f"Scaling group has {tags} other tags"
    )


def gpu_nodes(name: str, pool: GpuNodePoolSpec, launch: Mapping[str, Any], running: Running | None = None) -> Pool:
    """The managed node group of the GPU pool `name`, with more arguments for its launch template.

    `running` is the size of an autoscaled pool that is there.
    """
    own = {POOL_LABEL: name}
    return Pool(
        instance_types=pool.instance_types,
        nvidia=True,
        capacity=pool.capacity,
        scaling=pool,
        disk=Disk(
            pool.disk_gb or (SPARE_DISK_GB if pool.uses_local_disks else DISK_GB), pool.disk_iops, pool.disk_throughput
        ),
        labels={**pool.labels, **own},
        first_labels=own,
        taints=[{"key": GPU_TAINT, "value": "true", "effect": "NO_SCHEDULE"}],
        ami_release=pool.ami_release,
        repaired=pool.repair,
        autoscaled=pool.autoscaled,
        running=running,
        replaced_within_limits=True,
        reserved=pool.reservation is not None,
        settings=[LOCAL_DISKS] if pool.uses_local_disks else [],
        launch=launch,
    )


def autoscaler_hints(nodes: Pool) -> dict[str, str]:
    """Tags that tell Cluster Autoscaler what a node of a pool without nodes would have.

    Source: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
    """
    return {
        **{f"{_HINT}/label/{key}": value for key, value in nodes.labels.items()},
        **{f"{_HINT}/taint/{each['key']}": f"{each['value']}:{EFFECTS[each['effect']]}" for each in nodes.taints},
        f"{_HINT}/resources/{GPU_RESOURCE}": str(min(each.gpus for each in nodes.types)),
    }


def own_group(name: str, stack: str) -> dict[str, str]:
    """Tags by which the Auto Scaling group of the autoscaled pool `name` of a stack is found."""
    return {STACK_TAG: stack, f"{_HINT}/label/{POOL_LABEL}": name}
