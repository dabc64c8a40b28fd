"""The instances of a node group, and their Kubernetes nodes."""

from typing import Any

import pytest

from mlsandbox.cluster.eks import definitions, nodes
from mlsandbox.endpoint import public_images
from mlsandbox.endpoint.eks import instance_types
from mlsandbox.endpoint.eks.backend import Instance
from mlsandbox.endpoint.eks.instances import LaunchError, scale
from mlsandbox.endpoint.eks.network import Place

PLACES = [Place("subnet-a", "eu-central-1a", "10.0.1.0/24"), Place("subnet-b", "eu-central-1b", "10.0.2.0/24")]
GROUP = {
    "nodegroupName": "gpu",
    "clusterName": "main",
    "version": "1.35",
    "releaseVersion": "1.35.0-20260415",
    "amiType": "AL2023_x86_64_NVIDIA",
    "capacityType": "SPOT",
    "labels": {"team": "ml"},
    "taints": [
        {"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"},
        {"key": "x", "effect": "NO_EXECUTE"},
    ],
}


def node(instance_type: str, **group: Any) -> dict[str, Any]:
    instance = Instance("i-0123456789abcdef0", instance_type, "10.0.1.23", "subnet-a", "eu-central-1a")
    facts = instance_types.find(instance_type)
    assert facts is not None
    return nodes.manifest({**GROUP, **group}, instance, facts, "eu-central-1", 100)


def test_a_gpu_node_has_the_capacity_of_its_instance_type() -> None:
    made = node("g6.2xlarge")

    assert made["metadata"]["name"] == "ip-10-0-1-23.eu-central-1.compute.internal"
    assert made["spec"]["providerID"] == "aws:///eu-central-1a/i-0123456789abcdef0"
    annotations = made["metadata"]["annotations"]
    assert annotations["kwok.x-k8s.io/node"] == "fake"
    assert annotations["metrics.k8s.io/resource-metrics-path"].split("/")[3] == made["metadata"]["name"]
    assert made["status"]["capacity"] == {
        "cpu": "8",
        "memory": "30310Mi",
        "ephemeral-storage": "100Gi",
        "pods": "110",
        "nvidia.com/gpu": "1",
    }


def test_resources_reserved_for_the_system_are_not_allocatable() -> None:
    allocatable = node("g6.2xlarge")["status"]["allocatable"]
    # 6 % + 1 % + 2 x 0.5 % + 4 x 0.25 % of a CPU; 255 MiB + 110 pods x 11 MiB + 100 MiB; and the add-ons' pods.
    assert allocatable["cpu"] == f"{7910 - 280}m"
    assert allocatable["memory"] == f"{30310 - 255 - 110 * 11 - 100 - 270}Mi"
    assert allocatable["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize(("variant", "gpus"), [("-nvidia", "1"), ("", None)])
def test_gpus_require_the_image_variant_with_their_driver(variant: str, gpus: str | None) -> None:
    (id,) = (
        image.id
        for image in public_images.images("eu-central-1")
        if (image.kubernetes, image.variant, image.architecture) == ("1.36", variant, "x86_64")
        and image.release.startswith("1.65.0")
    )
    made = node("g6.2xlarge", amiType="CUSTOM", releaseVersion=id, version="1.36")
    assert made["status"]["capacity"].get("nvidia.com/gpu") == gpus
    assert made["status"]["nodeInfo"]["osImage"].startswith(f"bottlerocket-aws-k8s-1.36{variant}-x86_64-v1.65.0")


def test_a_node_has_the_labels_that_eks_sets() -> None:
    labels = node("g6.2xlarge", launchTemplate={"id": "lt-1", "name": "gpu", "version": "3"})["metadata"]["labels"]
    assert {
        "team": "ml",
        "eks.amazonaws.com/nodegroup": "gpu",
        "eks.amazonaws.com/capacityType": "SPOT",
        "eks.amazonaws.com/sourceLaunchTemplateId": "lt-1",
        "eks.amazonaws.com/sourceLaunchTemplateVersion": "3",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "g6.2xlarge",
        "topology.kubernetes.io/region": "eu-central-1",
        "topology.kubernetes.io/zone": "eu-central-1a",
    }.items() <= labels.items()


def test_taints_have_the_format_of_kubernetes() -> None:
    assert node("g6.2xlarge")["spec"]["taints"] == [
        {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"},
        {"key": "x", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize(
    ("instance_type", "ami_type", "devices"),
    [
        ("p5.48xlarge", "AL2023_x86_64_NVIDIA", {"nvidia.com/gpu": "8"}),
        ("g6e.12xlarge", "BOTTLEROCKET_x86_64_NVIDIA", {"nvidia.com/gpu": "4"}),
        ("g6.2xlarge", "CUSTOM", {"nvidia.com/gpu": "1"}),
        ("g6.2xlarge", "AL2023_x86_64_STANDARD", {}),
        ("inf2.xlarge", "AL2023_x86_64_NEURON", {"aws.amazon.com/neuron": "1", "aws.amazon.com/neuroncore": "2"}),
        ("m7i.large", "AL2023_x86_64_STANDARD", {}),
    ],
)
def test_devices_require_an_image_with_their_driver(instance_type: str, ami_type: str, devices: dict[str, str]) -> None:
    capacity = node(instance_type, amiType=ami_type)["status"]["capacity"]
    assert {name: count for name, count in capacity.items() if "/" in name} == devices


@pytest.mark.parametrize(
    ("instance_type", "pods", "architecture"),
    [
        ("t3.nano", 34, "amd64"),
        ("m7g.large", 110, "arm64"),
        ("g6.8xlarge", 250, "amd64"),
        ("p5.48xlarge", 250, "amd64"),
    ],
)
def test_the_maximum_number_of_pods_depends_on_the_instance_type(
    instance_type: str, pods: int, architecture: str
) -> None:
    facts = instance_types.find(instance_type)
    assert facts is not None
    assert (facts.max_pods, facts.architecture) == (pods, architecture)


def test_an_unknown_instance_type_is_not_found() -> None:
    assert instance_types.find("g99.huge") is None


def test_a_new_node_group_is_spread_across_its_zones() -> None:
    made = scale([], 3, "g6.2xlarge", PLACES, set(), 0)

    assert [one.zone for one in made] == ["eu-central-1a", "eu-central-1b", "eu-central-1a"]
    assert [one.private_ip for one in made] == ["10.0.1.4", "10.0.2.4", "10.0.1.5"]
    assert len({one.id for one in made}) == 3


def test_scaling_removes_the_newest_instances_and_keeps_the_others() -> None:
    before = scale([], 3, "g6.2xlarge", PLACES, set(), 0)

    assert scale(before, 1, "g6.2xlarge", PLACES, set(), 0) == before[:1]
    grown = scale(before, 4, "g6.4xlarge", PLACES, set(), 1)
    assert grown[:3] == before
    assert (grown[3].type, grown[3].zone, grown[3].revision) == ("g6.4xlarge", "eu-central-1b", 1)


def test_addresses_of_other_node_groups_are_not_assigned() -> None:
    (made,) = scale([], 1, "t3.medium", PLACES[:1], {"10.0.1.4", "10.0.1.5"}, 0)
    assert made.private_ip == "10.0.1.6"


def test_the_error_names_a_full_subnet() -> None:
    tiny = [Place("subnet-c", "eu-central-1a", "10.0.9.0/28")]
    assert len(scale([], 11, "t3.medium", tiny, set(), 0)) == 11
    with pytest.raises(LaunchError, match="There are not enough free addresses in subnet 'subnet-c'"):
        scale([], 12, "t3.medium", tiny, set(), 0)


def test_an_add_on_defines_the_kinds_of_its_chart() -> None:
    made = definitions.of(["coredns", "aws-secrets-store-csi-driver-provider"])
    assert {*made} == {
        "secretproviderclasses.secrets-store.csi.x-k8s.io",
        "secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io",
    }
    assert made["secretproviderclasses.secrets-store.csi.x-k8s.io"]["spec"]["scope"] == "Namespaced"
    assert definitions.of(["coredns"]) == {}
