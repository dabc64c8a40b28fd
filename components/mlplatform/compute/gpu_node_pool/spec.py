"""The spec of GPU node pools, and the managed node group of a pool."""

from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from awsfacts import instances, node_images
from awsfacts.instances import GPU_RESOURCE
from awsfacts.node_images import RELEASE
from mlplatform import grammar
from mlplatform.component import STACK_TAG
from mlplatform.compute.node_group.bottlerocket import EFFECTS, LOCAL_DISKS
from mlplatform.compute.node_group.nodes import MAX_DISK_GB, Disk, Pool, Running
from mlplatform.compute.node_group.scaling import Capacity, Scaling
from mlplatform.spec import Spec, whole_numbers_as_text

POOL_LABEL: Final = f"{grammar.OUR_LABELS}/pool"
"""Node label with the pool's name as its value, for node selectors."""

GPU_TAINT: Final = "nvidia.com/gpu"
"""Taint that keeps pods without a GPU off expensive nodes."""

DISK_GB: Final = 200
"""Size of the data volume of a node that stores images and pods on it."""

SPARE_DISK_GB: Final = 30
"""Size of the data volume of a node that stores images and pods on its local disks."""

IOPS_PER_THROUGHPUT: Final = 4
"""Minimum IOPS of a gp3 volume for each MiB/s of throughput, above the baseline:
https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"""

IOPS_PER_GB: Final = 500
"""Maximum IOPS of a gp3 volume per GiB:
https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html#gp3-ebs-volume-type"""

BASE_IOPS: Final = 3000
"""Baseline IOPS of a gp3 volume; same page."""

MAX_IOPS: Final = 80_000
MAX_THROUGHPUT: Final = 2000
"""Maximum IOPS, and maximum MiB/s, of a gp3 volume:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html"""


_HINT: Final = "k8s.io/cluster-autoscaler/node-template"


class Reservation(Spec):
    """Reserved capacity: one capacity reservation, or a group of them."""

    id: str | None = Field(default=None, pattern=r"^cr-([0-9a-f]{8}|[0-9a-f]{17})$", examples=["cr-0a1b2c3d4e5f67890"])
    """ID of a Capacity Reservation or a Capacity Block, e.g. `cr-0a1b2c3d4e5f67890`."""

    group: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,300}$", examples=["ml-reservations"])
    """Name of a resource group of Capacity Reservations in this account and region."""

    @field_validator("group")
    @classmethod
    def _group_name_is_not_reserved(cls, value: str | None) -> str | None:
        # https://docs.aws.amazon.com/ARG/latest/APIReference/API_CreateGroup.html
        if value is not None and value.lower().startswith("aws"):
            raise ValueError("allowed: names that do not begin with aws, which AWS reserves")
        return value

    @model_validator(mode="after")
    def _is_one_or_a_group(self) -> Self:
        if self.id is None and self.group is None:
            raise ValueError("id is missing; allowed: either id or group")
        if self.id is not None and self.group is not None:
            raise ValueError(f"id is {self.id}, and group is {self.group}; allowed: either id or group")
        return self


class GpuNodePoolSpec(Scaling):
    """A pool of GPU nodes of one size."""

    instance_types: list[str] = Field(min_length=1, max_length=20)
    """NVIDIA instance types in order of preference, e.g. `g6.2xlarge`, of families that EKS's images have a driver for.
    With several types, AWS is more likely to have capacity. A single type can be changed to another single type without
    replacing the pool."""

    capacity: Capacity = Capacity.ON_DEMAND
    """Purchase option of the nodes: `onDemand`, `spot` for work that tolerates interruptions, or `capacityBlock` for
    the Capacity Block in `reservation`. Set `nodes` to 0 before you update the nodes of a Capacity Block."""

    reservation: Reservation | None = None
    """Reserved capacity. The nodes run only in it. Before a change that replaces the pool, such as setting or removing
    `amiRelease`, run an update with `nodes: 0`. Default: none."""

    zones: list[str] = Field(default=[])
    """Zones of the nodes, among those of the network. Default: all."""

    efa: bool = False
    """Attach Elastic Fabric Adapters for training on several nodes: all that the instance type has, in one zone. Pods
    request them as `vpc.amazonaws.com/efa`. This needs EFA's device plugin, which the platform does not include yet."""

    placement_group: bool = False
    """Place the nodes close together, in one zone. This makes it more likely that AWS has no capacity. A reservation
    has its own placement."""

    ami_release: str | None = Field(default=None, pattern=RELEASE)
    """Release of the nodes' image, and so of the NVIDIA driver, e.g. `1.65.0-0be31b34`. It must have images for the
    cluster's version. Nodes keep it until this field changes. Default: EKS's latest release when the nodes are created
    and whenever their Kubernetes version or launch settings change. Setting or removing it replaces the pool."""

    autoscaled: bool = False
    """Another program sets the number of nodes, e.g. Cluster Autoscaler, which the platform does not include. `nodes`
    is then only the initial number. If `minNodes` or `maxNodes` change, the current number is kept within them."""

    repair: bool = True
    """Replace nodes whose GPUs or kubelet fail: one at a time, or a tenth of `maxNodes` at a time in a large pool. If
    `maxNodes` is more than 5, no node is replaced while more than a fifth of `maxNodes` are unhealthy."""

    local_disks: bool = True
    """Store images and pods on the instances' own NVMe disks, joined as RAID 0, if every type has some. They are fast
    and included in the instance's price, and lose their data when the instance stops."""

    disk_gb: int | None = Field(default=None, ge=20, le=MAX_DISK_GB)
    """Volume for images and pods, in GB. Default: 200, or 30 if they are on local disks."""

    disk_throughput: int | None = Field(default=None, ge=125, le=MAX_THROUGHPUT)
    """Throughput of that volume in MiB/s, up to a quarter of `diskIops`. At 125, AWS's default, unpacking an image of
    10 GB takes minutes. Default: AWS's."""

    disk_iops: int | None = Field(default=None, ge=BASE_IOPS, le=MAX_IOPS)
    """IOPS of that volume. Default: AWS's, 3000."""

    labels: dict[str, str] = Field(default={})
    """Additional labels of the nodes. Keys of Kubernetes, EKS and `mlplatform.io` are reserved."""

    @property
    def types(self) -> list[instances.InstanceType]:
        """The facts of the instance types."""
        return instances.known(self.instance_types)

    @property
    def uses_local_disks(self) -> bool:
        """Whether images and pods are on local disks."""
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

    _numbers = field_validator("labels", mode="before")(whole_numbers_as_text)

    @field_validator("labels")
    @classmethod
    def _labels_are_valid(cls, value: dict[str, str]) -> dict[str, str]:
        grammar.node_labels(value)
        return value

    @model_validator(mode="after")
    def _capacity_is_possible(self) -> Self:
        if self.capacity is Capacity.SPOT and self.reservation:
            raise ValueError("capacity is spot; allowed: onDemand or capacityBlock, since reservation is set")
        if self.capacity is Capacity.CAPACITY_BLOCK:
            if self.reservation is None or self.reservation.id is None:
                raise ValueError("reservation needs the ID of the Capacity Block, since capacity is capacityBlock")
            if len(self.types) > 1 or not self.types[0].capacity_blocks:
                raise ValueError(
                    f"instanceTypes is {', '.join(self.instance_types)}; allowed: one type that is available as "
                    "Capacity Blocks, e.g. p5.48xlarge, since capacity is capacityBlock"
                )
        return self

    @model_validator(mode="after")
    def _a_reservation_is_of_one_type(self) -> Self:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateCapacityReservation.html
        if self.reservation and self.reservation.id and len(self.instance_types) > 1:
            raise ValueError(
                f"instanceTypes is {', '.join(self.instance_types)}; allowed: one type, since the reservation of "
                "reservation.id has one; for several types, use reservation.group"
            )
        return self

    @model_validator(mode="after")
    def _iops_fit_size_and_throughput(self) -> Self:
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
    def _features_of_one_zone_have_one_zone(self) -> Self:
        reasons = {
            "reservation.id": self.reservation is not None and self.reservation.id is not None,
            "efa": self.efa,
            "placementGroup": self.placement_group,
        }
        in_one_zone = [name for name, true in reasons.items() if true]
        if in_one_zone and len(self.zones) != 1:
            raise ValueError(
                f"zones is {', '.join(self.zones) or 'empty'}; allowed: one zone, since {', '.join(in_one_zone)} "
                f"{'needs' if len(in_one_zone) == 1 else 'need'} all nodes in one"
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
"""Value of the pool label on the cluster's system nodes."""

RESERVED_ENDS: Final = ("-hint", "-pinned", "-tag")
"""Suffixes of the logical names of a pool's resources. A pool with such a name could clash with a resource of another
pool."""


def name_problem(name: str) -> str | None:
    """What is allowed instead of a pool's name; None for a valid one."""
    if name.endswith(RESERVED_ENDS):
        return f"names that do not end in {', '.join(RESERVED_ENDS)}, which resources of pools have as suffixes"
    if name == SYSTEM_POOL:
        return f"another name, since the nodes of cluster.system have the label {POOL_LABEL}: {SYSTEM_POOL}"
    return None


GROUP_TAGS: Final = 50
EKS_GROUP_TAGS: Final = 5
"""Maximum number of tags of an Auto Scaling group, and the number that EKS adds to that of a node group:
https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-quotas.html"""


def too_many_group_tags(pool: GpuNodePoolSpec, tags: int) -> str | None:
    """The problem if an autoscaled pool has too many labels, as a phrase that follows `labels`; None otherwise.

    The Auto Scaling group of the pool has tags of EKS, tags of the component, and tags for labels, taint, GPUs and
    stack.

    Args:
        pool: the pool.
        tags: the number of the component's tags.
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
    """The managed node group of the GPU pool `name`, with additional arguments of its launch template.

    `running` is the current size of an autoscaled pool that exists.
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
    """Tags from which Cluster Autoscaler determines the labels, taints and GPUs of a new node if the pool has no nodes.

    Source: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
    """
    return {
        **{f"{_HINT}/label/{key}": value for key, value in nodes.labels.items()},
        **{f"{_HINT}/taint/{each['key']}": f"{each['value']}:{EFFECTS[each['effect']]}" for each in nodes.taints},
        f"{_HINT}/resources/{GPU_RESOURCE}": str(min(each.gpus for each in nodes.types)),
    }


def own_group(name: str, stack: str) -> dict[str, str]:
    """Tags that identify the Auto Scaling group of the autoscaled pool `name` of a stack."""
    return {STACK_TAG: stack, f"{_HINT}/label/{POOL_LABEL}": name}
