"""What a node of an EKS managed node group has room for: a pure function of its instance type.

The rules for stack files and the nodes of the sandbox both use it, so that what one lets pass the other schedules.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MANY_VCPUS: Final = 30
FEW_PODS: Final = 110
MANY_PODS: Final = 250
"""Most pods of a managed node: `FEW_PODS` below `MANY_VCPUS`, else `MANY_PODS`. With prefixes instead of single
addresses, as the platform's network plugin hands them out, every GPU instance type has addresses for as many:
https://docs.aws.amazon.com/eks/latest/userguide/choosing-instance-type.html#determine-max-pods"""

SYSTEM_SHARE: Final = 0.075
"""Part of an instance's memory that its firmware and kernel keep. What it is exactly only the running node tells;
Karpenter assumes this much (`VM_MEMORY_OVERHEAD_PERCENT`): https://karpenter.sh/docs/reference/settings/"""

EVICTION_MIB: Final = 100
"""Free memory below which the kubelet evicts pods:
https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds"""


@dataclass(frozen=True)
class Room:
    """CPU and memory, in thousandths of a core and in MiB."""

    millicores: int
    memory_mib: int

    def without(self, *taken: "Room") -> "Room":
        """What is left."""
        return Room(
            self.millicores - sum(each.millicores for each in taken),
            self.memory_mib - sum(each.memory_mib for each in taken),
        )


SECRETS_STORE: Final = "aws-secrets-store-csi-driver-provider"
"""Add-on that gives pods secrets of Secrets Manager, for platforms that have such pods:
https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-eks-add-ons-aws-secrets-store-csi-driver-provider/"""

FILE_DRIVER: Final = "aws-efs-csi-driver"
"""Add-on that mounts file systems of EFS, for platforms that have one:
https://docs.aws.amazon.com/eks/latest/userguide/efs-csi.html"""

DAEMON_SETS: Final[Mapping[str, Room]] = {
    "vpc-cni": Room(50, 0),
    "kube-proxy": Room(100, 0),
    "eks-pod-identity-agent": Room(0, 0),
    "eks-node-monitoring-agent": Room(10, 30),
    SECRETS_STORE: Room(50 + 70, 100 + 140),
    FILE_DRIVER: Room(0, 0),
}
"""What the pods that each add-on runs on every node ask for. Sources, 2026-11-28: the charts `aws-vpc-cni` (25m each
for the plugin and its network policy agent) and `eks-node-monitoring-agent` of https://github.com/aws/eks-charts;
kube-proxy's add-on manifest; `secrets-store-csi-driver-provider-aws` 3.1.1, and of
https://github.com/kubernetes-sigs/secrets-store-csi-driver 1.6.0 three containers. The chart of
https://github.com/kubernetes-sigs/aws-efs-csi-driver 3.4.1 asks for nothing, on the nodes or for its controller
(2026-11-29). NVIDIA's device plugin is part of Bottlerocket and no pod."""


SYSTEM_PODS: Final[Mapping[str, Room]] = {"coredns": Room(100, 70), "metrics-server": Room(100, 200)}
SYSTEM_COPIES: Final = 2
"""What each pod of the add-ons asks for that run on the cluster's own nodes, and how many there are of each:
https://docs.aws.amazon.com/eks/latest/userguide/coredns-autoscaling.html, CoreDNS's manifest of
https://github.com/kubernetes/kubernetes/blob/master/cluster/addons/dns/coredns/coredns.yaml.base and the chart of
https://github.com/kubernetes-sigs/metrics-server"""


def max_pods(vcpus: int) -> int:
    """Most pods of a managed node."""
    return FEW_PODS if vcpus < MANY_VCPUS else MANY_PODS


def capacity_mib(memory_mib: int) -> int:
    """Memory that a node reports, of what its instance type has."""
    return int(memory_mib * (1 - SYSTEM_SHARE))


def kube_reserved(vcpus: int, pods: int) -> Room:
    """What EKS's images, Bottlerocket among them, keep for the kubelet and the container runtime.

    6 % of the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of all others; 255 MiB and 11 MiB a pod:
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
    """What Kubernetes may give to pods on a node with at most `pods` of them."""
    whole = Room(vcpus * 1000, capacity_mib(memory_mib) - EVICTION_MIB)
    return whole.without(kube_reserved(vcpus, pods))


def room_for_models(vcpus: int, memory_mib: int, pods: int | None = None) -> Room:
    """What is left on a node for a platform's models, beside the pods that its add-ons run on every node.

    Args:
        vcpus: virtual CPUs of the instance type.
        memory_mib: its memory.
        pods: most pods of the node. Default: EKS's.
    """
    return allocatable(vcpus, memory_mib, pods or max_pods(vcpus)).without(*DAEMON_SETS.values())


def holds_system_pods(vcpus: int, memory_mib: int, nodes: int, *, secrets_store: bool) -> bool:
    """Whether `nodes` nodes of a type hold the pods of the cluster's own add-ons, spread over them.

    Args:
        vcpus: virtual CPUs of the instance type.
        memory_mib: its memory.
        nodes: how many there are.
        secrets_store: whether the add-on `SECRETS_STORE` is there too.
    """
    everywhere = [room for addon, room in DAEMON_SETS.items() if secrets_store or addon != SECRETS_STORE]
    each = [*SYSTEM_PODS.values()] * math.ceil(SYSTEM_COPIES / nodes)
    left = allocatable(vcpus, memory_mib, max_pods(vcpus)).without(*everywhere, *each)
    return left.millicores >= 0 and left.memory_mib >= 0


@dataclass(frozen=True)
class Pods:
    """Equal pods that are to be placed."""

    count: int
    gpus: int
    room: Room


def fit(pod: Pods, gpus: int, room: Room) -> int:
    """How many of these pods an empty node holds."""
    limits = (
        gpus // pod.gpus,
        room.millicores // max(1, pod.room.millicores),
        room.memory_mib // max(1, pod.room.memory_mib),
    )
    return max(0, min(limits))


def nodes_needed(wanted: Sequence[Pods], gpus: int, room: Room) -> int:
    """Nodes that hold all pods, whole pods on each, the largest placed first.

    The scheduler may place small pods so that a large one finds no node with enough GPUs left: for pods of one size the
    number is exact, for others it is the least that can do.

    Args:
        wanted: pods of which each fits on an empty node.
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
