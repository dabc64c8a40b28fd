from typing import Any

import pulumi_aws as aws
import pytest
from pydantic import ValidationError

from mlplatform import GpuNodePool, GpuPool
from mlplatform.nodes import volumes
from mlplatform.testing import Plan, declare


def pool(**wanted: Any) -> Plan:
    spec = GpuPool(**{"instance_types": ["g6.2xlarge"], **wanted})
    return declare(
        lambda: GpuNodePool(
            "train",
            {"pool": spec, "cluster_name": "main", "subnet_ids": ["subnet-a"], "disks_key_arn": "arn:disks"},
        )
    )


def nodes(**wanted: Any) -> Any:
    return pool(**wanted).one(aws.eks.NodeGroup).inputs


def test_nodes_ask_for_metadata_tokens_and_keep_them_from_pods() -> None:
    options = pool().one(aws.ec2.LaunchTemplate).inputs["metadataOptions"]
    assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)


def test_every_disk_is_encrypted_with_the_platform_s_key() -> None:
    for device in volumes(100, "arn:disks"):
        assert device["ebs"]["encrypted"] == "true"
        assert device["ebs"]["kms_key_id"] == "arn:disks"
        assert device["ebs"]["volume_type"] == "gp3"


def test_the_disk_for_images_has_the_size_that_was_asked_for() -> None:
    devices = {
        each["deviceName"]: each["ebs"]
        for each in pool(disk_gb=500).one(aws.ec2.LaunchTemplate).inputs["blockDeviceMappings"]
    }
    assert devices["/dev/xvdb"]["volumeSize"] == 500


def test_only_pods_that_want_a_gpu_are_put_on_gpu_nodes() -> None:
    assert nodes()["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]


def test_nodes_are_found_by_the_name_of_their_pool() -> None:
    assert nodes(labels={"team": "nlp"})["labels"] == {"team": "nlp", "mlplatform.io/pool": "train"}


@pytest.mark.parametrize(("capacity", "type"), [("spot", "SPOT"), ("onDemand", "ON_DEMAND")])
def test_nodes_are_bought_as_asked(capacity: str, type: str) -> None:
    assert nodes(capacity=capacity)["capacityType"] == type


def test_limits_reach_the_node_group() -> None:
    assert nodes(min_nodes=1, nodes=2, max_nodes=3)["scalingConfig"] == {
        "minSize": 1,
        "desiredSize": 2,
        "maxSize": 3,
    }


def test_a_change_of_the_template_reaches_the_nodes() -> None:
    assert nodes()["launchTemplate"]["version"] == "1"


@pytest.mark.parametrize(
    ("type", "ami"), [("g6.2xlarge", "BOTTLEROCKET_x86_64_NVIDIA"), ("g5g.xlarge", "BOTTLEROCKET_ARM_64_NVIDIA")]
)
def test_the_image_fits_the_processor(type: str, ami: str) -> None:
    assert nodes(instance_types=[type])["amiType"] == ami


def test_instances_and_their_volumes_bear_the_pool_s_tags() -> None:
    specifications = pool().one(aws.ec2.LaunchTemplate).inputs["tagSpecifications"]
    assert {each["resourceType"] for each in specifications} == {"instance", "volume", "network-interface"}
    assert {each["tags"]["mlplatform:stack"] for each in specifications} == {"mlplatform/test"}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"instance_types": ["m7i.large"]}, "m7i.large: allowed: types with NVIDIA GPUs"),
        ({"instance_types": ["g6.huge"]}, "g6.huge: allowed: EC2 instance types"),
        ({"instance_types": ["g6.xlarge", "g5g.xlarge"]}, "one processor architecture"),
        ({"min_nodes": 2, "nodes": 1}, r"nodes is 1; allowed: minNodes \(2\) to maxNodes \(4\)"),
        ({"nodes": 5}, r"nodes is 5; allowed: minNodes \(0\) to maxNodes \(4\)"),
        ({"disk_gb": 10}, "greater than or equal to 50"),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GpuPool(**{"instance_types": ["g6.2xlarge"], **wanted})


def test_nodes_follow_the_cluster_to_another_version_where_they_are_told_it() -> None:
    given = {
        "pool": {"instanceTypes": ["g6.2xlarge"]},
        "cluster_name": "main",
        "subnet_ids": ["a"],
        "disks_key_arn": "k",
    }
    plan = declare(lambda: GpuNodePool("train", {**given, "cluster_version": "1.36"}))  # type: ignore[typeddict-item]
    assert plan.one(aws.eks.NodeGroup).inputs["version"] == "1.36"
    assert "version" not in nodes()


def test_an_update_needs_no_gpu_beyond_the_most() -> None:
    assert nodes()["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}


@pytest.mark.parametrize("type", ["gr6.4xlarge", "p5.48xlarge", "p4d.24xlarge"])
def test_every_family_with_nvidia_gpus_is_taken(type: str) -> None:
    assert nodes(instance_types=[type])["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"


@pytest.mark.parametrize("type", ["g5g.xlarge", "p6e-gb200.36xlarge"])
def test_arm_types_get_an_arm_image(type: str) -> None:
    assert nodes(instance_types=[type])["amiType"] == "BOTTLEROCKET_ARM_64_NVIDIA"


def test_a_type_with_gpus_of_another_make_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"g4ad\.xlarge: allowed: types with NVIDIA GPUs"):
        GpuPool(instance_types=["g4ad.xlarge"])
