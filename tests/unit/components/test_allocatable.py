"""The allocatable CPU and memory of nodes, and the number of nodes that pods need."""

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
        # https://github.com/awslabs/amazon-eks-ami: 6%, 1%, twice 0.5%, then 0.25% per core; 255 MiB plus 11 per pod.
        (1, 8, Room(60, 343)),
        (2, 29, Room(70, 574)),
        (4, 58, Room(80, 893)),
        (8, 110, Room(90, 1465)),
        (48, 250, Room(190, 3005)),
    ],
)
def test_kube_reserved_matches_eks_s_images(vcpus: int, pods: int, reserved: Room) -> None:
    assert kube_reserved(vcpus, pods) == reserved


def test_allocatable_excludes_system_memory_and_the_eviction_threshold() -> None:
    # g6.2xlarge: 8 cores, 32 GiB, of which the system uses 7.5%; 1,465 MiB kube-reserved, 100 MiB eviction threshold.
    assert allocatable(8, 32768, 110) == Room(7910, 30310 - 1465 - 100)


def test_the_daemon_sets_of_add_ons_are_subtracted() -> None:
    assert {*BEFORE_NODES, SECRETS_STORE} <= {*DAEMON_SETS}
    taken = Room(7910, 28745).without(room_for_models(8, 32768))
    assert taken == Room(
        sum(each.millicores for each in DAEMON_SETS.values()), sum(each.memory_mib for each in DAEMON_SETS.values())
    )


@pytest.mark.parametrize(
    "name", ["g6.xlarge", "g6.2xlarge", "g6e.12xlarge", "g5.48xlarge", "p4d.24xlarge", "p5.48xlarge"]
)
def test_the_sandbox_s_nodes_have_the_allocatable_resources_of_the_rules(name: str) -> None:
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
        # Four pods with 3 GPUs each need four nodes with 4 GPUs, because a pod cannot span nodes.
        ([Pods(4, 3, SMALL)], 4),
        # A node has memory for two pods and GPUs for four.
        ([Pods(4, 1, LARGE)], 2),
        # A pod with 3 GPUs leaves room for one with 1 GPU.
        ([Pods(2, 1, SMALL), Pods(2, 3, SMALL)], 2),
        ([Pods(3, 1, SMALL), Pods(2, 3, SMALL)], 3),
    ],
)
def test_a_pod_is_placed_on_one_node(wanted: list[Pods], needed: int) -> None:
    assert nodes_needed(wanted, 4, Room(100_000, 20_000)) == needed


def test_a_pod_larger_than_a_node_does_not_fit() -> None:
    assert fit(Pods(1, 5, SMALL), 4, Room(100_000, 20_000)) == 0
    assert fit(Pods(1, 1, Room(1000, 20_001)), 4, Room(100_000, 20_000)) == 0
