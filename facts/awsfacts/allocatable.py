"""CPU and memory that pods can use on a node of an EKS managed node group, calculated from the instance type.

The stack file validation and the sandbox's nodes both use these functions, so the sandbox can schedule every pod that
the validation accepts.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MANY_VCPUS: Final = 30
FEW_PODS: Final = 110
MANY_PODS: Final = 250
"""The maximum number of pods on a managed node is `FEW_PODS` below `MANY_VCPUS` vCPUs, otherwise `MANY_PODS`. On the
platform, the VPC CNI assigns address prefixes, not single addresses, so every GPU instance type has enough addresses:
https://docs.aws.amazon.com/eks/latest/userguide/choosing-instance-type.html#determine-max-pods"""

SYSTEM_SHARE: Final = 0.075
"""Share of an instance's memory that the firmware and the kernel reserve. The exact value is known only on a running
node; this is Karpenter's default (`VM_MEMORY_OVERHEAD_PERCENT`): https://karpenter.sh/docs/reference/settings/"""

EVICTION_MIB: Final = 100
"""Free memory below which the kubelet evicts pods:
https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds"""


@dataclass(frozen=True)
class Room:
    """CPU in millicores and memory in MiB."""

    millicores: int
    memory_mib: int

    def without(self, *taken: "Room") -> "Room":
        """The CPU and memory that remain after subtracting `taken`."""
        return Room(
            self.millicores - sum(each.millicores for each in taken),
            self.memory_mib - sum(each.memory_mib for each in taken),
        )


SECRETS_STORE: Final = "aws-secrets-store-csi-driver-provider"
"""Add-on that mounts Secrets Manager secrets into pods; installed only on platforms with such pods:
https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-eks-add-ons-aws-secrets-store-csi-driver-provider/"""

FILE_DRIVER: Final = "aws-efs-csi-driver"
"""Add-on that mounts EFS file systems, for platforms that have one:
https://docs.aws.amazon.com/eks/latest/userguide/efs-csi.html"""

DAEMON_SETS: Final[Mapping[str, Room]] = {
    "vpc-cni": Room(50, 0),
    "kube-proxy": Room(100, 0),
    "eks-pod-identity-agent": Room(0, 0),
    "eks-node-monitoring-agent": Room(10, 30),
    SECRETS_STORE: Room(50 + 70, 100 + 140),
    FILE_DRIVER: Room(0, 0),
}
"""Resource requests of each add-on's DaemonSet pods. Sources, 2026-11-28: the charts `aws-vpc-cni` (25m each for the
plugin and its network policy agent) and `eks-node-monitoring-agent` of https://github.com/aws/eks-charts; kube-proxy's
add-on manifest; `secrets-store-csi-driver-provider-aws` 3.1.1; and the three containers of
https://github.com/kubernetes-sigs/secrets-store-csi-driver 1.6.0. The chart of
https://github.com/kubernetes-sigs/aws-efs-csi-driver 3.4.1 sets no requests, for its nodes or its controller
(2026-11-29). NVIDIA's device plugin is part of Bottlerocket and does not run as a pod."""


SYSTEM_PODS: Final[Mapping[str, Room]] = {"coredns": Room(100, 70), "metrics-server": Room(100, 200)}
SYSTEM_COPIES: Final = 2
"""Resource requests of the add-on pods that run on the system nodes, and the number of replicas of each:
https://docs.aws.amazon.com/eks/latest/userguide/coredns-autoscaling.html, CoreDNS's manifest of
https://github.com/kubernetes/kubernetes/blob/master/cluster/addons/dns/coredns/coredns.yaml.base and the chart of
https://github.com/kubernetes-sigs/metrics-server"""


def max_pods(vcpus: int) -> int:
    """The maximum number of pods on a managed node."""
    return FEW_PODS if vcpus < MANY_VCPUS else MANY_PODS


def capacity_mib(memory_mib: int) -> int:
    """The memory capacity that a node reports, from the memory of its instance type."""
    return int(memory_mib * (1 - SYSTEM_SHARE))


def kube_reserved(vcpus: int, pods: int) -> Room:
    """CPU and memory that EKS's images, including Bottlerocket, reserve for the kubelet and the container runtime.

    6% of the first core, 1% of the second, 0.5% of the next two and 0.25% of all others; 255 MiB plus 11 MiB per pod:
    https://bottlerocket.dev/en/os/latest/#/api/settings/kubernetes/#kube-reserved
    """
    shares = ((1, 60.0), (1, 10.0), (2, 5.0), (max(0, vcpus - 4), 2.5))
    left, reserved = vcpus, 0.0
    for count, each in shares:
        taken = min(left, count)
        reserved += taken * each
        left -= taken
    return Room(int(reserved), 255 + 11 * pods)


def allocatable(vcpus: int, memory_mib: int, pods: int) -> Room:
    """The node's allocatable CPU and memory, with a maximum of `pods` pods."""
    whole = Room(vcpus * 1000, capacity_mib(memory_mib) - EVICTION_MIB)
    return whole.without(kube_reserved(vcpus, pods))


def room_for_models(vcpus: int, memory_mib: int, pods: int | None = None) -> Room:
    """The CPU and memory of a node that models can use: its allocatable resources without the add-ons' DaemonSet pods.

    Args:
        vcpus: vCPUs of the instance type.
        memory_mib: its memory.
        pods: maximum number of pods on the node. Default: EKS's.
    """
    return allocatable(vcpus, memory_mib, pods or max_pods(vcpus)).without(*DAEMON_SETS.values())


def holds_system_pods(vcpus: int, memory_mib: int, nodes: int, *, secrets_store: bool) -> bool:
    """Whether the add-ons' pods fit on `nodes` nodes of an instance type, spread evenly.

    Args:
        vcpus: vCPUs of the instance type.
        memory_mib: its memory.
        nodes: the number of nodes.
        secrets_store: whether the add-on `SECRETS_STORE` is installed too.
    """
    everywhere = [room for addon, room in DAEMON_SETS.items() if secrets_store or addon != SECRETS_STORE]
    each = [*SYSTEM_PODS.values()] * math.ceil(SYSTEM_COPIES / nodes)
    left = allocatable(vcpus, memory_mib, max_pods(vcpus)).without(*everywhere, *each)
    return left.millicores >= 0 and left.memory_mib >= 0


@dataclass(frozen=True)
class Pods:
    """Identical pods to schedule."""

    count: int
    gpus: int
    room: Room


def fit(pod: Pods, gpus: int, room: Room) -> int:
    """How many of these pods fit on an empty node."""
    limits = (
        gpus // pod.gpus,
        room.millicores // max(1, pod.room.millicores),
        room.memory_mib // max(1, pod.room.memory_mib),
    )
    return max(0, min(limits))


def nodes_needed(wanted: Sequence[Pods], gpus: int, room: Room) -> int:
    """The number of nodes that all pods need, if the largest pods are placed first.

    For pods of one size the number is exact. For pods of different sizes it is a minimum, because the scheduler may
    spread small pods so that no node has enough free GPUs for a large one.

    Args:
        wanted: pods, each of which fits on an empty node.
        gpus: GPUs of a node.
        room: CPU and memory of a node.
    """
    nodes: list[tuple[int, Room]] = []
    for pod in sorted(wanted, key=lambda each: (each.gpus, each.room.memory_mib), reverse=True):
        for _ in range(pod.count):
            place = next((index for index, left in enumerate(nodes) if fit(pod, *left)), None)
            if place is None:
                nodes.append((gpus, room))
                place = len(nodes) - 1
            left_gpus, left = nodes[place]
            nodes[place] = (left_gpus - pod.gpus, left.without(pod.room))
    return len(nodes)
