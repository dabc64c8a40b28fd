"""What a node has room for, and how many nodes pods need."""

import pytest

from awsfacts import instances
from awsfacts.allocatable import (
    DAEMON_SETS,
    SECRETS_STORE,
    Pods,
    Room,
    allocatable,
    fit,
    kube_reserved,
    nodes_needed,
    room_for_models,
)
from mlplatform.compute.eks_cluster.addons import BEFORE_NODES
from mlsandbox.cluster.eks import nodes
from mlsandbox.endpoint.eks import instance_types
from mlsandbox.endpoint.eks.backend import Instance


@pytest.mark.parametrize(
    ("vcpus", "pods", "reserved"),
    [
        # https://github.com/awslabs/amazon-eks-ami: 6 %, 1 %, twice 0.5 %, then 0.25 % of each core; 255 MiB, 11 a pod.
        (1, 8, Room(60, 343)),
        (2, 29, Room(70, 574)),
        (4, 58, Room(80, 893)),
        (8, 110, Room(90, 1465)),
        (48, 250, Room(190, 3005)),
    ],
)
def test_the_kubelet_keeps_what_eks_s_images_keep(vcpus: int, pods: int, reserved: Room) -> None:
    assert kube_reserved(vcpus, pods) == reserved


def test_a_node_keeps_more_than_the_kubelet_s_share() -> None:
    # g6.2xlarge: 8 cores, 32 GiB, of which the system takes 7.5 %; 1,465 MiB reserved, 100 MiB before eviction.
    assert allocatable(8, 32768, 110) == Room(7910, 30310 - 1465 - 100)


def test_what_the_add_ons_run_on_each_node_is_taken_off() -> None:
    assert {*BEFORE_NODES, SECRETS_STORE} <= {*DAEMON_SETS}
    taken = Room(7910, 28745).without(room_for_models(8, 32768))
    assert taken == Room(
        sum(each.millicores for each in DAEMON_SETS.values()), sum(each.memory_mib for each in DAEMON_SETS.values())
    )


@pytest.mark.parametrize(
    "name", ["g6.xlarge", "g6.2xlarge", "g6e.12xlarge", "g5.48xlarge", "p4d.24xlarge", "p5.48xlarge"]
)
def test_the_sandbox_s_nodes_offer_what_the_rules_count_with(name: str) -> None:
    facts, theirs = instances.find(name), instance_types.find(name)
    assert facts and theirs
    group = {
        "nodegroupName": "g",
        "clusterName": "c",
        "version": "1.36",
        "amiType": "X",
        "releaseVersion": "1",
        "capacityType": "ON_DEMAND",
    }
    instance = Instance("i-0", name, "10.0.1.23", "subnet-aaaaaaaa", "us-east-1a")
    offered = nodes.manifest(group, instance, theirs, "us-east-1", 100)["status"]["allocatable"]
    room = room_for_models(facts.vcpus, facts.memory_mib)
    assert (offered["cpu"], offered["memory"]) == (f"{room.millicores}m", f"{room.memory_mib}Mi")


SMALL, LARGE = Room(1000, 1000), Room(1000, 10000)


@pytest.mark.parametrize(
    ("wanted", "needed"),
    [
        ([], 0),
        ([Pods(1, 1, SMALL)], 1),
        ([Pods(4, 1, SMALL)], 1),
        ([Pods(5, 1, SMALL)], 2),
        # 12 GPUs in pods of 3 fill four nodes of 4, not three: a pod is on one node.
        ([Pods(4, 3, SMALL)], 4),
        # Memory for two a node, GPUs for four.
        ([Pods(4, 1, LARGE)], 2),
        # A pod of 3 GPUs leaves room for one of 1.
        ([Pods(2, 1, SMALL), Pods(2, 3, SMALL)], 2),
        ([Pods(3, 1, SMALL), Pods(2, 3, SMALL)], 3),
    ],
)
def test_pods_are_placed_whole(wanted: list[Pods], needed: int) -> None:
    assert nodes_needed(wanted, 4, Room(100_000, 20_000)) == needed


def test_what_does_not_fit_on_an_empty_node_fits_nowhere() -> None:
    assert fit(Pods(1, 5, SMALL), 4, Room(100_000, 20_000)) == 0
    assert fit(Pods(1, 1, Room(1000, 20_001)), 4, Room(100_000, 20_000)) == 0
