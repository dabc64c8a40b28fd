"""Pools of GPU nodes, as specs, and what nodes they become."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from mlplatform import instances
from mlplatform.nodes import AMI_RELEASE, Capacity, Pool, Scaling
from mlplatform.spec import Spec

POOL_LABEL: Final = "mlplatform.io/pool"
"""Node label with the pool's name, for node selectors."""

GPU_TAINT: Final = "nvidia.com/gpu"
"""Taint that keeps pods without a GPU off expensive nodes."""

GPU_RESOURCE: Final = "nvidia.com/gpu"
"""What a pod asks for to get a GPU."""

LOCAL_DISKS: Final = """\
[settings.bootstrap-commands.local-disks]
commands = [
  ["apiclient", "ephemeral-storage", "init"],
  ["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"],
]
mode = "always"
essential = true
"""
"""Bottlerocket settings that join an instance's own disks as RAID 0 and put images, pods and their logs there:
https://bottlerocket.dev/en/os/latest/#/api/settings/bootstrap-commands/"""


class Reservation(Spec):
    """Capacity that was reserved beforehand: one reservation, or a group of them."""

    id: str | None = Field(default=None, pattern=r"^cr-[0-9a-f]{8,17}$")
    """Id of a capacity reservation or a capacity block, e.g. `cr-0a1b2c3d4e5f67890`."""

    group: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    """Name of a resource group of capacity reservations in this account and region."""

    @model_validator(mode="after")
    def _is_one_or_a_group(self) -> Self:
        if self.id is None and self.group is None:
            raise ValueError("id is missing; allowed: either id or group")
        if self.id is not None and self.group is not None:
            raise ValueError(f"id is {self.id} beside group {self.group}; allowed: either id or group")
        return self


class GpuPool(Scaling):
    """A pool of GPU nodes of one size."""

    instance_types: list[str] = Field(min_length=1, max_length=20)
    """NVIDIA instance types in order of preference, e.g. `g6.2xlarge`. Several make it likelier that AWS has one; a
    single one can be exchanged for another without replacing the pool."""

    capacity: Capacity = Capacity.ON_DEMAND
    """How the nodes are bought: `onDemand`, `spot` for work that survives an interruption, or `capacityBlock` for a
    capacity block, which `reservation` names. A block's nodes are updated with `nodes` at 0."""

    reservation: Reservation | None = None
    """Reserved capacity that the nodes run in, and nowhere else. Default: none."""

    zones: list[str] = Field(default=[])
    """Zones of the network that the nodes are in. Default: all."""

    efa: bool = False
    """Elastic Fabric Adapters for training over several nodes: all that the instance type has, in one zone. Pods ask
    for them as `vpc.amazonaws.com/efa` where EFA's device plugin runs, which is not part of the platform yet."""

    placement_group: bool = False
    """Put the nodes close together, in one zone. Makes it likelier that AWS has no capacity; a reservation has a place
    of its own."""

    ami_release: str | None = Field(default=None, pattern=AMI_RELEASE)
    """Release of the nodes' image, and with it of the NVIDIA driver, e.g. `1.54.0-5043decc`. Default: EKS's latest when
    the nodes are made, kept until their Kubernetes version or launch settings change."""

    autoscaled: bool = False
    """Another program, such as Cluster Autoscaler, sets the number of nodes, up to `maxNodes`; `nodes` is then only the
    number at creation."""

    repair: bool = True
    """Replace nodes whose GPUs or kubelet fail, one at a time, as long as half of the pool is well."""

    local_disks: bool = True
    """Keep images and pods on the instances' own NVMe disks, joined as RAID 0, where every type has some: fast, paid
    for anyway, and empty after a stop."""

    disk_gb: int = Field(default=200, ge=50, le=16384)
    """Disk for images and pods, in GB, where they are not on local disks."""

    labels: dict[str, str] = Field(default={})
    """More labels for the nodes."""

    @property
    def types(self) -> list[instances.InstanceType]:
        """The facts of the instance types."""
        return instances.known(self.instance_types)

    @field_validator("instance_types")
    @classmethod
    def _types_have_nvidia_gpus(cls, value: list[str]) -> list[str]:
        facts = instances.known(value)
        if wrong := [each.name for each in facts if each.gpu_manufacturer != instances.NVIDIA]:
            raise ValueError(
                f"{', '.join(wrong)}: allowed: types with NVIDIA GPUs (families g, gr, p), e.g. g6.2xlarge, p5.48xlarge"
            )
        if len({each.architecture for each in facts}) > 1:
            raise ValueError("allowed: types of one processor architecture; g5g is arm64, most others are x86_64")
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


def gpu_nodes(name: str, pool: GpuPool, launch: Mapping[str, Any]) -> Pool:
    """The managed node group of the GPU pool `name`, with more arguments for its launch template."""
    arm = pool.types[0].architecture == "arm64"
    return Pool(
        instance_types=pool.instance_types,
        ami_type="BOTTLEROCKET_ARM_64_NVIDIA" if arm else "BOTTLEROCKET_x86_64_NVIDIA",
        capacity=pool.capacity,
        scaling=pool,
        disk_gb=pool.disk_gb,
        labels={**pool.labels, POOL_LABEL: name},
        taints=[{"key": GPU_TAINT, "value": "true", "effect": "NO_SCHEDULE"}],
        ami_release=pool.ami_release,
        repaired=pool.repair,
        replaced_within_limits=True,
        launch=launch,
    )


def autoscaler_hints(nodes: Pool, types: Sequence[instances.InstanceType]) -> dict[str, str]:
    """Tags that tell Cluster Autoscaler what a node of a pool without nodes would have.

    Source: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
    """
    prefix = "k8s.io/cluster-autoscaler/node-template"
    return {
        **{f"{prefix}/label/{key}": value for key, value in nodes.labels.items()},
        **{f"{prefix}/taint/{GPU_TAINT}": f"{taint['value']}:NoSchedule" for taint in nodes.taints},
        f"{prefix}/resources/{GPU_RESOURCE}": str(min(each.gpus for each in types)),
    }
